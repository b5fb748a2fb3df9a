import { type ConvolutionParams, col2im, im2col } from '../../kernels/convolution/im2col.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { launch } from '../launch.ts';
import { operation, requireTensorIfGiven } from '../operation.ts';
import { formatShape } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { add } from './elementwise.ts';
import { linear, matmul } from './matmul.ts';
import { contiguous, permute, reshape, transpose, view } from './views.ts';
import { batched, checkAtLeast, checkBias, type Pair, pairOf, rankError } from './windowOptions.ts';

/** Options of a convolution of `N` dimensions; a number stands for all of them. */
export interface ConvOptions<N extends number | Pair = number | Pair> {
  /** Places between neighbouring windows. Default: 1. */
  stride?: N;
  /**
   * Zeros on both sides, or `same`: as many as keep the size, with a stride of 1 (one more at the
   * end if they are odd). Default: 0.
   */
  padding?: N | 'same' | 'valid';
  /** Distance of neighbouring elements of a window. Default: 1. */
  dilation?: N;
  /** Parts of the channels that are convolved apart from each other. Default: 1. */
  groups?: number;
}

/**
 * Convolution along one dimension (cross-correlation), PyTorch's `conv1d`: y[o, i] = bias[o] +
 * Σ weight[o, c, k] x[c, i stride + k dilation - padding]. x: [batch, inChannels, length] or
 * [inChannels, length], weight: [outChannels, inChannels / groups, kernelSize], bias:
 * [outChannels] → [batch, outChannels, outLength], with the channels of a place adjacent in memory.
 * outLength = ⌊(length + 2 padding - dilation (kernelSize - 1) - 1) / stride⌋ + 1.
 * @throws ArgumentError if shapes do not fit, an option is out of range, or the kernel is longer
 * than the padded input.
 * @example
 * const words = embedding(ids, table).transpose(1, 2); // [batch, channels, length]
 * conv1d(words, weight, bias, { padding: 1 }).relu();
 */
export const conv1d = operation(
  'conv1d',
  2,
  (
    x: Tensor,
    weight: Tensor,
    bias?: Tensor | null,
    { stride = 1, padding = 0, dilation = 1, groups }: ConvOptions<number> = {},
  ): Tensor => {
    requireTensorIfGiven(bias);
    if (weight.ndim !== 3) throw rankError('conv1d', 'a weight', 3, weight);
    const pad: ConvOptions<Pair>['padding'] = typeof padding === 'number' ? [0, padding] : padding;
    return batched('conv1d', x, 2, (images) => {
      const y = convolve(
        'conv1d',
        view(images, [...images.shape.slice(0, 2), 1, images.shape[2]]),
        view(weight, [...weight.shape.slice(0, 2), 1, weight.shape[2]]),
        bias,
        { stride: [1, stride], padding: pad, dilation: [1, dilation], groups },
      );
      return view(y, [y.shape[0], y.shape[1], y.shape[3]]);
    });
  },
  ['stride', 'padding', 'dilation', 'groups'],
);

/**
 * Convolution along two dimensions, PyTorch's `conv2d`. x: [batch, inChannels, height, width] or
 * [inChannels, height, width], weight: [outChannels, inChannels / groups, kernelHeight,
 * kernelWidth], bias: [outChannels] → [batch, outChannels, outHeight, outWidth], with the channels
 * of a place adjacent in memory. Options may be pairs, for the height and the width.
 * @throws ArgumentError if shapes do not fit, an option is out of range, or the kernel is larger
 * than the padded input.
 * @example
 * conv2d(randn(8, 3, 32, 32), randn(16, 3, 3, 3), null, { padding: 1 }).shape; // [8, 16, 32, 32]
 */
export const conv2d = operation(
  'conv2d',
  2,
  (x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvOptions = {}): Tensor => {
    requireTensorIfGiven(bias);
    if (weight.ndim !== 4) throw rankError('conv2d', 'a weight', 4, weight);
    return batched('conv2d', x, 3, (images) => convolve('conv2d', images, weight, bias, options));
  },
  ['stride', 'padding', 'dilation', 'groups'],
);

