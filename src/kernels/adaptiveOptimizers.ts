import { defineKernel } from '../device/kernel.ts';
import {
  blockMain,
  commonBuffers,
  flatBuffer,
  forEachBlock,
  params,
  perBlock,
  splitAlongBlocks,
} from './optimizers.ts';

/** Optimizer steps with a rate for each element, laid out as those in `optimizers.ts`. */

const cases = [
  { blocks: 1, first: 0, rows: 2 },
  { blocks: 100, first: 3, rows: 2 },
];

/** A row of `hyper` for RMSprop, in the order in which the WGSL and the reference read it. */
export const rmspropRow = ({
  lr,
  alpha,
  eps,
  weightDecay,
  momentum,
  centered,
}: {
  lr: number;
  alpha: number;
  eps: number;
  weightDecay: number;
  momentum: number;
  centered: boolean;
}): number[] => [lr, alpha, eps, weightDecay, 1 - alpha, momentum, Number(centered)];

/** RMSprop (Hinton 2012, lecture 6e); centered: Graves 2013, arXiv 1308.0850, §4.2. */
export const rmsprop = defineKernel({
  name: 'rmsprop',
  params,
  buffers: {
    ...commonBuffers,
    squareAvg: flatBuffer('update', 'positive'),
    gradAvg: flatBuffer('update'),
    velocity: flatBuffer('update'),
  },
  ...perBlock,
  // The centred variance is a difference, whose rounding a small one shows.
  tolerance: 5e-5,
  splitAxes: (p, alignment) => splitAlongBlocks(p, alignment, ['squareAvg', 'gradAvg', 'velocity']),
  wgsl: (c) =>
    blockMain(
      c,
      `  let w = param[i];
  let g = grad[i] + h0.w * w;
  let newSquare = h0.y * squareAvg[i] + h1.x * g * g;
  squareAvg[i] = newSquare;
  var variance = newSquare;
  if (h1.z != 0.0) {
    let mean = h0.y * gradAvg[i] + h1.x * g;
    gradAvg[i] = mean;
    variance = max(newSquare - mean * mean, vec4<f32>());
  }
  var step = g / (sqrt(variance) + h0.z);
  if (h1.y != 0.0) {
    step += h1.y * velocity[i];
    velocity[i] = step;
  }
  param[i] = w - h0.x * step;`,
    ),
  reference({ owners, hyper, grad, param, squareAvg, gradAvg, velocity }, p) {
    forEachBlock({ owners, hyper }, p, (start, end, row) => {
      const [lr, alpha, eps, decay, oneMinusAlpha, momentum, centered] = row;
      for (let i = start; i < end; i++) {
        const g = grad[i] + decay * param[i];
        squareAvg[i] = alpha * squareAvg[i] + oneMinusAlpha * g * g;
        let variance = squareAvg[i];
        if (centered) {
          gradAvg[i] = alpha * gradAvg[i] + oneMinusAlpha * g;
          variance = Math.max(variance - gradAvg[i] ** 2, 0);
        }
        let step = g / (Math.sqrt(variance) + eps);
        if (momentum !== 0) {
          step += momentum * velocity[i];
          velocity[i] = step;
        }
        param[i] -= lr * step;
      }
    });
  },
  cases,
});

/** A row of `hyper` for Adagrad at step t, in the order that the WGSL and the reference read. */
export const adagradRow = (
  {
    lr,
    lrDecay,
    weightDecay,
    eps,
  }: { lr: number; lrDecay: number; weightDecay: number; eps: number },
  t: number,
): number[] => [lr / (1 + (t - 1) * lrDecay), weightDecay, eps];

/** Adagrad (Duchi, Hazan & Singer 2011, JMLR 12, figure 1, diagonal). */
export const adagrad = defineKernel({
  name: 'adagrad',
  params,
  buffers: { ...commonBuffers, sum: flatBuffer('update', 'positive') },
  ...perBlock,
  splitAxes: (p, alignment) => splitAlongBlocks(p, alignment, ['sum']),
  wgsl: (c) =>
    blockMain(
      c,
      `  let w = param[i];
  let g = grad[i] + h0.y * w;
  let newSum = sum[i] + g * g;
  sum[i] = newSum;
  param[i] = w - h0.x * g / (sqrt(newSum) + h0.z);`,
    ),
  reference({ owners, hyper, grad, param, sum }, p) {
    forEachBlock({ owners, hyper }, p, (start, end, row) => {
      const [lr, decay, eps] = row;
      for (let i = start; i < end; i++) {
        const g = grad[i] + decay * param[i];
        sum[i] += g * g;
        param[i] -= (lr * g) / (Math.sqrt(sum[i]) + eps);
      }
    });
  },
  cases,
});

/** A row of `hyper` for Adadelta, in the order in which the WGSL and the reference read it. */
export const adadeltaRow = ({
  lr,
  rho,
  eps,
  weightDecay,
}: {
  lr: number;
  rho: number;
  eps: number;
  weightDecay: number;
}): number[] => [lr, rho, 1 - rho, eps, weightDecay];

/** Adadelta (Zeiler 2012, arXiv 1212.5701, algorithm 1). */
export const adadelta = defineKernel({
  name: 'adadelta',
  params,
  buffers: {
    ...commonBuffers,
    squareAvg: flatBuffer('update', 'positive'),
    accDelta: flatBuffer('update', 'positive'),
  },
  ...perBlock,
  splitAxes: (p, alignment) => splitAlongBlocks(p, alignment, ['squareAvg', 'accDelta']),
  wgsl: (c) =>
    blockMain(
      c,
      `  let w = param[i];
  let g = grad[i] + h1.x * w;
  let square = h0.y * squareAvg[i] + h0.z * g * g;
  squareAvg[i] = square;
  let delta = sqrt(accDelta[i] + h0.w) / sqrt(square + h0.w) * g;
  accDelta[i] = h0.y * accDelta[i] + h0.z * delta * delta;
  param[i] = w - h0.x * delta;`,
    ),
  reference({ owners, hyper, grad, param, squareAvg, accDelta }, p) {
    forEachBlock({ owners, hyper }, p, (start, end, row) => {
      const [lr, rho, oneMinusRho, eps, decay] = row;
      for (let i = start; i < end; i++) {
        const g = grad[i] + decay * param[i];
        squareAvg[i] = rho * squareAvg[i] + oneMinusRho * g * g;
        const delta = (Math.sqrt(accDelta[i] + eps) / Math.sqrt(squareAvg[i] + eps)) * g;
        accDelta[i] = rho * accDelta[i] + oneMinusRho * delta * delta;
        param[i] -= lr * delta;
      }
    });
  },
  cases,
});
