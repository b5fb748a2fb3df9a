import { defineKernel, main, wgsl } from '../../device/kernel.ts';
import { splitAlong } from '../kit/splitAxis.ts';

/** Products along the middle axis of [outer, n, inner]: each lane walks a line of its own. */
const LANES = 64;
const params = { outer: 'u32', n: 'u32', inner: 'u32' } as const;
type P = Record<keyof typeof params, number>;
const full = (p: P) => p.outer * p.n * p.inner;
const reduced = (p: P) => p.outer * p.inner;
const cases: P[] = [
  { outer: 3, n: 7, inner: 1 },
  { outer: 2, n: 20, inner: 33 },
];

const line = wgsl`  let line = group * ${LANES}u + lane;
  if (line >= p.outer * p.inner) { return; }
  let start = (line / p.inner) * p.n * p.inner + line % p.inner;`;

/** y[o, j] = Π x[o, k, j]. */
export const prod = defineKernel({
  name: 'prod',
  params,
  buffers: {
    x: { type: 'f32', access: 'read', size: full, fill: 'positive' },
    y: { type: 'f32', access: 'write', size: reduced },
  },
  launch: (p) => Math.ceil(reduced(p) / LANES),
  splitAxes: (p, alignment) => [
    splitAlong(p, 'outer', { x: p.n * p.inner, y: p.inner }, alignment),
  ],
  wgsl: () =>
    main(
      LANES,
      wgsl`${line}
  var total = 1.0;
  for (var k = 0u; k < p.n; k++) { total *= x[start + k * p.inner]; }
  y[line] = total;`,
    ),
  reference({ x, y }, { outer, n, inner }) {
    for (let i = 0; i < outer * inner; i++) {
      const start = Math.floor(i / inner) * n * inner + (i % inner);
      let total = 1;
      for (let k = 0; k < n; k++) total *= x[start + k * inner];
      y[i] = total;
    }
  },
  cases,
});

/** dx[o, k, j] = dy[o, j] times the product of all other elements of the line. */
export const prodBackward = defineKernel({
  name: 'prodBackward',
  params,
  buffers: {
    x: { type: 'f32', access: 'read', size: full, fill: 'positive' },
    dy: { type: 'f32', access: 'read', size: reduced },
    dx: { type: 'f32', access: 'write', size: full },
  },
  launch: (p) => Math.ceil(reduced(p) / LANES),
  splitAxes: (p, alignment) => [
    splitAlong(p, 'outer', { x: p.n * p.inner, dy: p.inner, dx: p.n * p.inner }, alignment),
  ],
  wgsl: () =>
    main(
      LANES,
      wgsl`${line}
  // The elements before, then those after.
  var total = dy[line];
  for (var k = 0u; k < p.n; k++) {
    let at = start + k * p.inner;
    dx[at] = total;
    total *= x[at];
  }
  total = 1.0;
  for (var k = p.n; k > 0u; k--) {
    let at = start + (k - 1u) * p.inner;
    dx[at] *= total;
    total *= x[at];
  }`,
    ),
  reference({ x, dy, dx }, { outer, n, inner }) {
    for (let i = 0; i < outer * inner; i++) {
      const start = Math.floor(i / inner) * n * inner + (i % inner);
      for (let k = 0; k < n; k++) {
        let others = dy[i];
        for (let m = 0; m < n; m++) if (m !== k) others *= x[start + m * inner];
        dx[start + k * inner] = others;
      }
    }
  },
  cases,
});