/** x: [batch, channels, height, width], weight: [outChannels, channels / groups, …kernel]. */
function convolve(
  operation: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions,
): Tensor {
  const [batch, channels, height, width] = x.shape;
  const [outChannels, groupChannels, kernelHeight, kernelWidth] = weight.shape;
  checkAtLeast(operation, 1, { stride, dilation, groups });
  if (channels !== groupChannels * groups || outChannels % groups !== 0) {
    throw new ArgumentError(
      `${operation}: expected a weight [outChannels, ${channels} / groups, …] for the ` +
        `${channels} channels of the input, with outChannels a multiple of \`groups\`, ` +
        `${groups}, got ${formatShape(weight.shape)}`,
    );
  }
  checkBias(operation, bias, outChannels);
  const along = (axis: 0 | 1, size: number, kernel: number) =>
    outputAxis(operation, size, kernel, {
      stride: pairOf(stride)[axis],
      dilation: pairOf(dilation)[axis],
      padding: typeof padding === 'string' ? padding : pairOf(padding)[axis],
    });
  const y = along(0, height, kernelHeight);
  const x_ = along(1, width, kernelWidth);
  const cols = unfoldWindows(x, {
    ...{ batch, channels, groups, height, width, kernelHeight, kernelWidth },
    ...{ outHeight: y.out, strideY: y.stride, top: y.before, dilationY: y.dilation },
    ...{ outWidth: x_.out, strideX: x_.stride, left: x_.before, dilationX: x_.dilation },
  });
  const size = kernelHeight * kernelWidth * groupChannels;
  const rows = batch * y.out * x_.out;
  const kernels = reshape(permute(weight, [0, 2, 3, 1]), [groups, outChannels / groups, size]);
  const result =
    groups === 1
      ? linear(reshape(cols, [rows, size]), reshape(kernels, [outChannels, size]), bias)
      : groupedProduct(cols, kernels, bias);
  return permute(reshape(result, [batch, y.out, x_.out, outChannels]), [0, 3, 1, 2]);
}

/** cols: [groups, rows, size], kernels: [groups, outChannels / groups, size] → [rows, out]. */
function groupedProduct(cols: Tensor, kernels: Tensor, bias?: Tensor | null): Tensor {
  const [groups, perGroup] = kernels.shape;
  const product = permute(matmul(cols, transpose(kernels, 1, 2)), [1, 0, 2]);
  const y = reshape(product, [cols.shape[1], groups * perGroup]);
  return bias ? add(y, bias) : y;
}

/** Size of the output along an axis, and the zeros before the input. */
function outputAxis(
  operation: string,
  size: number,
  kernel: number,
  {
    stride,
    dilation,
    padding,
  }: { stride: number; dilation: number; padding: number | 'same' | 'valid' },
) {
  const reach = dilation * (kernel - 1);
  if (padding === 'same' && stride !== 1)
    throw new ArgumentError(
      `${operation}: \`padding\`: expected a \`stride\` of 1 for 'same', got ${stride}`,
    );
  if (typeof padding === 'number') checkAtLeast(operation, 0, { padding });
  const before = padding === 'same' ? Math.floor(reach / 2) : padding === 'valid' ? 0 : padding;
  const total = padding === 'same' ? reach : 2 * before;
  const out = Math.floor((size + total - reach - 1) / stride) + 1;
  if (kernel < 1 || out < 1)
    throw new ArgumentError(
      `${operation}: expected a kernel that fits into the padded input, got a size of ` +
        `${reach + 1} for ${size + total}`,
    );
  return { out, before, stride, dilation };
}

export type Geometry = Omit<
  ConvolutionParams,
  'xBatch' | 'xChannel' | 'xRow' | 'xColumn' | 'xOffset'
>;

/** The windows of an image as rows: [groups, rows, kernel · channels / groups]. */
export function unfoldWindows(x: Tensor, geometry: Geometry): Tensor {
  const { batch, channels, groups, kernelHeight, kernelWidth } = geometry;
  const [xBatch, xChannel, xRow, xColumn] = x.strides;
  const params = { ...geometry, xBatch, xChannel, xRow, xColumn, xOffset: x.offset };
  const size = (kernelHeight * kernelWidth * channels) / groups;
  const rows = batch * geometry.outHeight * geometry.outWidth;
  const cols = empty([groups, rows, size], 'float32', x.device);
  launch(im2col, { x, cols }, params);
  return record('unfoldWindows', cols, [x], (dy) => [
    permute(foldWindows(dy, geometry), [0, 3, 1, 2]),
  ]);
}

/** Windows added up at their places: [batch, height, width, channels], the adjoint of unfolding. */
export function foldWindows(given: Tensor, geometry: Geometry): Tensor {
  const { batch, channels, height, width } = geometry;
  const cols = contiguous(given);
  const x = empty([batch, height, width, channels], 'float32', cols.device);
  const strides = { xBatch: 0, xChannel: 0, xRow: 0, xColumn: 0, xOffset: 0 };
  launch(col2im, { cols, dx: x }, { ...geometry, ...strides });
  return record('foldWindows', x, [cols], (dy) => [
    unfoldWindows(permute(dy, [0, 3, 1, 2]), geometry),
  ]);
}
