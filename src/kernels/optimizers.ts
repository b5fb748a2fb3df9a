import {
  type Axis,
  type BufferSpec,
  defineKernel,
  type HostArray,
  main,
} from '../device/kernel.ts';
import type { Traits } from '../device/traits.ts';
import { lanesAlone } from './kit/perRow.ts';
import { along, window } from './kit/splitAxis.ts';

/**
 * Optimiser steps over many parameters in one launch: parameters, gradients and state lie in flat buffers of equal layout,
 * in blocks of 1,024. `owners` says, for each block, whose row of `hyper` applies; `first` is the place of the first block
 * there. The last word of a row is 0 where nothing is to be done.
 */
export const BLOCK = 1024;
/** Words in a row of `hyper`. */
export const HYPER = 12;

const params = { blocks: 'u32', first: 'u32', rows: 'u32' } as const;
type P = { blocks: number; first: number; rows: number };
const words = (p: P) => p.blocks * BLOCK;
const flat = (access: 'read' | 'update', fill?: 'positive'): BufferSpec<P> => ({
  type: 'V',
  access,
  size: words,
  fill,
});
const shared = {
  owners: {
    type: 'u32',
    access: 'read',
    size: (p: P) => p.first + p.blocks,
    fill: { below: () => 2 },
  },
  hyper: { type: 'V', access: 'read', size: (p: P) => p.rows * HYPER, fill: 'positive' },
  grad: flat('read'),
  param: flat('update'),
} as const satisfies Record<string, BufferSpec<P>>;

const VECTORS = BLOCK / 4;
/** A workgroup a block: a lane for each of its vectors, or on software adapters, where lanes are dear, one subgroup. */
const perBlock = {
  specialize: (_: P, traits: Traits) => ({ width: 4, lanes: lanesAlone(traits, VECTORS) }),
  launch: (p: P) => p.blocks,
};
const alongBlocks = (p: P, step: number, state: readonly string[]): Axis<P>[] => {
  const flats = Object.fromEntries(['grad', 'param', ...state].map((name) => [name, BLOCK]));
  const { length, least, cut } = along(p, 'blocks', flats, step);
  return [
    {
      length,
      least,
      cut: (at, count) => {
        const { params, starts } = cut(at, count);
        const [start, first] = window(p.first + at, step);
        return { params: { ...params, first }, starts: { ...starts, owners: start } };
      },
    },
  ];
};
/** The entry point: `body` updates vector `i` by its row of hyperparameters, `h0` to `h2`. */
const blockMain = ({ lanes }: { lanes: number }, body: string): string =>
  main(
    lanes,
    `  if (group >= p.blocks) { return; }
  let row = owners[p.first + group] * ${HYPER / 4}u;
  let h0 = hyper[row];
  let h1 = hyper[row + 1u];
  let h2 = hyper[row + 2u];
  if (h2.w == 0.0) { return; }
  for (var i = group * ${VECTORS}u + lane; i < (group + 1u) * ${VECTORS}u; i += ${lanes}u) {
${body}
  }`,
  );

/** Calls `update(i, h)` for each element of the blocks that are not skipped, `h` the start of its row of `hyper`. */
function forEachElement(
  { owners, hyper }: Record<'owners' | 'hyper', HostArray>,
  { first, blocks }: P,
  update: (i: number, h: number) => void,
): void {
  for (let block = 0; block < blocks; block++) {
    const h = owners[first + block] * HYPER;
    if (hyper[h + HYPER - 1] === 0) continue;
    for (let i = block * BLOCK; i < (block + 1) * BLOCK; i++) update(i, h);
  }
}

/** Rows of `hyper` for Adam: lr, beta1, beta2, eps, weightDecay, 1-beta1, 1-beta2, 1-beta1^t, √(1-beta2^t), decoupled. */
function defineAdam(name: string, amsgrad: boolean) {
  const largest: Record<string, BufferSpec<P>> = amsgrad
    ? { vMax: flat('update', 'positive') }
    : {};
  return defineKernel({
    name,
    params,
    buffers: { ...shared, m: flat('update'), v: flat('update', 'positive'), ...largest },
    ...perBlock,
    axes: (p, step) => alongBlocks(p, step, ['m', 'v', ...Object.keys(largest)]),
    wgsl: (c) =>
      blockMain(
        c,
        `  let lr = h0.x;
  let decay = h1.x;
  var w = param[i];
  var g = grad[i];
  if (h2.y != 0.0) { w -= w * (lr * decay); } else { g += w * decay; }
  let m1 = h0.y * m[i] + h1.y * g;
  let v1 = h0.z * v[i] + h1.z * g * g;
  m[i] = m1;
  v[i] = v1;
  ${amsgrad ? 'let high = max(vMax[i], v1);\n  vMax[i] = high;' : 'let high = v1;'}
  param[i] = w - (lr / h1.w) * m1 / (sqrt(high) / h2.x + h0.w);`,
      ),
    reference({ owners, hyper, grad, param, m, v, vMax }, p: P) {
      forEachElement({ owners, hyper }, p, (i, h) => {
        const [lr, beta1, beta2, eps, decay, rest1, rest2, correction1, correction2, decoupled] =
          hyper.subarray(h, h + 10);
        let w = param[i];
        let g = grad[i];
        if (decoupled) w -= w * lr * decay;
        else g += w * decay;
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * g * g;
        if (vMax) vMax[i] = Math.max(vMax[i], v[i]);
        param[i] =
          w - ((lr / correction1) * m[i]) / (Math.sqrt(vMax ? vMax[i] : v[i]) / correction2 + eps);
      });
    },
    cases: [
      { blocks: 1, first: 0, rows: 2 },
      { blocks: 100, first: 3, rows: 2 },
      { blocks: 1500, first: 0, rows: 2 },
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
  buffers: { ...shared, velocity: flat('update') },
  ...perBlock,
  axes: (p, step) => alongBlocks(p, step, ['velocity']),
  wgsl: (c) =>
    blockMain(
      c,
      `  let momentum = h0.z;
  let w = param[i];
  let g = grad[i] + h0.y * w;
  var step = g;
  if (momentum != 0.0) {
    let now = select(momentum * velocity[i] + h0.w * g, g, h1.y != 0.0);
    velocity[i] = now;
    step = select(now, g + momentum * now, h1.x != 0.0);
  }
  param[i] = w - h0.x * step;`,
    ),
  reference({ owners, hyper, grad, param, velocity }, p) {
    forEachElement({ owners, hyper }, p, (i, h) => {
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
    { blocks: 1, first: 0, rows: 2 },
    { blocks: 100, first: 3, rows: 2 },
  ],
});
