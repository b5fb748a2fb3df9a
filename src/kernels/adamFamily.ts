import { type BufferSpec, defineKernel } from '../device/kernel.ts';
import {
  blockMain,
  commonBuffers,
  flatBuffer,
  forEachBlock,
  type P,
  params,
  perBlock,
  splitAlongBlocks,
} from './optimizers.ts';

/** Relatives of Adam, laid out as the optimizer steps in `optimizers.ts`. */

interface Hyperparameters {
  lr: number;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
}

const cases = [
  { blocks: 1, first: 0, rows: 2 },
  { blocks: 100, first: 3, rows: 2 },
];

const moments = {
  expAvg: flatBuffer('update'),
  expAvgSq: flatBuffer('update', 'positive'),
};

/** What the kernels share: buffers, launch and the way they are split. */
const shared = <S extends Record<string, BufferSpec<P, 'V'>>>(state: S) => ({
  params,
  buffers: { ...commonBuffers, ...state },
  ...perBlock,
  splitAxes: (p: P, alignment: number) => splitAlongBlocks(p, alignment, Object.keys(state)),
  cases,
});

/** The parameter and the gradient with either kind of weight decay: `decay` is L2, `shrink` not. */
const decayed = `  let w = param[i] * (1.0 - h2.x);
  let g = grad[i] + h1.w * w;`;
const decays = ({ lr, weightDecay }: Hyperparameters, decoupled: boolean): [number, number] =>
  decoupled ? [0, lr * weightDecay] : [weightDecay, 0];

/**
 * A row of `hyper` for NAdam at step t, in the order in which the WGSL and the reference read it.
 * The product of the momenta so far follows from the step; it is 0 in float64 after some steps.
 */
export function nadamRow(
  group: Hyperparameters & { momentumDecay: number; decoupledWeightDecay: boolean },
  t: number,
): number[] {
  const { lr, betas, eps, momentumDecay, decoupledWeightDecay } = group;
  const [beta1, beta2] = betas;
  const mu = (step: number) => beta1 * (1 - 0.5 * 0.96 ** (step * momentumDecay));
  let product = 1;
  for (let step = 1; step <= t && product > 1e-20; step++) product *= mu(step);
  const ofGradient = (lr * (1 - mu(t))) / (1 - product);
  const ofMean = (lr * mu(t + 1)) / (1 - product * mu(t + 1));
  return [
    ...[beta1, 1 - beta1, beta2, 1 - beta2],
    ...[ofGradient, ofMean, eps, ...decays(group, decoupledWeightDecay)],
    Math.sqrt(1 - beta2 ** t),
  ];
}

/** NAdam (Dozat 2016, "Incorporating Nesterov momentum into Adam"), with PyTorch's momentum. */
export const nadam = defineKernel({
  name: 'nadam',
  ...shared(moments),
  wgsl: (c) =>
    blockMain(
      c,
      `${decayed}
  let m = h0.x * expAvg[i] + h0.y * g;
  let v = h0.z * expAvgSq[i] + h0.w * g * g;
  expAvg[i] = m;
  expAvgSq[i] = v;
  param[i] = w - (h1.x * g + h1.y * m) / (sqrt(v) / h2.y + h1.z);`,
    ),
  reference({ owners, hyper, grad, param, expAvg, expAvgSq }, p) {
    forEachBlock({ owners, hyper }, p, (start, end, row) => {
      const [beta1, oneMinusBeta1, beta2, oneMinusBeta2] = row;
      const [ofGradient, ofMean, eps, decay] = row.subarray(4);
      const [shrink, correction2] = row.subarray(8);
      for (let i = start; i < end; i++) {
        const w = param[i] * (1 - shrink);
        const g = grad[i] + decay * w;
        expAvg[i] = beta1 * expAvg[i] + oneMinusBeta1 * g;
        expAvgSq[i] = beta2 * expAvgSq[i] + oneMinusBeta2 * g * g;
        const scale = Math.sqrt(expAvgSq[i]) / correction2 + eps;
        param[i] = w - (ofGradient * g + ofMean * expAvg[i]) / scale;
      }
    });
  },
});

/**
 * A row of `hyper` for RAdam at step t, in the order in which the WGSL and the reference read it.
 * The rate is for the adaptive step, or for the plain one while the variance is not known well.
 */
export function radamRow(
  group: Hyperparameters & { decoupledWeightDecay: boolean },
  t: number,
): number[] {
  const { lr, betas, eps, decoupledWeightDecay } = group;
  const [beta1, beta2] = betas;
  const correction2 = 1 - beta2 ** t;
  const most = 2 / (1 - beta2) - 1;
  const length = most - (2 * t * beta2 ** t) / correction2;
  const isAdaptive = length > 5;
  const rectified = Math.sqrt(
    ((length - 4) * (length - 2) * most) / ((most - 4) * (most - 2) * length),
  );
  const scale = isAdaptive ? rectified * Math.sqrt(correction2) : 1;
  return [
    ...[beta1, 1 - beta1, beta2, 1 - beta2],
    ...[(lr / (1 - beta1 ** t)) * scale, Number(isAdaptive), eps],
    ...decays(group, decoupledWeightDecay),
  ];
}

