import {
  type BufferSpec,
  defineKernel,
  type HostArray,
  type Kernel,
  main,
  type SplitAxis,
} from '../device/kernel.ts';
import type { Traits } from '../device/traits.ts';
import { independentLanes } from './kit/perRow.ts';
import { alignedWindow, splitAlong } from './kit/splitAxis.ts';
import { rowTiles } from './kit/wasmTiles.ts';

/**
 * Optimizer steps over many parameters in one launch: parameters, gradients and state lie in flat
 * buffers of equal layout, in blocks of 1,024. For each block, `owners` holds the row of `hyper`
 * that applies; `first` is the index of the first block there. The last word of a row is 0 if
 * nothing is to be done.
 */
export const BLOCK_SIZE = 1024;
/** Words in a row of `hyper`. */
export const HYPER_SIZE = 12;

export const params = { blocks: 'u32', first: 'u32', rows: 'u32' } as const;
export type P = { blocks: number; first: number; rows: number };
const words = (p: P) => p.blocks * BLOCK_SIZE;
export const flatBuffer = (access: 'read' | 'update', fill?: 'positive'): BufferSpec<P, 'V'> => ({
  type: 'V',
  access,
  size: words,
  fill,
});
export const commonBuffers = {
  owners: {
    type: 'u32',
    access: 'read',
    size: (p: P) => p.first + p.blocks,
    fill: { below: () => 2 },
  },
  hyper: { type: 'V', access: 'read', size: (p: P) => p.rows * HYPER_SIZE, fill: 'positive' },
  grad: flatBuffer('read'),
  param: flatBuffer('update'),
} as const satisfies Record<string, BufferSpec<P>>;

const BLOCK_VECTORS = BLOCK_SIZE / 4;
/**
 * One workgroup per block: a lane for each vector, or one subgroup on software adapters, where
 * lanes are expensive.
 */
export const perBlock = {
  specialize: (_: P, traits: Traits) => ({
    width: 4,
    lanes: independentLanes(traits, BLOCK_VECTORS),
  }),
  launch: (p: P) => p.blocks,
};
export const splitAlongBlocks = (
  p: P,
  alignment: number,
  state: readonly string[],
): SplitAxis<P>[] => {
  const flats = Object.fromEntries(['grad', 'param', ...state].map((name) => [name, BLOCK_SIZE]));
  const { length, granularity, slice } = splitAlong(p, 'blocks', flats, alignment);
  return [
    {
      length,
      granularity,
      slice: (at, count) => {
        const { params, starts } = slice(at, count);
        const [start, first] = alignedWindow(p.first + at, alignment);
        return { params: { ...params, first }, starts: { ...starts, owners: start } };
      },
    },
  ];
};
/** The entry point: `body` updates vector `i` by its row of hyperparameters, `h0` to `h2`. */
export const blockMain = ({ lanes }: { lanes: number }, body: string): string =>
  main(
    lanes,
    `  if (group >= p.blocks) { return; }
  let row = owners[p.first + group] * ${HYPER_SIZE / 4}u;
  let h0 = hyper[row];
  let h1 = hyper[row + 1u];
  let h2 = hyper[row + 2u];
  if (h2.w == 0.0) { return; }
  let end = (group + 1u) * ${BLOCK_VECTORS}u;
  for (var i = group * ${BLOCK_VECTORS}u + lane; i < end; i += ${lanes}u) {
${body}
  }`,
  );

/**
 * Calls `update(start, end, row)` for the elements of each block that is not skipped; `row` is its
 * row of `hyper`.
 */
export function forEachBlock(
  { owners, hyper }: Record<'owners' | 'hyper', HostArray>,
  { first, blocks }: P,
  update: (start: number, end: number, row: HostArray) => void,
): void {
  for (let block = 0; block < blocks; block++) {
    const h = owners[first + block] * HYPER_SIZE;
    const row = hyper.subarray(h, h + HYPER_SIZE);
    if (row[HYPER_SIZE - 1] === 0) continue;
    update(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE, row);
  }
}

/** A row of `hyper` for Adam at step t, in the order that the WGSL and the reference read. */
export function adamRow(
  { lr, betas: [beta1, beta2], eps, weightDecay }: AdamHyperparameters,
  t: number,
  decoupled: boolean,
): number[] {
  const [correction1, correction2] = [1 - beta1 ** t, Math.sqrt(1 - beta2 ** t)];
  return [
    ...[lr, beta1, beta2, eps],
    ...[weightDecay, 1 - beta1, 1 - beta2, correction1],
    ...[correction2, Number(decoupled)],
  ];
}
interface AdamHyperparameters {
  lr: number;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
}

