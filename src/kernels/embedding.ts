import { defineKernel, main } from '../gpu/kernel.ts';
import { flatConstants, flatGroups, flatMain } from './flat.ts';

const GROUP = 64;
const table = { vocab: 'u32', cols: 'u32', n: 'u32' } as const;
type P = { vocab: number; cols: number; n: number };
const ids = { type: 'i32', access: 'read', size: (p: P) => p.n, fill: { below: (p: P) => p.vocab } } as const;
const cases: P[] = [
  { vocab: 7, cols: 5, n: 33 },
  { vocab: 1000, cols: 128, n: 384 },
  { vocab: 30000, cols: 128, n: 3072 },
];

/** Rows of a table: y[i] = weight[ids[i]]; NaN where an id has no row. weight: [vocab, cols], ids: [n], y: [n, cols]. */
export const embedding = defineKernel({
  name: 'embedding',
  params: table,
  buffers: {
    weight: { type: 'V', access: 'read', size: (p) => p.vocab * p.cols },
    ids,
    y: { type: 'V', access: 'write', size: (p) => p.n * p.cols },
  },
  specialize: (p, traits) => ({ width: p.cols % 4 === 0 ? 4 : 1, ...flatConstants(traits) }),
  launch: (p, c) => flatGroups((p.n * p.cols) / c.width, c),
  wgsl: (c) =>
    flatMain(
      c,
      `p.n * p.cols / ${c.width}u`,
      `let cols = p.cols / ${c.width}u;
    let id = ids[i / cols];
    let known = id >= 0 && id < i32(p.vocab);
    let row = u32(select(0, id, known));
    y[i] = select(V(bitcast<f32>(p.n | 0x7fc00000u)), weight[row * cols + i % cols], known);`,
    ),
  reference({ weight, ids, y }, { vocab, cols, n }) {
    for (let i = 0; i < n; i++) {
      const known = ids[i] >= 0 && ids[i] < vocab;
      for (let c = 0; c < cols; c++) y[i * cols + c] = known ? weight[ids[i] * cols + c] : Number.NaN;
    }
  },
  cases,
});

/**
 * Chains equal ids, so that their gradients can be summed in order and without atomics:
 * next[i] is the next place with the same id (n: none), plus 2^31 where an earlier place has it. ids, next: [n].
 */
export const chainIds = defineKernel({
  name: 'chainIds',
  params: table,
  buffers: { ids, next: { type: 'u32', access: 'write', size: (p) => p.n } },
  launch: (p) => Math.ceil(p.n / GROUP),
  wgsl: () =>
    main(
      GROUP,
      `  let i = group * ${GROUP}u + lane;
  if (i >= p.n) { return; }
  let id = ids[i];
  var after = i + 1u;
  while (after < p.n && ids[after] != id) { after++; }
  var before = 0u;
  while (before < i && ids[before] != id) { before++; }
  next[i] = after | select(0u, 0x80000000u, before < i);`,
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

/** Adds up dy over each chain into dWeight, which must hold zeros; the row `padding` (-1: none) is left alone. dy: [n, cols]. */
export const embeddingBackward = defineKernel({
  name: 'embeddingBackward',
  params: { ...table, padding: 'i32' },
  buffers: {
    dy: { type: 'V', access: 'read', size: (p) => p.n * p.cols },
    ids,
    next: { type: 'u32', access: 'read', size: (p) => p.n, fill: { below: () => 1 } },
    dWeight: { type: 'V', access: 'readwrite', size: (p) => p.vocab * p.cols },
  },
  specialize: (p, traits) => ({ width: p.cols % 4 === 0 ? 4 : 1, ...flatConstants(traits) }),
  launch: (p, c) => flatGroups((p.n * p.cols) / c.width, c),
  wgsl: (c) =>
    flatMain(
      c,
      `p.n * p.cols / ${c.width}u`,
      `let cols = p.cols / ${c.width}u;
    let place = i / cols;
    let id = ids[place];
    var link = next[place];
    if (id == p.padding || id < 0 || id >= i32(p.vocab) || link >= 0x80000000u) { continue; }
    let column = i % cols;
    var total = dy[i];
    while (link < p.n) {
      total += dy[link * cols + column];
      link = next[link] & 0x7fffffffu;
    }
    dWeight[u32(id) * cols + column] = total;`,
    ),
  reference({ dy, ids, next, dWeight }, { vocab, cols, n, padding }) {
    for (let i = 0; i < n; i++) {
      if (ids[i] === padding || ids[i] < 0 || ids[i] >= vocab || next[i] >= 0x80000000) continue;
      for (let c = 0; c < cols; c++) {
        let total = 0;
        for (let j = i; j < n; j = next[j] & 0x7fffffff) total += dy[j * cols + c];
        dWeight[ids[i] * cols + c] = total;
      }
    }
  },
  // The chain is made by `chainIds`; the generic tests fill it with zeros, which would loop, so it has none of its own.
  cases: [],
});
