import { type BufferSpec, defineKernel } from '../../device/kernel.ts';
import {
  dropoutFactors,
  dropoutParams,
  dropoutState,
  dropoutWgsl,
} from '../elementwise/dropout.ts';
import { perRowWeighted, perRowWeightedWgsl } from '../kit/perRowWeighted.ts';
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

/** How each half of a post-norm transformer layer ends, in one launch: dropout, residual, layer normalisation. */

const params = { ...layerNormParams, ...dropoutParams } as const;
type P = LayerNormSizes & { call: number; threshold: number; scale: number };
const matrix = (access: 'read' | 'write'): BufferSpec<P> => ({
  type: 'V',
  access,
  size: (p) => p.rows * p.cols,
});
const vector: BufferSpec<P> = { type: 'V', access: 'read', size: (p) => p.cols };
const cases: P[] = layerNormCases.map((p) => ({
  ...p,
  call: 3,
  threshold: 0x40000000,
  scale: 1 / 0.75,
}));

/** `hasDropout`: whether there is dropout; `savesForBackward`: whether a gradient will be asked for. */
function defineAddLayerNorm(
  name: string,
  { hasDropout, savesForBackward }: { hasDropout: boolean; savesForBackward: boolean },
) {
  const buffers: Record<string, BufferSpec<P>> = {
    ...(hasDropout && { state: dropoutState }),
    x: matrix('read'),
    residual: matrix('read'),
    weight: vector,
    bias: vector,
    y: matrix('write'),
    ...(savesForBackward && { z: matrix('write'), moments: writeMoments }),
  };
  return defineKernel({
    name,
    params,
    buffers,
    ...perRowWeighted,
    wgsl: perRowWeightedWgsl((c) => ({
      ...normalizeRow,
      values: { v: `${hasDropout ? 'drop(x[i], i)' : 'x[i]'} + residual[i]` },
      // To read what was written takes less than to begin again.
      ...(savesForBackward && { reloadValues: { v: 'z[i]' }, storeStatistics: storeMoments }),
      computeStatistics: (walk) => rowMomentsWgsl(c, walk, savesForBackward ? 'z[i] = v;' : ''),
      ...(hasDropout && { functions: dropoutWgsl(c) }),
    })),
    reference({ state, x, residual, weight, bias, y, z, moments }, p: P) {
      const factors = hasDropout ? dropoutFactors(state, p, x.length) : undefined;
      const sum = z ?? new Float32Array(x.length);
      for (let i = 0; i < x.length; i++) {
        sum[i] =
          residual[i] + (factors ? (factors[i] === 0 ? 0 : Math.fround(x[i] * factors[i])) : x[i]);
      }
      layerNorm.reference(
        { x: sum, weight, bias, y, moments: moments ?? new Float32Array(p.rows * 2) },
        p,
      );
    },
    cases,
  });
}

/**
 * y = layerNorm(z) weight + bias, z = dropout(x) + residual, with the mask of `dropout`. Keeps z and its moments for the
 * gradient. x, residual, z, y: [rows, cols], weight, bias: [cols], moments: [rows, 2].
 */
export const dropoutAddLayerNorm = defineAddLayerNorm('dropoutAddLayerNorm', {
  hasDropout: true,
  savesForBackward: true,
});
/** The same without dropout. */
export const addLayerNorm = defineAddLayerNorm('addLayerNorm', {
  hasDropout: false,
  savesForBackward: true,
});
/** The same when no gradient will be asked for. */
export const addLayerNormForward = defineAddLayerNorm('addLayerNormForward', {
  hasDropout: false,
  savesForBackward: false,
});

/** Gradients of dropoutAddLayerNorm: dz (which is the residual's) by layer normalisation, dx by the mask drawn anew. */
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
  reference({ state, dy, z, weight, moments, dresidual, dx }, p) {
    layerNormBackward.reference({ dy, x: z, weight, moments, dx: dresidual }, p);
    const factors = dropoutFactors(state, p, z.length);
    for (let i = 0; i < z.length; i++) dx[i] = factors[i] === 0 ? 0 : dresidual[i] * factors[i];
  },
  cases,
});
