import { main, repeat, wgsl } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { type Epilogue, finishWgsl, storeFourWgsl } from './epilogue.ts';
import {
  declareShareWgsl,
  fetchFirst,
  fetchNext,
  firstReadWgsl,
  type Operand,
  operandsOf,
  type ThreadShare,
} from './fetch.ts';
import { isVectorized, type Layout, layoutOf, tileStartWgsl } from './shape.ts';
import { type MatmulConstants, tileOrder, type Variant } from './variant.ts';

/**
 * Matmul on tensor cores, through WGSL's experimental subgroup matrices: operands rounded to
 * float16, sums in float32. For adapters that have them, on devices opened with precision 'high'.
 * It has not run on tensor cores yet: Dawn accepts its WGSL, and it computes the right result when
 * plain loops replace the matrices.
 *
 * - Operands have the same layout in shared memory as in memory: a subgroup matrix is loaded row-
 *   or column-major.
 * - The next step is fetched into registers while this one is computed; values are rounded to
 *   float16 when they move on to shared memory.
 * - Each line of shared memory has 16 bytes of padding, so that neighbouring lines start in
 *   different banks.
 * - Sums go through shared memory, one matrix of each subgroup at a time: only there is the
 *   position of each element known.
 */
interface SubgroupMatrixConstants extends MatmulConstants {
  layout: Layout;
  tile: number;
}

/** Grid of a workgroup's subgroups, by tile. */
const subgroupGrids: Record<number, { down: number; across: number }> = {
  128: { down: 2, across: 4 },
  64: { down: 2, across: 2 },
};
const TILES = [128, 64];
const PADDING = 8;

export const subgroupMatrix: Variant<SubgroupMatrixConstants> = {
  name: 'subgroupMatrix',
  constants(p, traits) {
    const layout = layoutOf(p);
    const sizes = TILES.filter((tile) => fitsAdapter(tile, traits));
    if (layout === 'strided' || sizes.length === 0) return [];
    const width = isVectorized(p, layout) ? 4 : 1;
    return tileOrder(p, sizes).map((tile) => ({ variant: 'subgroupMatrix', layout, width, tile }));
  },
  tile: ({ tile }) => ({ tileM: tile, tileN: tile }),
  wgsl: subgroupMatrixWgsl,
};

/**
 * Whether whole matrices cover each subgroup's part of a tile, and both tiles and the results fit
 * shared memory.
 */
function fitsAdapter(
  tile: number,
  { subgroupMatrix, maxWorkgroupSize, maxWorkgroupStorage }: Traits,
): boolean {
  if (!subgroupMatrix) return false;
  const { m, n, k, subgroupSize } = subgroupMatrix;
  const { down, across } = subgroupGrids[tile];
  const bytes = 4 * tile * (subgroupSize + PADDING) + 4 * down * across * m * n;
  const whole = (tile / down) % m === 0 && (tile / across) % n === 0 && subgroupSize % k === 0;
  return whole && down * across * subgroupSize <= maxWorkgroupSize && bytes <= maxWorkgroupStorage;
}

/**
 * All uses of the experimental language, as in Dawn since the middle of 2026. Before, majorness was
 * an argument (`true`: column-major), and offsets and strides counted elements of the matrix
 * instead of the array.
 */
const matrix = {
  type: (kind: 'left' | 'right' | 'result', columns: number, rows: number) =>
    `subgroup_matrix_${kind}<${kind === 'result' ? 'f32' : 'f16'}, ${columns}, ${rows}>`,
  load: (type: string, from: string, at: string, stride: number, byRows: boolean) =>
    `subgroupMatrixLoad<${type}, ${byRows ? 'row_major' : 'col_major'}>(&${from}, ${at},
      ${stride}u)`,
  store: (to: string, at: string, value: string, stride: number) =>
    `subgroupMatrixStore<row_major>(&${to}, ${at}, ${value}, ${stride}u)`,
  multiplyAdd: (left: string, right: string, sum: string) =>
    `subgroupMatrixMultiplyAccumulate(${left}, ${right}, ${sum})`,
};

