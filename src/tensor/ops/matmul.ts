import { windowStep } from '../../device/splitLaunch.ts';
import type { Traits } from '../../device/traits.ts';
import { reluBackward, tanhBackward } from '../../kernels/elementwise/arithmetic.ts';
import { geluBackward, geluTanhBackward } from '../../kernels/elementwise/gelu.ts';
import {
  type Activation,
  keepsArgument,
  linear as linearKernels,
  type MatmulParams,
  matmul as matmulKernel,
} from '../../kernels/matmul/index.ts';
import { accumulate } from '../../kernels/memory.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { emptyGrad, record } from '../autograd.ts';
import { fillWith } from '../create.ts';
import { broadcastStrides, isWhole, map, run } from '../launch.ts';
import { sumTo } from '../reduceAxes.ts';
import { broadcastShapes, collapse, product, show } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { contiguous, expand, reshape, transpose, unsqueeze } from './views.ts';

export type { Activation };

/**
 * Matrix product as PyTorch's `matmul`: vectors, matrices, and batches of them broadcast together.
 * Transposed and sliced operands are read in place.
 * @throws ArgumentError naming both shapes when inner sizes differ.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  if (a.ndim === 0 || b.ndim === 0)
    throw new ArgumentError('matmul: operands need at least one dimension');
  if (a.ndim === 1 && b.ndim === 1) return reshape(matmul(unsqueeze(a, 0), unsqueeze(b, 1)), []);
  if (a.ndim === 1) return dropDim(matmul(unsqueeze(a, 0), b), -2);
  if (b.ndim === 1) return dropDim(matmul(a, unsqueeze(b, 1)), -1);
  if (a.shape.at(-1) !== b.shape.at(-2)) {
    throw new ArgumentError(
      `matmul: inner sizes differ: ${show(a.shape)} × ${show(b.shape)}; did you mean to transpose one?`,
    );
  }
  // One large product instead of many small ones with the same b.
  if (b.ndim === 2 && a.ndim > 2 && a.isContiguous) {
    return reshape(matmul(reshape(a, [-1, a.shape.at(-1)!]), b), [
      ...a.shape.slice(0, -1),
      b.shape[1],
    ]);
  }
  return record('matmul', multiply(a, b), [a, b], (dy) => [
    a.requiresGrad ? gradient(dy, transpose(b, -1, -2), a) : null,
    b.requiresGrad ? gradientOfRight(a, dy, b) : null,
  ]);
}

const dropDim = (x: Tensor, dim: number) =>
  reshape(
    x,
    x.shape.filter((_, d) => d !== x.ndim + dim),
  );

/** aᵀ dy; of a transposed b (the keys of attention) as (dyᵀ a)ᵀ, so that it comes out laid out as b is. */
function gradientOfRight(a: Tensor, dy: Tensor, b: Tensor): Tensor {
  if (b.strides.at(-2) !== 1 || b.strides.at(-1) === 1)
    return gradient(transpose(a, -1, -2), dy, b);
  return transpose(gradient(transpose(dy, -1, -2), a, transpose(b.detach(), -1, -2)), -1, -2);
}

/** x y, summed to the shape of the operand it is the gradient of. */
function gradient(x: Tensor, y: Tensor, of: Tensor): Tensor {
  const batch = broadcastShapes(x.shape.slice(0, -2), y.shape.slice(0, -2), 'matmul');
  const same = show([...batch, x.shape.at(-2)!, y.shape.at(-1)!]) === show(of.shape);
  if (!same) return sumTo(multiply(x, y), of.shape);
  return multiply(x, y, of.node ? undefined : emptyGrad(of));
}

/** a b for operands of two dimensions or more; not recorded. */
function multiply(a: Tensor, b: Tensor, into?: Tensor): Tensor {
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul');
  const y = into ?? emptyProduct([...batch, a.shape.at(-2)!, b.shape.at(-1)!], b);
  if (a.shape.at(-1) === 0) return fillWith(y, 0);
  const params = matmulParams(a, b, y);
  const depth = params && deepest(params, a.device.traits);
  if (depth && depth < params.k)
    return addProducts(a, b, isWhole(y) ? y : empty(y.shape, 'float32', y.device), depth);
  if (params) run(matmulKernel, { a, b, y }, params);
  else {
    // More than two batch dimensions that do not merge: lay both operands out.
    const whole = (x: Tensor) => contiguous(expand(x.detach(), [...batch, ...x.shape.slice(-2)]));
    const [wa, wb] = [whole(a), whole(b)];
    run(matmulKernel, { a: wa, b: wb, y }, matmulParams(wa, wb, y)!);
  }
  return y;
}

/** Places of k that a launch can take: what it reads of one row of a, or of a few columns of b, is bound at once. */
function deepest({ k, aRow, aCol, bRow, bCol }: MatmulParams, traits: Traits): number {
  const most = Math.floor(traits.maxBinding / 4) - windowStep(traits);
  const places = (least: number, along: number) => Math.floor((most - least) / along);
  const deepest = Math.min(places(aRow === 1 ? 4 : 1, aCol), places(4 * bCol, bRow));
  return deepest >= k ? k : Math.max(4, deepest - (deepest % 4));
}