/** RAdam (Liu et al. 2020, arXiv 1908.03265, algorithm 2). */
export const radam = defineKernel({
  name: 'radam',
  ...shared(moments),
  wgsl: (c) =>
    blockMain(
      c,
      `${decayed}
  let m = h0.x * expAvg[i] + h0.y * g;
  let v = h0.z * expAvgSq[i] + h0.w * g * g;
  expAvg[i] = m;
  expAvgSq[i] = v;
  param[i] = w - h1.x * select(m, m / (sqrt(v) + h1.z), h1.y != 0.0);`,
    ),
  reference({ owners, hyper, grad, param, expAvg, expAvgSq }, p) {
    forEachBlock({ owners, hyper }, p, (start, end, row) => {
      const [beta1, oneMinusBeta1, beta2, oneMinusBeta2] = row;
      const [rate, isAdaptive, eps, decay, shrink] = row.subarray(4);
      for (let i = start; i < end; i++) {
        const w = param[i] * (1 - shrink);
        const g = grad[i] + decay * w;
        expAvg[i] = beta1 * expAvg[i] + oneMinusBeta1 * g;
        expAvgSq[i] = beta2 * expAvgSq[i] + oneMinusBeta2 * g * g;
        const scale = isAdaptive ? Math.sqrt(expAvgSq[i]) + eps : 1;
        param[i] = w - (rate * expAvg[i]) / scale;
      }
    });
  },
});

/** A row of `hyper` for Adamax at step t, in the order that the WGSL and the reference read. */
export const adamaxRow = (
  { lr, betas: [beta1, beta2], eps, weightDecay }: Hyperparameters,
  t: number,
): number[] => [beta1, 1 - beta1, beta2, lr / (1 - beta1 ** t), eps, weightDecay];

/** Adamax (Kingma & Ba 2015, arXiv 1412.6980, §7.1). */
export const adamax = defineKernel({
  name: 'adamax',
  ...shared({ expAvg: flatBuffer('update'), expInf: flatBuffer('update', 'positive') }),
  wgsl: (c) =>
    blockMain(
      c,
      `  let w = param[i];
  let g = grad[i] + h1.y * w;
  let m = h0.x * expAvg[i] + h0.y * g;
  let u = max(h0.z * expInf[i], abs(g) + h1.x);
  expAvg[i] = m;
  expInf[i] = u;
  param[i] = w - h0.w * m / u;`,
    ),
  reference({ owners, hyper, grad, param, expAvg, expInf }, p) {
    forEachBlock({ owners, hyper }, p, (start, end, row) => {
      const [beta1, oneMinusBeta1, beta2, rate, eps, decay] = row;
      for (let i = start; i < end; i++) {
        const g = grad[i] + decay * param[i];
        expAvg[i] = beta1 * expAvg[i] + oneMinusBeta1 * g;
        expInf[i] = Math.max(beta2 * expInf[i], Math.abs(g) + eps);
        param[i] -= (rate * expAvg[i]) / expInf[i];
      }
    });
  },
});

/** A row of `hyper` for Lion, in the order in which the WGSL and the reference read it. */
export const lionRow = ({
  lr,
  betas: [beta1, beta2],
  weightDecay,
}: Omit<Hyperparameters, 'eps'>): number[] => [
  ...[beta1, 1 - beta1, beta2, 1 - beta2],
  ...[lr, lr * weightDecay],
];

/** Lion (Chen et al. 2023, arXiv 2302.06675, algorithm 2). */
export const lion = defineKernel({
  name: 'lion',
  ...shared({ expAvg: flatBuffer('update') }),
  wgsl: (c) =>
    blockMain(
      c,
      `  let g = grad[i];
  let m = expAvg[i];
  param[i] = param[i] * (1.0 - h1.y) - h1.x * sign(h0.x * m + h0.y * g);
  expAvg[i] = h0.z * m + h0.w * g;`,
    ),
  reference({ owners, hyper, grad, param, expAvg }, p) {
    forEachBlock({ owners, hyper }, p, (start, end, row) => {
      const [beta1, oneMinusBeta1, beta2, oneMinusBeta2, lr, shrink] = row;
      for (let i = start; i < end; i++) {
        const direction = Math.sign(beta1 * expAvg[i] + oneMinusBeta1 * grad[i]);
        param[i] = param[i] * (1 - shrink) - lr * direction;
        expAvg[i] = beta2 * expAvg[i] + oneMinusBeta2 * grad[i];
      }
    });
  },
});
