import { main } from '../../device/kernel.ts';
import { LOWEST_F32 } from '../kit/perRow.ts';
import { headAndTileWgsl } from './shape.ts';

/**
 * Attention for adapters with real workgroup memory. A workgroup owns rows (of queries, or of
 * keys); the other side's rows come through shared memory, a tile at a time. One, two or four
 * threads own a row, so that a thread keeps at most eight vec4s of each of its tensors in
 * registers: thread t of a row has vec4s t, t + threads, … The parts of the products of own rows
 * and tile rows are added up in shared memory. It uses at most 16 KiB.
 */
export const WORKGROUP_SIZE = 64;

export interface WorkgroupConstants {
  /** vec4s of a row. */
  vectors: number;
  dropout: boolean;
  causal: boolean;
}

/**
 * Threads per own row, vec4s per thread, vec4s of a tile's row (with padding), and rows of a tile.
 */
function tileGeometry(vectors: number): {
  threadsPerRow: number;
  vectorsPerThread: number;
  rowVectors: number;
  tileDepth: number;
} {
  const threadsPerRow = vectors <= 8 ? 1 : vectors <= 16 ? 2 : 4;
  const vectorsPerThread = Math.ceil(vectors / threadsPerRow);
  return {
    threadsPerRow,
    vectorsPerThread,
    rowVectors: vectorsPerThread * threadsPerRow,
    tileDepth: threadsPerRow === 4 ? 8 : 16,
  };
}

/** Rows that a workgroup owns. */
export const workgroupRows = (vectors: number): number =>
  WORKGROUP_SIZE / tileGeometry(vectors).threadsPerRow;

/**
 * Shared memory: two tiles, and each thread's parts of the products; `…Of(j, lane)` adds them up
 * for tile row j.
 */
export function declarations(vectors: number, products: readonly string[]): string {
  const { threadsPerRow, rowVectors, tileDepth } = tileGeometry(vectors);
  const sum = (name: string) =>
    Array.from({ length: threadsPerRow }, (_, part) => `${name}[at + ${part}u]`).join(' + ');
  return `
var<workgroup> left: array<vec4<f32>, ${tileDepth * rowVectors}>;
var<workgroup> right: array<vec4<f32>, ${tileDepth * rowVectors}>;
${products
  .map(
    (name) => `var<workgroup> ${name}: array<f32, ${WORKGROUP_SIZE * tileDepth}>;
fn ${name}Of(j: u32, lane: u32) -> f32 {
  let at = j * ${WORKGROUP_SIZE}u + lane / ${threadsPerRow}u * ${threadsPerRow}u;
  return ${sum(name)};
}`,
  )
  .join('\n')}`;
}

export const ownStart = (vectors: number, count: string): string => `
  let threadInRow = lane % ${tileGeometry(vectors).threadsPerRow}u;
  let row = first + lane / ${tileGeometry(vectors).threadsPerRow}u;
  let clampedRow = min(row, ${count} - 1u);`;

/**
 * Registers for this thread's vec4s of the own row: `load` registers start as vec4 d of a tensor,
 * `sums` as 0.
 */
export function ownVectors(
  vectors: number,
  load: Record<string, string>,
  sums: readonly string[],
): string {
  const { threadsPerRow, vectorsPerThread } = tileGeometry(vectors);
  const array = (name: string) => `  var ${name}: array<vec4<f32>, ${vectorsPerThread}>;`;
  return `
${[...Object.keys(load), ...sums].map(array).join('\n')}
  for (var i = 0u; i < ${vectorsPerThread}u; i++) {
    let d = min(i * ${threadsPerRow}u + threadInRow, ${vectors - 1}u);
    let inside = i * ${threadsPerRow}u + threadInRow < ${vectors}u;
${Object.entries(load)
  .map(([name, text]) => `    ${name}[i] = select(V(0.0), ${text}, inside);`)
  .join('\n')}
  }`;
}

interface Product {
  own: string;
  tile: 'left' | 'right';
}

/**
 * Walks the other side's rows, from `begin` up to `count`, a tile at a time: fills the tiles,
 * multiplies own rows with their rows, then runs `use` for the rows from `start` to `end`. Loops
 * over rows count from `start`: if a compiler knew their length it would unroll them.
 */
export function walkTiles(
  vectors: number,
  [begin, count]: readonly [string, string],
  fill: { left: string; right: string },
  products: Record<string, Product>,
  use: string,
): string {
  const { threadsPerRow, vectorsPerThread, rowVectors, tileDepth } = tileGeometry(vectors);
  return `
  for (var start = ${begin}; start < ${count}; start += ${tileDepth}u) {
    let end = min(start + ${tileDepth}u, ${count});
    workgroupBarrier();
    for (var e = lane; e < (end - start) * ${rowVectors}u; e += ${WORKGROUP_SIZE}u) {
      let other = start + e / ${rowVectors}u;
      let d = min(e % ${rowVectors}u, ${vectors - 1}u);
      left[e] = ${fill.left};
      right[e] = ${fill.right};
    }
    workgroupBarrier();
    for (var other = start; other < end; other++) {
      let at = (other - start) * ${rowVectors}u + threadInRow;
${Object.entries(products)
  .map(
    ([name, { own, tile }]) => `      var ${name}Part = V(0.0);
      for (var i = 0u; i < ${vectorsPerThread}u; i++) {
        ${name}Part += ${own}[i] * ${tile}[at + i * ${threadsPerRow}u]; }
      ${name}[(other - start) * ${WORKGROUP_SIZE}u + lane] = hsum(${name}Part);`,
  )
  .join('\n')}
    }
    workgroupBarrier();
${use}
  }`;
}

