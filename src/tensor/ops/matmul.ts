import { geluBackward, geluTanhBackward } from '../../kernels/elementwise/gelu.ts';
import { maxInnerSize, preferredStrides } from '../../kernels/heuristics.ts';
import {
  type Activation,
  linear as linearKernels,
  type MatmulParams,
  matmul as matmulKernel,
  savesPreActivation,
} from '../../kernels/matmul/index.ts';
import { accumulate } from '../../kernels/memory.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { emptyGrad, record } from '../autograd.ts';
import { fillMemory } from '../create.ts';
import { broadcastStrides, isDenseAtOrigin, launch, launchMap } from '../launch.ts';
import { operation, requireTensorIfGiven } from '../operation.ts';
import { broadcastShapes, coalesceDims, formatShape, product, sameShape } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { sumToSize } from './broadcasting.ts';
import { reluGradient, tanhGradient } from './floats.ts';
import { gelu } from './gelu.ts';
import { contiguous, expand, reshape, transpose, unsqueeze } from './views.ts';

export type { Activation };

/**
 * Matrix product as PyTorch's `matmul`: vectors, matrices, and batches of them broadcast together.
 * Transposed and sliced operands are read in place.
 * @throws ArgumentError if inner sizes differ.
 * @example
 * matmul(tensor([[1, 2]]), tensor([[3], [4]])); // [[11]]
 */
export const matmul = operation('matmul', 2, (a: Tensor, b: Tensor): Tensor => {
  if (a.ndim === 0 || b.ndim === 0)
    throw new ArgumentError('matmul: operands need at least one dimension');
  if (a.ndim === 1 && b.ndim === 1) return reshape(matmul(unsqueeze(a, 0), unsqueeze(b, 1)), []);
  if (a.ndim === 1) return dropDim(matmul(unsqueeze(a, 0), b), -2);
  if (b.ndim === 1) return dropDim(matmul(a, unsqueeze(b, 1)), -1);
  if (a.shape.at(-1) !== b.shape.at(-2)) {
    throw new ArgumentError(
      `matmul: inner sizes differ: ${formatShape(a.shape)} × ${formatShape(b.shape)}; ` +
        'did you mean to transpose one?',
    );
  }
  // One large product instead of many small ones with the same b.
  if (b.ndim === 2 && a.ndim > 2 && a.isContiguous) {
    return reshape(matmul(asMatrix(a), b), [...a.shape.slice(0, -1), b.shape[1]]);
  }
  return recordedProduct(a, b);
});

/** a b for operands of two dimensions or more. */
const recordedProduct = (a: Tensor, b: Tensor, out?: Tensor): Tensor =>
  record('matmul', matmulUnrecorded(a, b, out), [a, b], (dy) => [
    a.requiresGrad ? operandGradient(dy, transpose(b, -1, -2), a) : null,
    b.requiresGrad ? rightGradient(a, dy, b) : null,
  ]);

const dropDim = (x: Tensor, dim: number) =>
  reshape(
    x,
    x.shape.filter((_, d) => d !== x.ndim + dim),
  );

/**
 * aᵀ dy; for a transposed b (the keys of attention) as (dyᵀ a)ᵀ, so that the result has b's layout.
 */
function rightGradient(a: Tensor, dy: Tensor, b: Tensor): Tensor {
  if (b.strides.at(-2) !== 1 || b.strides.at(-1) === 1)
    return operandGradient(transpose(a, -1, -2), dy, b);
  return transpose(operandGradient(transpose(dy, -1, -2), a, transpose(b, -1, -2)), -1, -2);
}

/** x y, summed to the operand's shape. */
function operandGradient(x: Tensor, y: Tensor, operand: Tensor): Tensor {
  const batch = broadcastShapes(x.shape.slice(0, -2), y.shape.slice(0, -2), 'matmul');
  const same = sameShape([...batch, x.shape.at(-2)!, y.shape.at(-1)!], operand.shape);
  if (!same) return sumToSize(recordedProduct(x, y), operand.shape);
  return recordedProduct(x, y, operand.gradFn ? undefined : emptyGrad(operand));
}

