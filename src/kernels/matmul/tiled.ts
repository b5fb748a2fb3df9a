import { main, repeat, wgsl } from '../../device/kernel.ts';
import { suitsBroadcast } from './broadcast.ts';
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
import { isLong, isVectorized, type Layout, layoutOf, tileStartWgsl } from './shape.ts';
import { type MatmulConstants, tileOrder, type Variant } from './variant.ts';

/**
 * Register-tiled matmul: a workgroup computes a square tile of y, a thread a block of it in
 * registers, from tiles of a and b that the workgroup fetches into shared memory step by step. For
 * adapters with real workgroup memory; any strides.
 *
 * - Both tiles are k-major, so the inner loop reads vec4s of a's rows and of b's columns. An
 *   operand that is adjacent along k is transposed in registers, and its vec4s are permuted so that
 *   stores have no bank conflicts.
 * - The next step is fetched into registers while this one is computed.
 * - One half of the workgroup fetches a's tile, the other b's, 4 × 4 elements per thread.
 * - Neighbouring threads hold neighbouring vec4s of a row of y: reads of shared memory and stores
 *   have no bank conflicts.
 *
 * See Lai and Seznec, "Performance upper bound analysis and optimization of SGEMM on Fermi and
 * Kepler GPUs" (CGO 2013), and S. Boehm, "How to optimize a CUDA matmul kernel" (2022).
 */
interface TileShape {
  /** Values of k per step. */
  depth: number;
  /** Rows and columns of y that a thread holds. */
  rows: number;
  columns: number;
}

/**
 * Each has tile · depth / 8 threads, so that one share per thread fetches both tiles; at most 16
 * KiB and 256 threads.
 */
const tileShapes: Record<number, TileShape> = {
  128: { depth: 16, rows: 8, columns: 8 },
  64: { depth: 16, rows: 4, columns: 8 },
  32: { depth: 16, rows: 4, columns: 4 },
};
const TILES = [128, 64, 32];

interface TiledConstants extends MatmulConstants {
  layout: Layout;
  tile: number;
  /** Whether sums are added up in blocks. */
  long: boolean;
}

/** Values of k in a block of a long sum. */
const BLOCK = 256;

export const tiled: Variant<TiledConstants> = {
  name: 'tiled',
  constants(p, traits) {
    if (suitsBroadcast(traits)) return [];
    const layout = layoutOf(p);
    const width = isVectorized(p, layout) ? 4 : 1;
    const shared = { variant: 'tiled', layout, width, long: isLong(p) };
    return tileOrder(p, TILES).map((tile) => ({ ...shared, tile }));
  },
  tile: ({ tile }) => ({ tileM: tile, tileN: tile }),
  wgsl: tiledWgsl,
};

function tiledWgsl({ layout, width, tile, long }: TiledConstants, epilogue: Epilogue): string {
  const { depth, rows, columns } = tileShapes[tile];
  const { a, b } = operandsOf(layout);
  const threads = (tile * tile) / (rows * columns);
  const size = (tile / 4) * depth; // of a tile, in vec4s
  return wgsl`
var<workgroup> aTile: array<vec4<f32>, ${size}>;
var<workgroup> bTile: array<vec4<f32>, ${size}>;
${finishWgsl(epilogue)}
${storeFourWgsl(width)}
${firstReadWgsl(a)}${firstReadWgsl(b)}
${main(
  threads,
  `${tileStartWgsl(tile, tile)}
  let steps = (p.k + ${depth - 1}u) / ${depth}u;
  let kPadding = steps * ${depth}u - p.k;
  let fetchesA = lane < ${threads / 2}u;
  var slot: u32;
${declareShareWgsl('own', width)}
  if (fetchesA) {${fetchFirstTile(a, width, tile, depth)}
  } else {${fetchFirstTile(b, width, tile, depth)}
  }
${multiplyTiles({ tile, width, long }, a, b)}`,
)}`;
}

