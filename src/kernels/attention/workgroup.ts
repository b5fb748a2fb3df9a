import { main } from '../../device/kernel.ts';
import { LOWEST } from '../kit/perRow.ts';
import { headAndTile } from './shape.ts';

/**
 * Attention for adapters with real workgroup memory. A workgroup owns rows (of queries, or of keys); the other side's rows
 * come through shared memory, a tile at a time. One, two or four threads own a row, so that a thread keeps at most eight
 * vec4s of each of its tensors in registers: thread t of a row has vec4s t, t + parts, … The parts of the products of own
 * rows and tile rows are added up through shared memory, of which 16 KiB are used at most.
 */
const THREADS = 64;

interface TileConstants {
  /** vec4s of a row. */
  vectors: number;
  dropout: boolean;
  causal: boolean;
}

/** Threads of an own row, vec4s of each, vec4s of a tile's row (with padding), and rows of a tile. */
function geometry(vectors: number): { parts: number; slots: number; width: number; depth: number } {
  const parts = vectors <= 8 ? 1 : vectors <= 16 ? 2 : 4;
  const slots = Math.ceil(vectors / parts);
  return { parts, slots, width: slots * parts, depth: parts === 4 ? 8 : 16 };
}

/** Rows that a workgroup owns. */
export const tileRows = (vectors: number): number => THREADS / geometry(vectors).parts;

/** Shared memory: two tiles, and each thread's parts of the products, which `…Of(j, lane)` adds up for tile row j. */
function declarations(vectors: number, products: readonly string[]): string {
  const { parts, width, depth } = geometry(vectors);
  const sum = (name: string) =>
    Array.from({ length: parts }, (_, part) => `${name}[at + ${part}u]`).join(' + ');
  return `
var<workgroup> left: array<vec4<f32>, ${depth * width}>;
var<workgroup> right: array<vec4<f32>, ${depth * width}>;
${products
  .map(
    (name) => `var<workgroup> ${name}: array<f32, ${THREADS * depth}>;
fn ${name}Of(j: u32, lane: u32) -> f32 {
  let at = j * ${THREADS}u + lane / ${parts}u * ${parts}u;
  return ${sum(name)};
}`,
  )
  .join('\n')}`;
}

const ownStart = (vectors: number, count: string): string => `
  let part = lane % ${geometry(vectors).parts}u;
  let row = first + lane / ${geometry(vectors).parts}u;
  let read = min(row, ${count} - 1u);`;