function defineAdam<M extends string>(name: string, maxBuffers: Record<M, BufferSpec<P, 'V'>>) {
  const amsgrad = 'vMax' in maxBuffers;
  const kernel = defineKernel({
    name,
    params,
    buffers: {
      ...commonBuffers,
      m: flatBuffer('update'),
      v: flatBuffer('update', 'positive'),
      ...(maxBuffers as { vMax: BufferSpec<P, 'V'> }),
    },
    ...perBlock,
    splitAxes: (p, alignment) =>
      splitAlongBlocks(p, alignment, ['m', 'v', ...Object.keys(maxBuffers)]),
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
  ${amsgrad ? 'let secondMoment = max(vMax[i], v1);' : 'let secondMoment = v1;'}
  ${amsgrad ? 'vMax[i] = secondMoment;' : ''}
  param[i] = w - (lr / h1.w) * m1 / (sqrt(secondMoment) / h2.x + h0.w);`,
      ),
    wasm: ({ blocks }: P) => rowTiles(amsgrad ? 'adamAmsgrad' : 'adam', blocks, BLOCK_SIZE),
    reference({ owners, hyper, grad, param, m, v, ...max }, p: P) {
      const vMax = amsgrad ? max.vMax : undefined;
      forEachBlock({ owners, hyper }, p, (start, end, row) => {
        const [lr, beta1, beta2, eps] = row;
        const [decay, oneMinusBeta1, oneMinusBeta2, correction1] = row.subarray(4);
        const [correction2, decoupled] = row.subarray(8);
        for (let i = start; i < end; i++) {
          let w = param[i];
          let g = grad[i];
          if (decoupled) w -= w * lr * decay;
          else g += w * decay;
          m[i] = beta1 * m[i] + oneMinusBeta1 * g;
          v[i] = beta2 * v[i] + oneMinusBeta2 * g * g;
          if (vMax) vMax[i] = Math.max(vMax[i], v[i]);
          param[i] =
            w -
            ((lr / correction1) * m[i]) / (Math.sqrt(vMax ? vMax[i] : v[i]) / correction2 + eps);
        }
      });
    },
    cases: [
      { blocks: 1, first: 0, rows: 2 },
      { blocks: 100, first: 3, rows: 2 },
      { blocks: 1500, first: 0, rows: 2 },
    ],
  });
  // `vMax` is there for AMSGrad only.
  type Buffers = typeof commonBuffers & Record<'m' | 'v' | M, BufferSpec<P, 'V'>>;
  return kernel as unknown as Kernel<
    typeof params,
    { width: number; lanes: number },
    { [K in keyof Buffers]: Buffers[K]['type'] }
  >;
}

/**
 * Adam (Kingma & Ba 2015, arXiv 1412.6980) and AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101).
 */
export const adam = defineAdam('adam', {});
/** The same with the largest second moment so far (Reddi, Kale & Kumar 2018). */
export const adamAmsgrad = defineAdam('adamAmsgrad', { vMax: flatBuffer('update', 'positive') });

/** A row of `hyper` for SGD at step t, in the order in which the WGSL and the reference read it. */
export const sgdRow = (
  { lr, weightDecay, momentum, dampening, nesterov }: SgdHyperparameters,
  t: number,
): number[] => [lr, weightDecay, momentum, 1 - dampening, Number(nesterov), Number(t === 1)];
interface SgdHyperparameters {
  lr: number;
  weightDecay: number;
  momentum: number;
  dampening: number;
  nesterov: boolean;
}

/** Stochastic gradient descent. */
export const sgd = defineKernel({
  name: 'sgd',
  params,
  buffers: { ...commonBuffers, velocity: flatBuffer('update') },
  ...perBlock,
  splitAxes: (p, alignment) => splitAlongBlocks(p, alignment, ['velocity']),
  wgsl: (c) =>
    blockMain(
      c,
      `  let momentum = h0.z;
  let w = param[i];
  let g = grad[i] + h0.y * w;
  var step = g;
  if (momentum != 0.0) {
    let newVelocity = select(momentum * velocity[i] + h0.w * g, g, h1.y != 0.0);
    velocity[i] = newVelocity;
    step = select(newVelocity, g + momentum * newVelocity, h1.x != 0.0);
  }
  param[i] = w - h0.x * step;`,
    ),
  reference({ owners, hyper, grad, param, velocity }, p) {
    forEachBlock({ owners, hyper }, p, (start, end, row) => {
      const [lr, decay, momentum, oneMinusDampening, nesterov, isFirstStep] = row;
      for (let i = start; i < end; i++) {
        const g = grad[i] + decay * param[i];
        let step = g;
        if (momentum !== 0) {
          velocity[i] = isFirstStep ? g : momentum * velocity[i] + oneMinusDampening * g;
          step = nesterov ? g + momentum * velocity[i] : velocity[i];
        }
        param[i] -= lr * step;
      }
    });
  },
  cases: [
    { blocks: 1, first: 0, rows: 2 },
    { blocks: 100, first: 3, rows: 2 },
  ],
});