function subgroupMatrixWgsl(
  constants: SubgroupMatrixConstants,
  epilogue: Epilogue,
  traits: Traits,
): string {
  const { layout, width, tile } = constants;
  const { m, n, k, subgroupSize } = traits.subgroupMatrix!;
  const { down, across } = subgroupGrids[tile];
  const [partM, partN] = [tile / down, tile / across]; // of the tile, for one subgroup
  const threads = down * across * subgroupSize;
  // As many values of k per step as a subgroup has lanes: then one share per thread fetches each
  // tile.
  const depth = subgroupSize;
  const resultSize = (m * n) / 4;
  const [a, b] = Object.values(operandsOf(layout)).map((operand) =>
    sharedTile(operand, tile, depth, threads),
  );
  const sums = (line: (i: number, j: number) => string) =>
    repeat(partM / m, (i) => repeat(partN / n, (j) => line(i, j)));
  return wgsl`
var<workgroup> aTile: array<vec4<f16>, ${a.size}>;
var<workgroup> bTile: array<vec4<f16>, ${b.size}>;
var<workgroup> results: array<vec4<f32>, ${down * across * resultSize}>;
${finishWgsl(epilogue)}
${storeFourWgsl(width)}
fn storeResults(yStart: u32, firstRow: u32, firstColumn: u32, lane: u32) {
  for (var i = lane; i < ${down * across * resultSize}u; i += ${threads}u) {
    let part = i / ${resultSize}u;
    let row = firstRow + part / ${across}u * ${partM}u + i % ${resultSize}u / ${n / 4}u;
    let column = firstColumn + part % ${across}u * ${partN}u + i % ${n / 4}u * 4u;
    storeFour(yStart, row, column, results[i]);
  }
}
${firstReadWgsl(a.operand)}${firstReadWgsl(b.operand)}
${main(
  threads,
  `${tileStartWgsl(tile, tile)}
  let steps = (p.k + ${depth - 1}u) / ${depth}u;
  let kPadding = steps * ${depth}u - p.k;
${a.first(width)}
${b.first(width)}
  let partRow = subgroup / ${across}u * ${partM}u;
  let partColumn = subgroup % ${across}u * ${partN}u;
${sums((i, j) => `  var sum${i}_${j} = ${matrix.type('result', n, m)}();`)}
  for (var step = 1u; step <= steps; step++) {
${a.stage()}
${b.stage()}
    workgroupBarrier();
    if (step < steps) {${fetchNext(a.share, width)}${fetchNext(b.share, width)}
    }
    for (var k = 0u; k < ${depth}u; k += ${k}u) {
${repeat(
  partM / m,
  (i) =>
    `      let left${i} = ${a.load(
      matrix.type('left', k, m),
      `partRow
  + ${i * m}u`,
      true,
    )};`,
)}
${repeat(
  partN / n,
  (j) =>
    `      let right${j} = ${b.load(
      matrix.type('right', n, k),
      `partColumn
  + ${j * n}u`,
      false,
    )};`,
)}
${sums(
  (i, j) => `      sum${i}_${j} =
  ${matrix.multiplyAdd(`left${i}`, `right${j}`, `sum${i}_${j}`)};`,
)}
    }
    workgroupBarrier();
  }
${sums(
  (i, j) => `  ${matrix.store('results', `subgroup * ${resultSize}u`, `sum${i}_${j}`, n / 4)};
  workgroupBarrier();
  storeResults(yStart, m0 + ${i * m}u, n0 + ${j * n}u, lane);
  workgroupBarrier();`,
)}`,
  '@builtin(subgroup_id) subgroup: u32',
)}`;
}

/** An operand's tile in shared memory: lines along its adjacent dimension, of vec4s. */
function sharedTile(operand: Operand, tile: number, depth: number, threads: number) {
  const { name, alongK } = operand;
  const [along, lines] = alongK ? [depth, tile] : [tile, depth];
  const [quads, line] = [along / 4, (along + PADDING) / 4];
  const spread = threads / quads;
  const [inLine, lineAt] = [`${name}Quad * 4u`, `${name}Line`];
  const share: ThreadShare = {
    operand,
    t: alongK ? lineAt : inLine,
    k: alongK ? inLine : lineAt,
    spread,
    prefix: name,
  };
  return {
    operand,
    share,
    size: lines * line,
    first: (width: number) => `
  let ${name}Quad = lane % ${quads}u;
  let ${name}Line = lane / ${quads}u;
${declareShareWgsl(name, width)}
${fetchFirst(share, width, depth)}`,
    stage: () =>
      repeat(
        4,
        (i) =>
          `    ${name}Tile[(${name}Line + ${i * spread}u) * ${line}u
            + ${name}Quad] = vec4<f16>(${name}${i});`,
      ),
    /**
     * The matrix at row or column `t` of the tile and value `k` of the step; a's rows lie along t,
     * b's along k.
     */
    load: (type: string, t: string, rowsAlongT: boolean) =>
      matrix.load(
        type,
        `${name}Tile`,
        alongK ? `(${t}) * ${line}u + k / 4u` : `k * ${line}u + (${t}) / 4u`,
        line,
        alongK === rowsAlongT,
      ),
  };
}