/** A thread's share is a block of 4 × 4 neighbours; `tq` and `kq` count blocks along t and k. */
const shareOf = (operand: Operand): ThreadShare => ({
  operand,
  t: 'tq * 4u',
  k: 'kq * 4u',
  spread: 1,
  prefix: 'own',
});

/**
 * Neighbouring threads take neighbouring addresses: along k if it is the adjacent dimension, else
 * along t.
 */
function fetchFirstTile(operand: Operand, width: number, tile: number, depth: number): string {
  const { alongK } = operand;
  const blocks = alongK ? depth / 4 : tile / 4;
  const share = `lane % ${(tile * depth) / 16}u`;
  return `
    let tq = (${share}) ${alongK ? '/' : '%'} ${blocks}u;
    let kq = (${share}) ${alongK ? '%' : '/'} ${blocks}u;
    slot = kq * ${tile}u
      + ${alongK ? '(tq ^ (kq * 2u))' : 'tq'};${fetchFirst(shareOf(operand), width, depth)}`;
}

/** Puts the share into shared memory, k-major. */
const stageTile = ({ name, alongK }: Operand, tile: number): string =>
  (alongK ? '\n      let transposed = transpose(mat4x4<f32>(own0, own1, own2, own3));' : '') +
  repeat(
    4,
    (i) =>
      `\n      ${name}Tile[slot
        + ${(i * tile) / 4}u] = ${alongK ? `transposed[${i}]` : `own${i}`};`,
    '',
  );

function multiplyTiles(
  { tile, width, long }: Pick<TiledConstants, 'tile' | 'width' | 'long'>,
  a: Operand,
  b: Operand,
): string {
  const { depth, rows, columns } = tileShapes[tile];
  const [across, down] = [tile / columns, tile / rows]; // threads beside and below each other
  const [rowVectors, columnVectors] = [rows / 4, columns / 4];
  const block = (line: (row: number, column: number) => string) =>
    repeat(rows, (row) => repeat(columnVectors, (column) => line(row, column)));
  const place = (row: number, column: number) =>
    `m0 + down * 4u + ${(row >> 2) * down * 4 + (row & 3)}u, n0 + across * 4u
    + ${column * across * 4}u`;
  const endOfBlock = `    if (step % ${BLOCK / depth}u == 0u || step == steps) {
${block((row, column) => `      total${row}_${column} += sum${row}_${column};`)}
${block((row, column) => `      sum${row}_${column} = vec4<f32>();`)}
    }`;
  const read = ({ name, alongK }: Operand, i: number, mine: string, apart: number) =>
    `      let ${name}${i} = ${name}Tile[k * ${tile / 4}u
      + ${alongK ? `(${mine} ^ swizzle)` : mine} + ${i * apart}u];`;
  return `
  let across = lane % ${across}u;
  let down = lane / ${across}u;
${block((row, column) => `  var sum${row}_${column}: vec4<f32>;`)}
${long ? block((row, column) => `  var total${row}_${column}: vec4<f32>;`) : ''}
  for (var step = 1u; step <= steps; step++) {
    if (fetchesA) {${stageTile(a, tile)}
    } else {${stageTile(b, tile)}
    }
    workgroupBarrier();
    if (step < steps) {
      if (fetchesA) {${fetchNext(shareOf(a), width)}
      } else {${fetchNext(shareOf(b), width)}
      }
    }
    for (var k = 0u; k < ${depth}u; k++) {
${a.alongK || b.alongK ? '      let swizzle = k / 4u * 2u;' : ''}
${repeat(rowVectors, (i) => read(a, i, 'down', down))}
${repeat(columnVectors, (i) => read(b, i, 'across', across))}
${block(
  (row, column) => `      sum${row}_${column} += a${row >> 2}.${'xyzw'[row & 3]}
  * b${column};`,
)}
    }
    workgroupBarrier();
${long ? endOfBlock : ''}
  }
${block(
  (row, column) =>
    `  storeFour(yStart, ${place(row, column)}, ${long ? 'total' : 'sum'}${row}_${column});`,
)}`;
}
