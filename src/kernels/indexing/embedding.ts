import { defineKernel, main, repeat } from '../../device/kernel.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from '../kit/perElement.ts';
import { isVectorised } from '../kit/perRow.ts';
import { splitAlong } from '../kit/splitAxis.ts';
import { rowTiles } from '../kit/wasmTiles.ts';

const WORKGROUP_SIZE = 64;
/** Positions and columns of a tile on the `wasm` device: a long chain is shared by columns. */
const [TILE_POSITIONS, TILE_COLUMNS] = [128, 64];
/** `n` ids of rows of a table of `vocab` rows; a launch sees `rows` of them, from `first` on. */
const params = { vocab: 'u32', first: 'u32', rows: 'u32', cols: 'u32', n: 'u32' } as const;
type P = Record<keyof typeof params, number>;
const ids = {
  type: 'i32',
  access: 'read',
  size: (p: P) => p.n,
  fill: { below: (p: P) => p.vocab },
} as const;
const cases: P[] = [
  { vocab: 7, first: 0, rows: 7, cols: 5, n: 33 },
  { vocab: 1000, first: 0, rows: 1000, cols: 128, n: 384 },
  { vocab: 1000, first: 200, rows: 300, cols: 12, n: 384 },
  { vocab: 30000, first: 0, rows: 30000, cols: 128, n: 3072 },
];

/**
 * Rows of a table: y[i] = weight[ids[i]] if the launch sees that row; NaN if no row has that id.
 * weight: [rows, cols], ids: [n], y: [n, cols].
 */