/** Registers for this thread's vec4s of the own row: those of `load` start as vec4 d of a tensor, those of `sums` as 0. */
function ownVectors(
  vectors: number,
  load: Record<string, string>,
  sums: readonly string[],
): string {
  const { parts, slots } = geometry(vectors);
  const array = (name: string) => `  var ${name}: array<vec4<f32>, ${slots}>;`;
  return `
${[...Object.keys(load), ...sums].map(array).join('\n')}
  for (var i = 0u; i < ${slots}u; i++) {
    let d = min(i * ${parts}u + part, ${vectors - 1}u);
    let inside = i * ${parts}u + part < ${vectors}u;
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
 * Walks the other side's rows, from `begin` to before `count`, a tile at a time: fills the tiles, multiplies own rows with
 * their rows, then runs `use` for the rows from `start` to `end`. Loops over rows count from `start`: a compiler that knew their length would unroll them.
 */
function walkTiles(
  vectors: number,
  [begin, count]: readonly [string, string],
  fill: { left: string; right: string },
  products: Record<string, Product>,
  use: string,
): string {
  const { parts, slots, width, depth } = geometry(vectors);
  return `
  for (var start = ${begin}; start < ${count}; start += ${depth}u) {
    let end = min(start + ${depth}u, ${count});
    workgroupBarrier();
    for (var e = lane; e < (end - start) * ${width}u; e += ${THREADS}u) {
      let other = start + e / ${width}u;
      let d = min(e % ${width}u, ${vectors - 1}u);
      left[e] = ${fill.left};
      right[e] = ${fill.right};
    }
    workgroupBarrier();
    for (var other = start; other < end; other++) {
      let at = (other - start) * ${width}u + part;
${Object.entries(products)
  .map(
    ([name, { own, tile }]) => `      var ${name}Part = V(0.0);
      for (var i = 0u; i < ${slots}u; i++) { ${name}Part += ${own}[i] * ${tile}[at + i * ${parts}u]; }
      ${name}[(other - start) * ${THREADS}u + lane] = hsum(${name}Part);`,
  )
  .join('\n')}
    }
    workgroupBarrier();
${use}
  }`;
}

/** Adds `weight` times this thread's vec4s of the tile's row `other` to `sums`. */
function addRow(
  vectors: number,
  adds: readonly { sums: string; weight: string; tile: 'left' | 'right' }[],
): string {
  const { parts, slots, width } = geometry(vectors);
  return `      let at = (other - start) * ${width}u + part;
      for (var i = 0u; i < ${slots}u; i++) {
${adds.map(({ sums, weight, tile }) => `        ${sums}[i] += ${weight} * ${tile}[at + i * ${parts}u];`).join('\n')}
      }`;
}

/** Stores this thread's vec4s, i of its own and d of the row, of a row that exists. */
function storeOwn(vectors: number, count: string, stores: readonly string[]): string {
  const { parts, slots } = geometry(vectors);
  return `
  for (var i = 0u; i < ${slots}u; i++) {
    let d = i * ${parts}u + part;
    if (row < ${count} && d < ${vectors}u) {
${stores.map((store) => `      ${store}`).join('\n')}
    }
  }`;
}

/** The bits of the own query row for this tile's keys, which never straddle two words. */
const keptBits = (dropout: boolean): string =>
  dropout
    ? '    let bits = kept[keptStart + read * ((p.keys + 31u) / 32u) + start / 32u] >> (start % 32u);'
    : '';
const ifKept = (dropout: boolean, value: string): string =>
  dropout ? `select(0.0, ${value}, ((bits >> (other - start)) & 1u) == 1u)` : value;

/** The keys that any of the own query rows sees, and the end of those in a tile that this thread's row sees. */
const keysSeen = (vectors: number, causal: boolean) =>
  ['0u', causal ? `min(p.keys, first + ${tileRows(vectors)}u)` : 'p.keys'] as const;
const ownEnd = (causal: boolean): string => (causal ? 'min(end, row + 1u)' : 'end');

const keyTiles = { left: 'k[kStart + other * kStep + d]', right: 'v[vStart + other * vStep + d]' };

export const forwardTiles = ({ vectors, dropout, causal }: TileConstants): string => `
${declarations(vectors, ['scores'])}
${main(
  THREADS,
  `${headAndTile('p.length', tileRows(vectors))}
${ownStart(vectors, 'p.length')}
${ownVectors(vectors, { ownQ: 'q[qStart + read * qStep + d] * p.scale' }, ['sums'])}
  var top = ${LOWEST};
  var total = 0.0;
${walkTiles(
  vectors,
  keysSeen(vectors, causal),
  keyTiles,
  { scores: { own: 'ownQ', tile: 'left' } },
  `${keptBits(dropout)}
    var high = top;
    for (var other = start; other < ${ownEnd(causal)}; other++) { high = max(high, scoresOf(other - start, lane) + mask[maskStart + other]); }
    let shrink = exp(top - high);
    top = high;
    total *= shrink;
    for (var i = 0u; i < ${geometry(vectors).slots}u; i++) { sums[i] *= shrink; }
    for (var other = start; other < ${ownEnd(causal)}; other++) {
      let prob = exp(scoresOf(other - start, lane) + mask[maskStart + other] - high);
      total += prob;
      let weight = ${ifKept(dropout, 'prob')};
${addRow(vectors, [{ sums: 'sums', weight: 'weight', tile: 'right' }])}
    }`,
)}
  let at = (b * p.length + read) * p.heads + h;
  if (row < p.length && part == 0u) { stats[at * 2u] = top; stats[at * 2u + 1u] = total; }
${storeOwn(vectors, 'p.length', [`y[at * ${vectors}u + d] = sums[i] * (p.keepScale / total);`])}`,
)}`;

export const queryGradientTiles = ({ vectors, dropout, causal }: TileConstants): string => `
${declarations(vectors, ['scores', 'drops'])}
${main(
  THREADS,
  `${headAndTile('p.length', tileRows(vectors))}
${ownStart(vectors, 'p.length')}
  let at = (b * p.length + read) * p.heads + h;
  let term = terms[at];
${ownVectors(vectors, { ownQ: 'q[qStart + read * qStep + d] * p.scale', ownDy: `dy[at * ${vectors}u + d] * p.keepScale` }, ['sums'])}
${walkTiles(
  vectors,
  keysSeen(vectors, causal),
  keyTiles,
  { scores: { own: 'ownQ', tile: 'left' }, drops: { own: 'ownDy', tile: 'right' } },
  `${keptBits(dropout)}
    for (var other = start; other < ${ownEnd(causal)}; other++) {
      let prob = exp(scoresOf(other - start, lane) + mask[maskStart + other] - term.x) * term.y;
      let dScore = prob * (${ifKept(dropout, 'dropsOf(other - start, lane)')} - term.z);
${addRow(vectors, [{ sums: 'sums', weight: 'dScore', tile: 'left' }])}
    }`,
)}
${storeOwn(vectors, 'p.length', [`dq[at * ${vectors}u + d] = sums[i] * p.scale;`])}`,
)}`;

export const keyValueGradientTiles = ({ vectors, dropout, causal }: TileConstants): string => `
${declarations(vectors, ['scores', 'drops'])}
${main(
  THREADS,
  `${headAndTile('p.keys', tileRows(vectors))}
${ownStart(vectors, 'p.keys')}
  let bias = mask[maskStart + read];
${ownVectors(vectors, { ownK: 'k[kStart + read * kStep + d] * p.scale', ownV: 'v[vStart + read * vStep + d]' }, ['sumsK', 'sumsV'])}
${walkTiles(
  vectors,
  // Queries before the first own key do not see it.
  [causal ? 'first' : '0u', 'p.length'],
  {
    left: 'q[qStart + other * qStep + d]',
    right: `dy[((b * p.length + other) * p.heads + h) * ${vectors}u + d]`,
  },
  { scores: { own: 'ownK', tile: 'left' }, drops: { own: 'ownV', tile: 'right' } },
  `    for (var other = ${causal ? 'max(start, read)' : 'start'}; other < end; other++) {
      let term = terms[(b * p.length + other) * p.heads + h];
      let prob = exp(scoresOf(other - start, lane) + bias - term.x) * term.y;
${
  dropout
    ? `      let word = kept[keptStart + other * ((p.keys + 31u) / 32u) + read / 32u];
      let keep = select(0.0, p.keepScale, ((word >> (read % 32u)) & 1u) == 1u);`
    : '      let keep = 1.0;'
}
      let weight = prob * keep;
      let dScore = prob * (dropsOf(other - start, lane) * keep - term.z);
${addRow(vectors, [
  { sums: 'sumsK', weight: 'dScore', tile: 'left' },
  { sums: 'sumsV', weight: 'weight', tile: 'right' },
])}
    }`,
)}
  let at = ((b * p.keys + read) * p.heads + h) * ${vectors}u;
  let values = (p.batch * p.keys * p.heads * ${vectors}u + 15u) / 16u * 16u;
${storeOwn(vectors, 'p.keys', ['dkv[at + d] = sumsK[i] * p.scale;', 'dkv[values + at + d] = sumsV[i];'])}`,
)}`;
