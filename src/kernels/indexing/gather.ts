import { defineKernel, main } from '../../device/kernel.ts';
import { splitAlong } from '../kit/splitAxis.ts';

const WORKGROUP_SIZE = 64;
const params = { outer: 'u32', n: 'u32', m: 'u32', inner: 'u32' } as const;
type P = { outer: number; n: number; m: number; inner: number };
const index = {
  type: 'i32',
  access: 'read',
  size: (p: P) => p.outer * p.m * p.inner,
  fill: { below: (p: P) => p.n },
} as const;
const fill = { below: () => 999 };
const cases: P[] = [
  { outer: 3, n: 17, m: 5, inner: 1 },
  { outer: 2, n: 9, m: 31, inner: 4 },
  { outer: 256, n: 64, m: 64, inner: 1 },
];

/**
 * Picks words of any type along the middle axis: y[o, k, j] = x[o, index[o, k, j], j]; the bits
 * `invalid` if the index is out of range. x: [outer, n, inner], index, y: [outer, m, inner].
 */
export const gather = defineKernel({
  name: 'gather',
  params: { ...params, invalid: 'i32' },
  buffers: {
    x: { type: 'i32', access: 'read', size: (p) => p.outer * p.n * p.inner, fill },
    index,
    y: { type: 'i32', access: 'write', size: (p) => p.outer * p.m * p.inner },
  },
  launch: (p) => Math.ceil((p.outer * p.m * p.inner) / WORKGROUP_SIZE),
  splitAxes: (p, alignment) => [
    splitAlong(p, 'outer', { x: p.n * p.inner, index: p.m * p.inner, y: p.m * p.inner }, alignment),
  ],
  wgsl: () =>
    main(
      WORKGROUP_SIZE,
      `  let at = group * ${WORKGROUP_SIZE}u + lane;
  if (at >= p.outer * p.m * p.inner) { return; }
  let k = index[at];
  let isValid = k >= 0 && k < i32(p.n);
  let row = (at / (p.m * p.inner)) * p.n + u32(select(0, k, isValid));
  y[at] = select(p.invalid, x[row * p.inner + at % p.inner], isValid);`,
    ),
  reference({ x, index, y }, { outer, n, m, inner, invalid }) {
    for (let at = 0; at < outer * m * inner; at++) {
      const k = index[at];
      const from = Math.floor(at / (m * inner)) * n + k;
      y[at] = k >= 0 && k < n ? x[from * inner + (at % inner)] : invalid;
    }
  },
  cases: cases.map((p) => ({ ...p, invalid: -1 })),
});

/**
 * Gradient of gather: dx[o, v, j] = Σ over k with index[o, k, j] = v of dy[o, k, j], in order of k.
 */
export const gatherBackward = defineKernel({
  name: 'gatherBackward',
  params,
  buffers: {
    dy: { type: 'f32', access: 'read', size: (p) => p.outer * p.m * p.inner },
    index,
    dx: { type: 'f32', access: 'write', size: (p) => p.outer * p.n * p.inner },
  },
  launch: (p) => Math.ceil((p.outer * p.n * p.inner) / WORKGROUP_SIZE),
  splitAxes: (p, alignment) => [
    splitAlong(
      p,
      'outer',
      { dy: p.m * p.inner, index: p.m * p.inner, dx: p.n * p.inner },
      alignment,
    ),
  ],
  wgsl: () =>
    main(
      WORKGROUP_SIZE,
      `  let at = group * ${WORKGROUP_SIZE}u + lane;
  if (at >= p.outer * p.n * p.inner) { return; }
  let v = i32((at / p.inner) % p.n);
  let base = (at / (p.n * p.inner)) * p.m * p.inner + at % p.inner;
  var total = 0.0;
  for (var k = 0u; k < p.m; k++) {
    if (index[base + k * p.inner] == v) { total += dy[base + k * p.inner]; }
  }
  dx[at] = total;`,
    ),
  reference({ dy, index, dx }, { outer, n, m, inner }) {
    for (let at = 0; at < outer * n * inner; at++) {
      const v = Math.floor(at / inner) % n;
      const base = Math.floor(at / (n * inner)) * m * inner + (at % inner);
      let total = 0;
      for (let k = 0; k < m; k++) if (index[base + k * inner] === v) total += dy[base + k * inner];
      dx[at] = total;
    }
  },
  cases,
});