export const embedding = defineKernel({
  name: 'embedding',
  params,
  buffers: {
    weight: { type: 'V', access: 'read', size: (p) => p.rows * p.cols },
    ids,
    y: { type: 'V', access: 'readwrite', size: (p) => p.n * p.cols },
  },
  specialize: (p, traits) => ({ width: p.cols % 4 === 0 ? 4 : 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups((p.n * p.cols) / c.width, c),
  splitAxes: (p, alignment) => [
    splitAlong(p, 'rows', { weight: p.cols }, alignment, (at) => ({ first: p.first + at })),
    splitAlong(p, 'n', { ids: 1, y: p.cols }, alignment),
  ],
  wgsl: (c) =>
    perElementMain(
      c,
      `p.n * p.cols / ${c.width}u`,
      `let cols = p.cols / ${c.width}u;
    let position = i / cols;
    let id = ids[position];
    let row = u32(id) - p.first;
    if (row < p.rows) { y[i] = weight[row * cols + i - position * cols]; }
    else if (id < 0 || id >= i32(p.vocab)) { y[i] = V(bitcast<f32>(p.n | 0x7fc00000u)); }`,
    ),
  wasm: ({ n, cols }) => rowTiles('embedding', n, cols),
  reference({ weight, ids, y }, { vocab, first, rows, cols, n }) {
    for (let i = 0; i < n; i++) {
      const row = ids[i] - first;
      if (row >= 0 && row < rows) y.set(weight.subarray(row * cols, (row + 1) * cols), i * cols);
      else if (ids[i] < 0 || ids[i] >= vocab) y.fill(Number.NaN, i * cols, (i + 1) * cols);
    }
  },
  cases,
});

/**
 * WGSL: `after`, the next position with the id of position `i` (n if there is no such position),
 * and `isRepeated`: whether an earlier position has it.
 */
const searchPerLane = `  if (i >= p.n) { return; }
  let id = ids[i];
  var after = i + 1u;
  while (after < p.n && ids[after] != id) { after++; }
  var before = 0u;
  while (before < i && ids[before] != id) { before++; }
  let isRepeated = before < i;`;

/**
 * The same for adapters where a load costs more than many comparisons: the lanes load one id each
 * and broadcast them to all.
 */
const searchByBroadcast = (lanes: number) => `  let id = ids[min(i, p.n - 1u)];
  var after = p.n;
  var isRepeated = false;
  for (var start = 0u; start < p.n; start += ${lanes}u) {
    let loadedId = ids[min(start + lane, p.n - 1u)];
${repeat(
  lanes,
  (k) => `    {
      let position = start + ${k}u;
      let isSame = subgroupBroadcast(loadedId, ${k}u) == id && position < p.n;
      after = select(after, min(after, position), isSame && position > i);
      isRepeated |= isSame && position < i;
    }`,
)}
  }
  if (i >= p.n) { return; }`;

/**
 * Links equal ids, so that their gradients are summed in order and without atomics: next[i] is the
 * next position with the same id (n if there is no such position), plus 2^31 if an earlier position
 * has it. ids, next: [n].
 */
export const linkEqualIds = defineKernel({
  name: 'linkEqualIds',
  params,
  buffers: { ids, next: { type: 'u32', access: 'write', size: (p) => p.n } },
  specialize: (_, traits) => ({
    lanes: isVectorised(traits) ? traits.subgroupSize : WORKGROUP_SIZE,
    byBroadcast: isVectorised(traits),
  }),
  launch: (p, { lanes }) => Math.ceil(p.n / lanes),
  wgsl: ({ lanes, byBroadcast }) =>
    main(
      lanes,
      `  let i = group * ${lanes}u + lane;
${byBroadcast ? searchByBroadcast(lanes) : searchPerLane}
  next[i] = after | select(0u, 0x80000000u, isRepeated);`,
    ),
  reference({ ids, next }, { n }) {
    const last = new Map<number, number>();
    for (let i = 0; i < n; i++) {
      const before = last.get(ids[i]);
      if (before !== undefined) next[before] = (next[before] & 0x80000000) + i;
      next[i] = n + (before === undefined ? 0 : 0x80000000);
      last.set(ids[i], i);
    }
  },
  cases,
});

/** Marks the rows that ids name: touchedRows[ids[i]] = 1, once per chain. touchedRows: [vocab]. */
export const markTouchedRows = defineKernel({
  name: 'markTouchedRows',
  params,
  buffers: {
    ids,
    next: { type: 'u32', access: 'read', size: (p) => p.n, fill: { below: () => 1 } },
    touchedRows: { type: 'i32', access: 'readwrite', size: (p) => p.vocab, fill: 'bool' },
  },
  launch: (p) => Math.ceil(p.n / WORKGROUP_SIZE),
  wgsl: () =>
    main(
      WORKGROUP_SIZE,
      `  let i = group * ${WORKGROUP_SIZE}u + lane;
  if (i >= p.n || next[i] >= 0x80000000u || u32(ids[i]) >= p.vocab) { return; }
  touchedRows[ids[i]] = 1;`,
    ),
  reference({ ids, touchedRows }, { vocab, n }) {
    for (const id of ids.subarray(0, n)) if (id >= 0 && id < vocab) touchedRows[id] = 1;
  },
  cases,
});

/** Zeroes the touched rows and clears their marks. y: [rows, cols], touchedRows: [rows]. */
export const zeroTouchedRows = defineKernel({
  name: 'zeroTouchedRows',
  params: { rows: 'u32', cols: 'u32' },
  buffers: {
    touchedRows: { type: 'i32', access: 'readwrite', size: (p) => p.rows, fill: 'bool' },
    y: { type: 'V', access: 'readwrite', size: (p) => p.rows * p.cols },
  },
  specialize: (p, traits) => ({ width: p.cols % 4 === 0 ? 4 : 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(p.rows, c),
  splitAxes: (p, alignment) => [splitAlong(p, 'rows', { touchedRows: 1, y: p.cols }, alignment)],
  wgsl: (c) =>
    perElementMain(
      c,
      'p.rows',
      `if (touchedRows[i] == 0) { continue; }
    touchedRows[i] = 0;
    let cols = p.cols / ${c.width}u;
    for (var at = i * cols; at < (i + 1u) * cols; at++) { y[at] = V(0.0); }`,
    ),
  wasm: ({ rows, cols }) => rowTiles('zeroTouchedRows', rows, cols / 16),
  reference({ touchedRows, y }, { rows, cols }) {
    for (let row = 0; row < rows; row++)
      if (touchedRows[row]) y.fill(0, row * cols, (row + 1) * cols);
    touchedRows.fill(0, 0, rows);
  },
  cases: [
    { rows: 33, cols: 5 },
    { rows: 3000, cols: 128 },
  ],
});

/**
 * Adds the sum of dy over each chain to its row of dWeight, if the launch sees the row and it is
 * not `padding` (-1: no padding row). dy: [n, cols], dWeight: [rows, cols].
 */
export const embeddingBackward = defineKernel({
  name: 'embeddingBackward',
  params: { ...params, padding: 'i32' },
  buffers: {
    dy: { type: 'V', access: 'read', size: (p) => p.n * p.cols },
    ids,
    next: { type: 'u32', access: 'read', size: (p) => p.n, fill: { below: () => 1 } },
    dWeight: { type: 'V', access: 'readwrite', size: (p) => p.rows * p.cols },
  },
  specialize: (p, traits) => ({ width: p.cols % 4 === 0 ? 4 : 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups((p.n * p.cols) / c.width, c),
  splitAxes: (p, alignment) => [
    splitAlong(p, 'rows', { dWeight: p.cols }, alignment, (at) => ({ first: p.first + at })),
  ],
  wgsl: (c) =>
    perElementMain(
      c,
      `p.n * p.cols / ${c.width}u`,
      `let cols = p.cols / ${c.width}u;
    let position = i / cols;
    let id = ids[position];
    var cursor = next[position];
    let row = u32(id) - p.first;
    if (id == p.padding || row >= p.rows || cursor >= 0x80000000u) { continue; }
    let column = i - position * cols;
    var total = dy[i];
    while (cursor < p.n) {
      total += dy[cursor * cols + column];
      cursor = next[cursor] & 0x7fffffffu;
    }
    dWeight[row * cols + column] += total;`,
    ),
  wasm({ n, cols }) {
    const tiles = Math.ceil(n / TILE_POSITIONS) * Math.ceil(cols / TILE_COLUMNS);
    const words = [TILE_POSITIONS, TILE_COLUMNS];
    return { phases: [{ entry: 'embeddingBackward', tiles }], words };
  },
  reference({ dy, ids, next, dWeight }, { first, rows, cols, n, padding }) {
    for (let i = 0; i < n; i++) {
      const row = ids[i] - first;
      if (ids[i] === padding || row < 0 || row >= rows || next[i] >= 0x80000000) continue;
      for (let c = 0; c < cols; c++) {
        let total = 0;
        for (let j = i; j < n; j = next[j] & 0x7fffffff) total += dy[j * cols + c];
        dWeight[row * cols + c] += total;
      }
    }
  },
  // `linkEqualIds` makes the chain. The generic tests would fill it with zeros, an endless loop, so
  // this kernel has no cases of its own.
  cases: [],
});
