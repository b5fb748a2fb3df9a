import { type BufferSpec, type Constants, defineKernel, type Kernel } from '../../device/kernel.ts';
import {
  dropoutFactors,
  dropoutParams,
  dropoutState,
  dropoutWgsl,
} from '../elementwise/dropout.ts';
import { perRowWeighted, perRowWeightedWgsl } from '../kit/perRowWeighted.ts';
import { rowTiles } from '../kit/wasmTiles.ts';
import {
  inputGradient,
  type LayerNormSizes,
  layerNorm,
  layerNormBackward,
  layerNormCases,
  layerNormParams,
  normalizeRow,
  readMoments,
  rowMomentsWgsl,
  storeMoments,
  writeMoments,
} from './layerNorm.ts';

/**
 * The end of each half of a post-norm transformer layer in one launch: dropout, residual, layer
 * normalisation.
 */

const params = { ...layerNormParams, ...dropoutParams } as const;
type P = LayerNormSizes & { call: number; threshold: number; scale: number };
const matrix = (access: 'read' | 'write'): BufferSpec<P, 'V'> => ({
  type: 'V',
  access,
  size: (p) => p.rows * p.cols,
});
const vector: BufferSpec<P, 'V'> = { type: 'V', access: 'read', size: (p) => p.cols };
const cases: P[] = layerNormCases.map((p) => ({
  ...p,
  call: 3,
  threshold: 0x40000000,
  scale: 1 / 0.75,
}));

const inputs = { x: matrix('read'), residual: matrix('read'), weight: vector, bias: vector };
const output = { y: matrix('write') };
const saved = { z: matrix('write'), moments: writeMoments };

interface Optional {
  state: Uint32Array;
  z: Float32Array;
  moments: Float32Array;
}

/**
 * A variant: with dropout if `buffers` has `state`, for a gradient if it has the `saved` buffers.
 */
function defineAddLayerNorm<B extends Record<string, BufferSpec<P>>>(name: string, buffers: B) {
  const hasDropout = 'state' in buffers;
  const savesForBackward = 'z' in buffers;
  const kernel = defineKernel({
    name,
    params,
    buffers: buffers as B & typeof inputs & typeof output,
    ...perRowWeighted,
    wgsl: perRowWeightedWgsl((c) => ({
      ...normalizeRow,
      values: { v: `${hasDropout ? 'drop(x[i], i)' : 'x[i]'} + residual[i]` },
      // Reading z back is cheaper than computing it again.
      ...(savesForBackward && { reloadValues: { v: 'z[i]' }, storeStatistics: storeMoments }),
      computeStatistics: (walk) => rowMomentsWgsl(c, walk, savesForBackward ? 'z[i] = v;' : ''),
      ...(hasDropout && { functions: dropoutWgsl(c) }),
    })),
    wasm: ({ rows, cols }: P) =>
      rowTiles('addLayerNorm', rows, cols, [Number(hasDropout), Number(savesForBackward)]),
    reference(arrays, p: P) {
      const { x, residual, weight, bias, y } = arrays as Record<string, Float32Array>;
      const { state, z, moments } = arrays as unknown as Optional;
      const factors = hasDropout ? dropoutFactors(state, p, x.length) : undefined;
      const sum = savesForBackward ? z : new Float32Array(x.length);
      for (let i = 0; i < x.length; i++) {
        sum[i] =
          residual[i] + (factors ? (factors[i] === 0 ? 0 : Math.fround(x[i] * factors[i])) : x[i]);
      }
      const kept = savesForBackward ? moments : new Float32Array(p.rows * 2);
      layerNorm.reference({ x: sum, weight, bias, y, moments: kept }, p);
    },
    cases,
  });
  return kernel as unknown as Kernel<typeof params, Constants, { [K in keyof B]: B[K]['type'] }>;
}

/**
 * y = layerNorm(z) weight + bias, z = dropout(x) + residual, with the mask of `dropout`. Stores z
 * and its moments for the gradient. x, residual, z, y: [rows, cols], weight, bias: [cols], moments:
 * [rows, 2].
 */
export const dropoutAddLayerNorm = defineAddLayerNorm('dropoutAddLayerNorm', {
  state: dropoutState,
  ...inputs,
  ...output,
  ...saved,
});
/** The same without dropout. */
export const addLayerNorm = defineAddLayerNorm('addLayerNorm', { ...inputs, ...output, ...saved });
/** The same for calls without a gradient. */
export const addLayerNormForward = defineAddLayerNorm('addLayerNormForward', {
  ...inputs,
  ...output,
});

/**
 * Gradients of dropoutAddLayerNorm: dz (also the residual's) from layer normalisation, dx from the
 * mask, drawn again.
 */
export const dropoutAddLayerNormBackward = defineKernel({
  name: 'dropoutAddLayerNormBackward',
  params,
  buffers: {
    state: dropoutState,
    dy: matrix('read'),
    z: matrix('read'),
    weight: vector,
    moments: readMoments,
    dresidual: matrix('write'),
    dx: matrix('write'),
  },
  ...perRowWeighted,
  wgsl: perRowWeightedWgsl((c) => ({
    ...inputGradient('z', 'dresidual[i] = dz; dx[i] = drop(dz, i);'),
    functions: dropoutWgsl(c),
  })),
  wasm: ({ rows, cols }) => rowTiles('dropoutAddLayerNormBackward', rows, cols),
  reference({ state, dy, z, weight, moments, dresidual, dx }, p) {
    layerNormBackward.reference({ dy, x: z, weight, moments, dx: dresidual }, p);
    const factors = dropoutFactors(state, p, z.length);
    for (let i = 0; i < z.length; i++) dx[i] = factors[i] === 0 ? 0 : dresidual[i] * factors[i];
  },
  cases,
});