/** a b added up over parts of k, in y. */
function addProducts(a: Tensor, b: Tensor, y: Tensor, depth: number): Tensor {
  const [row, k] = a.shape.slice(-2);
  const n = b.shape.at(-1)!;
  for (let first = 0; first < k; first += depth) {
    const count = Math.min(depth, k - first);
    const left = a.view(
      [...a.shape.slice(0, -2), row, count],
      a.strides,
      a.offset + first * a.strides.at(-1)!,
    );
    const right = b.view(
      [...b.shape.slice(0, -2), count, n],
      b.strides,
      b.offset + first * b.strides.at(-2)!,
    );
    const part = multiply(left, right, first === 0 ? y : empty(y.shape, 'float32', y.device));
    if (part === y) continue;
    run(accumulate, { x: part, y }, { count: y.size });
    part.dispose();
  }
  return y;
}

/**
 * Room for a product. Where b holds heads side by side in its rows ([batch, heads, length, size], a view of
 * [batch, length, heads · size]), so does the product: attention then joins its heads without a copy.
 */
function emptyProduct(shape: number[], b: Tensor): Tensor {
  const headsInRows =
    shape.length === 4 &&
    b.ndim === 4 &&
    b.strides[3] === 1 &&
    b.strides[1] < b.strides[2] &&
    b.shape[1] > 1;
  if (!headsInRows || b.shape[1] !== shape[1]) return empty(shape, 'float32', b.device);
  const [batch, heads, rows, cols] = shape;
  const y = empty([batch, rows, heads, cols], 'float32', b.device);
  return y.view(shape, [rows * heads * cols, cols, heads * cols, 1], 0);
}

/** Strides of the product, with batch dimensions merged into two; undefined where they do not fit. */
function matmulParams(a: Tensor, b: Tensor, y: Tensor): MatmulParams | undefined {
  const batch = y.shape.slice(0, -2);
  const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  const matrices = product(batch);
  const batchStrides = (x: Tensor) =>
    broadcastStrides(x, [...batch, ...x.shape.slice(-2)]).slice(0, -2);
  const walk = collapse(batch, [batchStrides(a), batchStrides(b), y.strides.slice(0, -2)]);
  if (walk.shape.length > 2) return undefined;
  const [batch0, batch1] = walk.shape.length === 2 ? walk.shape : [matrices, 1];
  const [[a0, a1], [b0, b1], [y0, y1]] = walk.strides.map(([first, second]) =>
    walk.shape.length === 2 ? [first, second] : [matrices === 1 ? 0 : first, 0],
  );
  const [aRow, aCol] = a.strides.slice(-2);
  const [bRow, bCol] = b.strides.slice(-2);
  // The stride of a dimension of size 1 is never taken: choose one that the fast variants like.
  return {
    m,
    n,
    k,
    batch0,
    batch1,
    aRow: m === 1 && aCol === 1 ? k : aRow,
    aCol: k === 1 && aRow !== 1 ? 1 : aCol,
    a0,
    a1,
    aOffset: a.offset,
    bRow: k === 1 && bCol === 1 ? n : bRow,
    bCol: n === 1 && bRow !== 1 ? 1 : bCol,
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
 * activation(x weightᵀ + bias) in one launch. x: [..., in], weight: [out, in], bias: [out] → [..., out].
 * @throws ArgumentError when sizes differ.
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  activation: Activation = 'none',
): Tensor {
  const [outFeatures, inFeatures] = weight.shape;
  if (x.shape.at(-1) !== inFeatures) {
    throw new ArgumentError(
      `linear: the input's last size is ${x.shape.at(-1)}, the weight's is ${inFeatures} (${show(x.shape)}, ${show(weight.shape)})`,
    );
  }
  if (!bias) return matmul(x, transpose(weight, 0, 1));
  if (show(bias.shape) !== show([outFeatures])) {
    throw new ArgumentError(
      `linear: a bias of shape [${outFeatures}] was expected, not ${show(bias.shape)}`,
    );
  }
  const b = contiguous(bias);
  const rows = asRows(x);
  const y = empty([rows.shape[0], outFeatures], 'float32', x.device);
  const argument = keepsArgument(activation) ? empty(y.shape, 'float32', x.device) : undefined;
  const params = matmulParams(rows, transpose(weight.detach(), 0, 1), y)!;
  run(
    linearKernels[activation],
    { a: rows, b: weight, bias: b, y, ...(argument && { argument }) },
    params,
  );
  const result = record('linear', y, [rows, weight, b], (dy) => {
    const dz = activationGradient(activation, dy, y, argument);
    return [
      rows.requiresGrad ? multiply(dz, weight) : null,
      weight.requiresGrad ? multiply(transpose(dz, 0, 1), rows, emptyGrad(weight)) : null,
      b.requiresGrad ? sumTo(dz, b.shape, () => emptyGrad(b)) : null,
    ];
  });
  return x.ndim === 2 ? result : reshape(result, [...x.shape.slice(0, -1), outFeatures]);
}

/** x as a matrix; one whose rows lie apart (a slice) is taken as it is. */
const asRows = (x: Tensor): Tensor => (x.ndim === 2 ? x : reshape(x, [-1, x.shape.at(-1)!]));

function activationGradient(
  activation: Activation,
  dy: Tensor,
  y: Tensor,
  argument?: Tensor,
): Tensor {
  switch (activation) {
    case 'none':
      return isWhole(dy) ? dy : contiguous(dy);
    case 'gelu':
      return map(geluBackward, [dy, argument!]);
    case 'geluTanh':
      return map(geluTanhBackward, [dy, argument!]);
    case 'tanh':
      return map(tanhBackward, [dy, y]);
    case 'relu':
      return map(reluBackward, [dy, y]);
  }
}
