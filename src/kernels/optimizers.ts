import { type BufferSpec, defineKernel, main } from '../gpu/kernel.ts';

/**
 * Optimiser steps over many parameters in one launch: parameters, gradients and state lie in flat buffers of equal layout,
 * in blocks of 1,024. `groups` says, for each block, which row of `hyper` applies, or SKIP.
 */
export const BLOCK = 1024;
export const SKIP = 0xffffffff;
/** Words in a row of `hyper`. */
export const HYPER = 12;

const params = { blocks: 'u32', rows: 'u32' } as const;
type P = { blocks: number; rows: number };
const words = (p: P) => p.blocks * BLOCK;
const flat = (access: 'read' | 'readwrite', fill?: 'positive'): BufferSpec<P> => ({
  type: 'V',
  access,
  size: words,
  fill,
});
const shared = {
  groups: { type: 'u32', access: 'read', size: (p: P) => p.blocks, fill: { below: () => 2 } },
  hyper: { type: 'f32', access: 'read', size: (p: P) => p.rows * HYPER, fill: 'positive' },
  grad: flat('read'),
  param: flat('readwrite'),
} as const satisfies Record<string, BufferSpec<P>>;

const LANES = BLOCK / 4;
const blockStart = `  if (group >= p.blocks || groups[group] == ${SKIP}u) { return; }
  let h = groups[group] * ${HYPER}u;
  let i = group * ${LANES}u + lane;`;

/** Calls `update(i, h)` for each element of the blocks that are not skipped, `h` the start of its row of `hyper`. */
function forEachElement(groups: Uint32Array, blocks: number, update: (i: number, h: number) => void): void {
  for (let block = 0; block < blocks; block++) {
    if (groups[block] === SKIP) continue;
    for (let i = block * BLOCK; i < (block + 1) * BLOCK; i++) update(i, groups[block] * HYPER);
  }
}

/** Rows of `hyper` for Adam: lr, beta1, beta2, eps, weightDecay, 1-beta1, 1-beta2, 1-beta1^t, √(1-beta2^t), decoupled. */
function defineAdam(name: string, amsgrad: boolean) {
  const largest: Record<string, BufferSpec<P>> = amsgrad ? { vMax: flat('readwrite', 'positive') } : {};
  return defineKernel({
    name,
    params,
    buffers: { ...shared, m: flat('readwrite'), v: flat('readwrite', 'positive'), ...largest },
    specialize: () => ({ width: 4 }),
    launch: (p: P) => p.blocks,
    wgsl: () =>
      main(
        LANES,
        `${blockStart}
  let decay = hyper[h + 4u];
  let decoupled = hyper[h + 9u] != 0.0;
  var w = param[i];
  var g = grad[i];
  if (decoupled) { w -= w * (hyper[h] * decay); } else { g += w * decay; }
  let m1 = hyper[h + 1u] * m[i] + hyper[h + 5u] * g;
  let v1 = hyper[h + 2u] * v[i] + hyper[h + 6u] * g * g;
  m[i] = m1;
  v[i] = v1;
  ${amsgrad ? 'let high = max(vMax[i], v1);\n  vMax[i] = high;' : 'let high = v1;'}
  param[i] = w - (hyper[h] / hyper[h + 7u]) * m1 / (sqrt(high) / hyper[h + 8u] + hyper[h + 3u]);`,
      ),
    reference({ groups, hyper, grad, param, m, v, vMax }, { blocks }: P) {
      forEachElement(groups, blocks, (i, h) => {
        const [lr, beta1, beta2, eps, decay, rest1, rest2, correction1, correction2, decoupled] = hyper.subarray(h, h + 10);
        let w = param[i];
        let g = grad[i];
        if (decoupled) w -= w * lr * decay;
        else g += w * decay;
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * g * g;
        if (vMax) vMax[i] = Math.max(vMax[i], v[i]);
        param[i] = w - ((lr / correction1) * m[i]) / (Math.sqrt(vMax ? vMax[i] : v[i]) / correction2 + eps);
      });
    },
    cases: [
      { blocks: 1, rows: 2 },
      { blocks: 100, rows: 2 },
      { blocks: 1500, rows: 2 },
    ],
  });
}

/** Adam (Kingma & Ba 2015, arXiv 1412.6980) and AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101). */
export const adam = defineAdam('adam', false);
/** The same with the largest second moment so far (Reddi, Kale & Kumar 2018). */
export const adamAmsgrad = defineAdam('adamAmsgrad', true);

/** Stochastic gradient descent; rows of `hyper`: lr, weightDecay, momentum, 1-dampening, nesterov, first step. */
export const sgd = defineKernel({
  name: 'sgd',
  params,
  buffers: { ...shared, velocity: flat('readwrite') },
  specialize: () => ({ width: 4 }),
  launch: (p) => p.blocks,
  wgsl: () =>
    main(
      LANES,
      `${blockStart}
  let momentum = hyper[h + 2u];
  let g = grad[i] + hyper[h + 1u] * param[i];
  var step = g;
  if (momentum != 0.0) {
    let now = select(momentum * velocity[i] + hyper[h + 3u] * g, g, hyper[h + 5u] != 0.0);
    velocity[i] = now;
    step = select(now, g + momentum * now, hyper[h + 4u] != 0.0);
  }
  param[i] -= hyper[h] * step;`,
    ),
  reference({ groups, hyper, grad, param, velocity }, { blocks }) {
    forEachElement(groups, blocks, (i, h) => {
      const [lr, decay, momentum, rest, nesterov, first] = hyper.subarray(h, h + 6);
      const g = grad[i] + decay * param[i];
      let step = g;
      if (momentum !== 0) {
        velocity[i] = first ? g : momentum * velocity[i] + rest * g;
        step = nesterov ? g + momentum * velocity[i] : velocity[i];
      }
      param[i] -= lr * step;
    });
  },
  cases: [
    { blocks: 1, rows: 2 },
    { blocks: 100, rows: 2 },
  ],
});