/** a b for operands of two dimensions or more; not recorded. */
function matmulUnrecorded(a: Tensor, b: Tensor, out?: Tensor): Tensor {
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul');
  const y = out ?? allocProduct([...batch, a.shape.at(-2)!, b.shape.at(-1)!], b);
  if (y.size === 0 || a.shape.at(-1) === 0) return fillMemory(y, 0);
  const params = matmulParams(a, b, y);
  const maxK = params && maxInnerSize(params, a.device.traits);
  if (maxK && maxK < params.k)
    return splitKMatmul(a, b, isDenseAtOrigin(y) ? y : empty(y.shape, 'float32', y.device), maxK);
  if (params) launch(matmulKernel, { a, b, y }, params);
  else {
    // More than two batch dimensions that do not merge: copy both operands to dense memory.
    const broadcastDense = (x: Tensor) =>
      contiguous(expand(x.detach(), [...batch, ...x.shape.slice(-2)]));
    const [denseA, denseB] = [broadcastDense(a), broadcastDense(b)];
    launch(matmulKernel, { a: denseA, b: denseB, y }, matmulParams(denseA, denseB, y)!);
  }
  return y;
}

/** a b, added up in y over parts of k. */
function splitKMatmul(a: Tensor, b: Tensor, y: Tensor, kChunk: number): Tensor {
  const [row, k] = a.shape.slice(-2);
  const n = b.shape.at(-1)!;
  for (let first = 0; first < k; first += kChunk) {
    const count = Math.min(kChunk, k - first);
    const aSlice = a.asStrided(
      [...a.shape.slice(0, -2), row, count],
      a.strides,
      a.offset + first * a.strides.at(-1)!,
    );
    const bSlice = b.asStrided(
      [...b.shape.slice(0, -2), count, n],
      b.strides,
      b.offset + first * b.strides.at(-2)!,
    );
    const partial = matmulUnrecorded(
      aSlice,
      bSlice,
      first === 0 ? y : empty(y.shape, 'float32', y.device),
    );
    if (partial === y) continue;
    launch(accumulate, { x: partial, y }, { count: y.size });
    partial.dispose();
  }
  return y;
}

/**
 * Memory for a product. If b holds heads side by side in its rows ([batch, heads, length, size], a
 * view of [batch, length, heads · size]), so does the product: attention then joins its heads
 * without a copy.
 */
function allocProduct(shape: number[], b: Tensor): Tensor {
  const headsInRows =
    shape.length === 4 &&
    b.ndim === 4 &&
    b.strides[3] === 1 &&
    b.strides[1] < b.strides[2] &&
    b.shape[1] > 1;
  if (!headsInRows || b.shape[1] !== shape[1]) return empty(shape, 'float32', b.device);
  const [batch, heads, rows, cols] = shape;
  const y = empty([batch, rows, heads, cols], 'float32', b.device);
  return y.asStrided(shape, [rows * heads * cols, cols, heads * cols, 1], 0);
}

/**
 * Parameters of the product, with batch dimensions merged into two; undefined if they do not merge.
 */
function matmulParams(a: Tensor, b: Tensor, y: Tensor): MatmulParams | undefined {
  const batch = y.shape.slice(0, -2);
  const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  const matrices = product(batch);
  const batchStrides = (x: Tensor) =>
    broadcastStrides(x, [...batch, ...x.shape.slice(-2)]).slice(0, -2);
  const coalesced = coalesceDims(batch, [batchStrides(a), batchStrides(b), y.strides.slice(0, -2)]);
  if (coalesced.shape.length > 2) return undefined;
  const [batch0, batch1] = coalesced.shape.length === 2 ? coalesced.shape : [matrices, 1];
  const [[a0, a1], [b0, b1], [y0, y1]] = coalesced.strides.map(([first, second]) =>
    coalesced.shape.length === 2 ? [first, second] : [matrices === 1 ? 0 : first, 0],
  );
  return {
    m,
    n,
    k,
    batch0,
    batch1,
    ...preferredStrides({ m, n, k }, a.strides.slice(-2), b.strides.slice(-2)),
    a0,
    a1,
    aOffset: a.offset,
    b0,
    b1,
    bOffset: b.offset,
    yRow: y.strides.at(-2)!,
    y0,
    y1,
    yOffset: y.offset,
  };
}

