import { type BufferSpec, defineKernel } from '../../device/kernel.ts';
import { dropFactors, dropParams, dropState, dropWgsl } from '../elementwise/dropout.ts';
import { perWeightedRow, weightedRowText } from '../kit/perRowWeighted.ts';
import {
  inputGradient,
  keepMoments,
  type LayerNormSizes,
  layerNorm,
  layerNormBackward,
  layerNormCases,
  layerNormParams,
  normalised,
  readMoments,
  rowMoments,
  writtenMoments,
} from './layerNorm.ts';

/** How each half of a post-norm transformer layer ends, in one launch: dropout, residual, layer normalisation. */

const params = { ...layerNormParams, ...dropParams } as const;
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

/** `drops`: whether there is dropout; `keeps`: whether a gradient will be asked for. */
function defineAddLayerNorm(name: string, { drops, keeps }: { drops: boolean; keeps: boolean }) {
  const buffers: Record<string, BufferSpec<P>> = {
    ...(drops && { state: dropState }),
    x: matrix('read'),
    residual: matrix('read'),
    weight: vector,
    bias: vector,
    y: matrix('write'),
    ...(keeps && { z: matrix('write'), moments: writtenMoments }),
  };
  return defineKernel({
    name,
    params,
    buffers,
    ...perWeightedRow,
    wgsl: weightedRowText((c) => ({
      ...normalised,
      values: { v: `${drops ? 'drop(x[i], i)' : 'x[i]'} + residual[i]` },
      // To read what was written takes less than to begin again.
      ...(keeps && { again: { v: 'z[i]' }, keep: keepMoments }),
      find: (walk) => rowMoments(c, walk, keeps ? 'z[i] = v;' : ''),
      ...(drops && { functions: dropWgsl(c) }),
    })),
    reference({ state, x, residual, weight, bias, y, z, moments }, p: P) {
      const factors = drops ? dropFactors(state, p, x.length) : undefined;
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
  drops: true,
  keeps: true,
});
/** The same without dropout. */
export const addLayerNorm = defineAddLayerNorm('addLayerNorm', { drops: false, keeps: true });
/** The same when no gradient will be asked for. */
export const addLayerNormForward = defineAddLayerNorm('addLayerNormForward', {
  drops: false,
  keeps: false,
});

/** Gradients of dropoutAddLayerNorm: dz (which is the residual's) by layer normalisation, dx by the mask drawn anew. */
export const dropoutAddLayerNormBackward = defineKernel({
  name: 'dropoutAddLayerNormBackward',
  params,
  buffers: {
    state: dropState,
    dy: matrix('read'),
    z: matrix('read'),
    weight: vector,
    moments: readMoments,
    dresidual: matrix('write'),
    dx: matrix('write'),
  },
  ...perWeightedRow,
  wgsl: weightedRowText((c) => ({
    ...inputGradient('z', 'dresidual[i] = dz; dx[i] = drop(dz, i);'),
    functions: dropWgsl(c),
  })),
  reference({ state, dy, z, weight, moments, dresidual, dx }, p) {
    layerNormBackward.reference({ dy, x: z, weight, moments, dx: dresidual }, p);
    const factors = dropFactors(state, p, z.length);
    for (let i = 0; i < z.length; i++) dx[i] = factors[i] === 0 ? 0 : dresidual[i] * factors[i];
  },
  cases,
});