/** Adds `weight` times this thread's vec4s of the tile's row `other` to `sums`. */
export function addRow(
  vectors: number,
  adds: readonly { sums: string; weight: string; tile: 'left' | 'right' }[],
): string {
  const { threadsPerRow, vectorsPerThread, rowVectors } = tileGeometry(vectors);
  return `      let at = (other - start) * ${rowVectors}u + threadInRow;
      for (var i = 0u; i < ${vectorsPerThread}u; i++) {
${adds
  .map(
    ({ sums, weight, tile }) => `        ${sums}[i] += ${weight} * ${tile}[at + i
  * ${threadsPerRow}u];`,
  )
  .join('\n')}
      }`;
}

/** Stores this thread's vec4s if the row exists; i counts its own, d the row's. */
export function storeOwn(vectors: number, count: string, stores: readonly string[]): string {
  const { threadsPerRow, vectorsPerThread } = tileGeometry(vectors);
  return `
  for (var i = 0u; i < ${vectorsPerThread}u; i++) {
    let d = i * ${threadsPerRow}u + threadInRow;
    if (row < ${count} && d < ${vectors}u) {
${stores.map((store) => `      ${store}`).join('\n')}
    }
  }`;
}

/** The bits of the own query row for this tile's keys; they never straddle two words. */
export const keepBitsOfTile = (dropout: boolean): string =>
  dropout
    ? `    let bits = keepBits[keepStart + clampedRow * ((p.keys + 31u) / 32u) + start / 32u]
      >> (start % 32u);`
    : '';
export const ifKeepBit = (dropout: boolean, value: string): string =>
  dropout ? `select(0.0, ${value}, ((bits >> (other - start)) & 1u) == 1u)` : value;

/**
 * The range of keys that any own query row sees; `visibleEnd` is the end of those in a tile that
 * this thread's row sees.
 */
export const visibleKeyRange = (vectors: number, causal: boolean) =>
  ['0u', causal ? `min(p.keys, first + ${workgroupRows(vectors)}u)` : 'p.keys'] as const;
export const visibleEnd = (causal: boolean): string => (causal ? 'min(end, row + 1u)' : 'end');

export const keyTiles = {
  left: 'k[kStart + other * kStep + d]',
  right: 'v[vStart + other * vStep + d]',
};

export const forwardWorkgroup = ({ vectors, dropout, causal }: WorkgroupConstants): string => `
${declarations(vectors, ['scores'])}
${main(
  WORKGROUP_SIZE,
  `${headAndTileWgsl('p.length', workgroupRows(vectors))}
${ownStart(vectors, 'p.length')}
${ownVectors(vectors, { ownQ: 'q[qStart + clampedRow * qStep + d] * p.scale' }, ['sums'])}
  var rowMax = ${LOWEST_F32};
  var expSum = 0.0;
${walkTiles(
  vectors,
  visibleKeyRange(vectors, causal),
  keyTiles,
  { scores: { own: 'ownQ', tile: 'left' } },
  `${keepBitsOfTile(dropout)}
    var newMax = rowMax;
    for (var other = start; other < ${visibleEnd(causal)}; other++) {
      newMax = max(newMax, scoresOf(other - start, lane) + mask[maskStart + other]); }
    let rescale = exp(rowMax - newMax);
    rowMax = newMax;
    expSum *= rescale;
    for (var i = 0u; i < ${tileGeometry(vectors).vectorsPerThread}u; i++) { sums[i] *= rescale; }
    for (var other = start; other < ${visibleEnd(causal)}; other++) {
      let prob = exp(scoresOf(other - start, lane) + mask[maskStart + other] - newMax);
      expSum += prob;
      let weight = ${ifKeepBit(dropout, 'prob')};
${addRow(vectors, [{ sums: 'sums', weight: 'weight', tile: 'right' }])}
    }`,
)}
  let at = (b * p.length + clampedRow) * p.heads + h;
  // A row that sees no key is 0.
  let divisor = select(expSum, 1.0, expSum == 0.0);
  if (row < p.length && threadInRow == 0u) { stats[at * 2u] = rowMax; stats[at * 2u + 1u] = expSum;
    }
${storeOwn(vectors, 'p.length', [`y[at * ${vectors}u + d] = sums[i] * (p.keepScale / divisor);`])}`,
)}`;