/**
 * activation(x weightᵀ + bias) in one launch. x: [..., in], weight: [out, in], bias: [out] → [...,
 * out].
 * @throws ArgumentError if sizes differ.
 * @example
 * linear(tensor([[1, 2]]), tensor([[3, 4]]), tensor([0.5])); // [[11.5]]
 */
export const linear = operation(
  'linear',
  2,
  (x: Tensor, weight: Tensor, bias?: Tensor | null, activation: Activation = 'none'): Tensor => {
    requireOneOf(activation, Object.keys(linearKernels), '`activation`');
    requireTensorIfGiven(bias);
    const [outFeatures, inFeatures] = weight.shape;
    if (x.shape.at(-1) !== inFeatures) {
      throw new ArgumentError(
        `linear: expected an input of last size ${inFeatures}, as the weight ` +
          `${formatShape(weight.shape)}, got ${formatShape(x.shape)}`,
      );
    }
    if (!bias) {
      if (activation === 'none') return matmul(x, transpose(weight, 0, 1));
      const zero = fillMemory(empty([outFeatures], 'float32', x.device), 0);
      return linear(x, weight, zero, activation);
    }
    if (!sameShape(bias.shape, [outFeatures])) {
      throw new ArgumentError(
        `linear: expected a bias of shape [${outFeatures}], got ${formatShape(bias.shape)}`,
      );
    }
    const b = contiguous(bias);
    const rows = asMatrix(x);
    const y = empty([rows.shape[0], outFeatures], 'float32', x.device);
    const preActivation = savesPreActivation(activation)
      ? empty(y.shape, 'float32', x.device)
      : undefined;
    const params = matmulParams(rows, transpose(weight.detach(), 0, 1), y)!;
    if (y.size > 0)
      launch(
        linearKernels[activation],
        { a: rows, b: weight, bias: b, y, ...(preActivation && { preActivation }) },
        params,
      );
    const gradient = (dy: Tensor) => {
      const dz = activationGradient(activation, dy, y, preActivation);
      return [
        rows.requiresGrad ? recordedProduct(dz, weight) : null,
        weight.requiresGrad ? recordedProduct(transpose(dz, 0, 1), rows, emptyGrad(weight)) : null,
        b.requiresGrad ? sumToSize(dz, b.shape, () => emptyGrad(b)) : null,
      ];
    };
    const composed = () =>
      gelu(linear(rows, weight, b), activation === 'geluTanh' ? 'tanh' : 'none');
    const inputs = [rows, weight, b];
    const result = record('linear', y, inputs, gradient, preActivation && composed);
    return x.ndim === 2 ? result : reshape(result, [...x.shape.slice(0, -1), outFeatures]);
  },
);

/** x as a matrix; a matrix with gaps between rows (a slice) is taken as it is. */
const asMatrix = (x: Tensor): Tensor =>
  x.ndim === 2 ? x : reshape(x, [product(x.shape.slice(0, -1)), x.shape.at(-1)!]);

function activationGradient(
  activation: Activation,
  dy: Tensor,
  y: Tensor,
  preActivation?: Tensor,
): Tensor {
  switch (activation) {
    case 'none':
      return isDenseAtOrigin(dy) ? dy : contiguous(dy);
    case 'gelu':
      return launchMap(geluBackward, [dy, preActivation!]);
    case 'geluTanh':
      return launchMap(geluTanhBackward, [dy, preActivation!]);
    case 'tanh':
      return tanhGradient(dy, y);
    case 'relu':
      return reluGradient(dy, y);
  }
}
