import { wgsl } from '../../device/kernel.ts';
import { defineCell } from './cell.ts';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000). Gates in
 * PyTorch's order: input, forget, cell, output.
 */
export const lstm = defineCell({
  name: 'lstm',
  gates: 4,
  saved: 4,
  states: 2,
  separate: false,
  forward: wgsl`
    let s0 = sigmoid(x0 + g0);
    let s1 = sigmoid(x1 + g1);
    let s2 = tanh_(x2 + g2);
    let s3 = sigmoid(x3 + g3);
    let newC = s1 * c + s0 * s2;
    let newH = s3 * tanh_(newC);`,
  forwardReference(x, g, _h, c) {
    const [i, f, o] = [0, 1, 3].map((k) => sigmoid(x[k] + g[k]));
    const z = Math.tanh(x[2] + g[2]);
    const next = f * c + i * z;
    return { h: o * Math.tanh(next), c: next, s: [i, f, z, o] };
  },
  backward: wgsl`
    let squashed = tanh_(newC);
    let total = dc + dh * s3 * (1.0 - squashed * squashed);
    let dx0 = total * s2 * s0 * (1.0 - s0);
    let dx1 = total * c * s1 * (1.0 - s1);
    let dx2 = total * s0 * (1.0 - s2 * s2);
    let dx3 = dh * squashed * s3 * (1.0 - s3);
    let directH = 0.0;
    let dcBefore = total * s1;`,
  backwardReference({ dh, dc, s: [i, f, z, o], c, newC }) {
    const squashed = Math.tanh(newC);
    const total = dc + dh * o * (1 - squashed * squashed);
    return {
      dx: [
        total * z * i * (1 - i),
        total * c * f * (1 - f),
        total * i * (1 - z * z),
        dh * squashed * o * (1 - o),
      ],
      directH: 0,
      dcBefore: total * f,
    };
  },
});

/**
 * Gated recurrent unit (Cho et al. 2014, arXiv 1406.1078) as PyTorch and cuDNN have it: the reset
 * gate multiplies the product with the state. Gates: reset, update, new.
 */
export const gru = defineCell({
  name: 'gru',
  gates: 3,
  saved: 4,
  states: 1,
  separate: true,
  forward: wgsl`
    let s0 = sigmoid(x0 + g0);
    let s1 = sigmoid(x1 + g1);
    let s3 = g2;
    let s2 = tanh_(x2 + s0 * g2);
    let newH = (1.0 - s1) * s2 + s1 * h;`,
  forwardReference(x, g, h) {
    const [r, z] = [0, 1].map((k) => sigmoid(x[k] + g[k]));
    const n = Math.tanh(x[2] + r * g[2]);
    return { h: (1 - z) * n + z * h, s: [r, z, n, g[2]] };
  },
  backward: wgsl`
    let dx2 = dh * (1.0 - s1) * (1.0 - s2 * s2);
    let dx1 = dh * (h - s2) * s1 * (1.0 - s1);
    let dx0 = dx2 * s3 * s0 * (1.0 - s0);
    let dg0 = dx0;
    let dg1 = dx1;
    let dg2 = dx2 * s0;
    let directH = dh * s1;`,
  backwardReference({ dh, s: [r, z, n, product], h }) {
    const dn = dh * (1 - z) * (1 - n * n);
    const dz = dh * (h - n) * z * (1 - z);
    const dr = dn * product * r * (1 - r);
    return { dx: [dr, dz, dn], dg: [dr, dz, dn * r], directH: dh * z };
  },
});

/** Elman's network (1990): the new state is the activation of one sum. */
const elman = (
  name: string,
  activation: { wgsl: string; slope: string },
  f: (x: number) => number,
  slope: (y: number) => number,
) =>
  defineCell({
    name,
    gates: 1,
    saved: 1,
    states: 1,
    separate: false,
    forward: `    let newH = ${activation.wgsl};\n    let s0 = newH;`,
    forwardReference([x], [g]) {
      const h = f(x + g);
      return { h, s: [h] };
    },
    backward: `    let dx0 = dh * ${activation.slope};\n    let directH = 0.0;`,
    backwardReference: ({ dh, s: [y] }) => ({ dx: [dh * slope(y)], directH: 0 }),
  });

export const rnnTanh = elman(
  'rnnTanh',
  { wgsl: 'tanh_(x0 + g0)', slope: '(1.0 - s0 * s0)' },
  Math.tanh,
  (y) => 1 - y * y,
);
export const rnnRelu = elman(
  'rnnRelu',
  { wgsl: 'max(x0 + g0, 0.0)', slope: 'select(0.0, 1.0, s0 > 0.0)' },
  (x) => Math.max(x, 0),
  (y) => Number(y > 0),
);
