import { defineKernel, main, wgsl } from '../../device/kernel.ts';
import { splitAlong } from '../kit/splitAxis.ts';

/**
 * A stable sort of each row: runs of `RUN` elements are ranked by counting, then neighbouring runs
 * are merged until one is left. Each element finds its place by itself, so nothing is atomic. Keys
 * are words whose unsigned order is the wanted one.
 */
const LANES = 64;

/** Length of the runs that the first launch sorts. */
export const RUN = 32;

const size = (p: { rows: number; n: number }) => p.rows * p.n;
const words = { type: 'u32', access: 'read', size, fill: { below: () => 99 } } as const;
const output = { type: 'u32', access: 'write', size } as const;

const NAN_KEY = 0xffffffff;

/** The key of a word: NaN is the greatest float, and both zeros are equal. */
function keyOf(word: number, isFloat: number, descending: number): number {
  const magnitude = word & 0x7fffffff;
  let key = word ^ 0x80000000;
  if (isFloat && magnitude > 0x7f800000) key = NAN_KEY;
  else if (isFloat && magnitude === 0) key = 0x80000000;
  else if (isFloat && word >>> 31) key = ~word;
  return (descending ? ~key : key) >>> 0;
}

const keyWgsl = wgsl`
fn keyOf(word: u32) -> u32 {
  let magnitude = word & 0x7fffffffu;
  var key = word ^ 0x80000000u;
  if (p.isFloat == 1u && magnitude > 0x7f800000u) { key = ${NAN_KEY}u; }
  else if (p.isFloat == 1u && magnitude == 0u) { key = 0x80000000u; }
  else if (p.isFloat == 1u && (word >> 31u) == 1u) { key = ~word; }
  return select(key, ~key, p.descending == 1u);
}`;

/**
 * Sorts each run of a row: keys and order (positions in the row) of x, floats or integers. x, keys,
 * order: [rows, n].
 */
export const sortRuns = defineKernel({
  name: 'sortRuns',
  params: { rows: 'u32', n: 'u32', isFloat: 'u32', descending: 'u32' },
  buffers: { x: words, keys: output, order: output },
  launch: (p) => Math.ceil((p.rows * p.n) / LANES),
  splitAxes: (p, alignment) => [
    splitAlong(p, 'rows', { x: p.n, keys: p.n, order: p.n }, alignment),
  ],
  wgsl: () =>
    keyWgsl +
    main(
      LANES,
      wgsl`  let at = group * ${LANES}u + lane;
  if (at >= p.rows * p.n) { return; }
  let row = (at / p.n) * p.n;
  let place = at - row;
  let start = place - place % ${RUN}u;
  let end = min(start + ${RUN}u, p.n);
  let key = keyOf(x[at]);
  var rank = 0u;
  for (var k = start; k < end; k++) {
    let other = keyOf(x[row + k]);
    rank += select(0u, 1u, other < key || (other == key && k < place));
  }
  keys[row + start + rank] = key;
  order[row + start + rank] = place;`,
    ),
  reference({ x, keys, order }, { rows, n, isFloat, descending }) {
    const made = Float64Array.from({ length: n });
    for (let row = 0; row < rows * n; row += n) {
      for (let k = 0; k < n; k++) made[k] = keyOf(x[row + k], isFloat, descending);
      for (let start = 0; start < n; start += RUN) {
        const places = Array.from({ length: Math.min(RUN, n - start) }, (_, k) => start + k);
        places.sort((a, b) => made[a] - made[b]);
        places.forEach((place, k) => {
          keys[row + start + k] = made[place];
          order[row + start + k] = place;
        });
      }
    }
  },
  cases: [
    { rows: 3, n: 17, isFloat: 1, descending: 0 },
    { rows: 5, n: 100, isFloat: 0, descending: 1 },
    { rows: 16, n: 4096, isFloat: 1, descending: 1 },
  ],
});

/**
 * Merges runs of `width` in pairs. keysIn, orderIn, keys, order: [rows, n]. An element's place is
 * its place in its run plus the elements of the other run that come before it.
 */
export const mergeRuns = defineKernel({
  name: 'mergeRuns',
  params: { rows: 'u32', n: 'u32', width: 'u32' },
  buffers: {
    // The generic tests need sorted runs: equal keys are.
    keysIn: { ...words, fill: { below: () => 1 } },
    orderIn: words,
    keys: output,
    order: output,
  },
  launch: (p) => Math.ceil((p.rows * p.n) / LANES),
  splitAxes: (p, alignment) => [
    splitAlong(p, 'rows', { keysIn: p.n, orderIn: p.n, keys: p.n, order: p.n }, alignment),
  ],
  wgsl: () =>
    main(
      LANES,
      wgsl`  let at = group * ${LANES}u + lane;
  if (at >= p.rows * p.n) { return; }
  let row = (at / p.n) * p.n;
  let place = at - row;
  let run = place / p.width;
  let start = run * p.width;
  let other = (run ^ 1u) * p.width;
  let key = keysIn[at];
  var low = min(other, p.n);
  var high = min(other + p.width, p.n);
  let first = low;
  while (low < high) {
    let middle = (low + high) / 2u;
    let found = keysIn[row + middle];
    // Equal elements of the left run come first.
    if (found < key || (found == key && other < start)) { low = middle + 1u; }
    else { high = middle; }
  }
  let to = row + min(start, other) + (place - start) + (low - first);
  keys[to] = key;
  order[to] = orderIn[at];`,
    ),
  reference({ keysIn, orderIn, keys, order }, { rows, n, width }) {
    for (let row = 0; row < rows * n; row += n) {
      for (let start = 0; start < n; start += 2 * width) {
        const middle = row + Math.min(start + width, n);
        const end = row + Math.min(start + 2 * width, n);
        let [left, right] = [row + start, middle];
        for (let to = row + start; to < end; to++) {
          const takesLeft = right >= end || (left < middle && keysIn[left] <= keysIn[right]);
          const from = takesLeft ? left++ : right++;
          keys[to] = keysIn[from];
          order[to] = orderIn[from];
        }
      }
    }
  },
  cases: [
    { rows: 3, n: 100, width: 32 },
    { rows: 16, n: 4000, width: 1024 },
  ],
});
