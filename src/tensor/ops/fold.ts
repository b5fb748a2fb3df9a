import { ArgumentError } from '../../platform/errors.ts';
import { operation } from '../operation.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { foldWindows, type Geometry, unfoldWindows } from './convolution.ts';
import { permute, reshape } from './views.ts';
import { batched, checkAtLeast, type Pair, pairOf, rankError } from './windowOptions.ts';

/** Options of `im2col` and `fold`; a number stands for both dimensions. */
export interface FoldOptions {
  /** Distance of neighbouring elements of a window. Default: 1. */
  dilation?: number | Pair;
  /** Zeros on both sides. Default: 0. */
  padding?: number | Pair;
  /** Places between neighbouring windows. Default: 1. */
  stride?: number | Pair;
}

/** The windows over an image of this size. @throws ArgumentError if they do not fit. */
function geometryOf(
  operation: string,
  [batch, channels, height, width]: readonly number[],
  kernelSize: number | Pair,
  { dilation = 1, padding = 0, stride = 1 }: FoldOptions,
): Geometry {
  checkAtLeast(operation, 1, { kernelSize, dilation, stride });
  checkAtLeast(operation, 0, { padding });
  const [kernelHeight, kernelWidth] = pairOf(kernelSize);
  const [dilationY, dilationX] = pairOf(dilation);
  const [strideY, strideX] = pairOf(stride);
  const [top, left] = pairOf(padding);
  const places = (size: number, kernel: number, reach: number, pad: number, step: number) => {
    const out = Math.floor((size + 2 * pad - reach * (kernel - 1) - 1) / step) + 1;
    if (out < 1)
      throw new ArgumentError(
        `${operation}: expected windows that fit into the padded image, got a size of ` +
          `${reach * (kernel - 1) + 1} for ${size + 2 * pad}`,
      );
    return out;
  };
  return {
    ...{ batch, channels, groups: 1, height, width, kernelHeight, kernelWidth },
    ...{ strideY, strideX, top, left, dilationY, dilationX },
    outHeight: places(height, kernelHeight, dilationY, top, strideY),
    outWidth: places(width, kernelWidth, dilationX, left, strideX),
  };
}

/**
 * The windows of images as columns, PyTorch's `functional.unfold` and `nn.Unfold`. x: [batch,
 * channels, height, width] or without the batch → [batch, channels · kernelHeight · kernelWidth,
 * windows].
 * @throws ArgumentError if an option is out of range, or a window does not fit.
 * @example
 * im2col(randn(1, 3, 4, 4), 2, { stride: 2 }).shape; // [1, 12, 4]
 */
export const im2col = operation(
  'im2col',
  1,
  (x: Tensor, kernelSize: number | Pair, options: FoldOptions = {}): Tensor =>
    batched('im2col', x, 3, (images) => {
      const geometry = geometryOf('im2col', images.shape, kernelSize, options);
      const { batch, channels, kernelHeight, kernelWidth, outHeight, outWidth } = geometry;
      const [places, windows] = [kernelHeight * kernelWidth, outHeight * outWidth];
      const rows = reshape(unfoldWindows(images, geometry), [batch, windows, places, channels]);
      return reshape(permute(rows, [0, 3, 2, 1]), [batch, channels * places, windows]);
    }),
  ['dilation', 'padding', 'stride'],
);

/**
 * Windows added up to images, PyTorch's `functional.fold`: what `im2col` takes apart. x: [batch,
 * channels · kernelHeight · kernelWidth, windows] or without the batch → [batch, channels,
 * …outputSize].
 * @throws ArgumentError if an option is out of range, or the shape does not fit the windows.
 * @example
 * fold(randn(1, 12, 4), [4, 4], 2, { stride: 2 }).shape; // [1, 3, 4, 4]
 */
export const fold = operation(
  'fold',
  1,
  (
    x: Tensor,
    outputSize: number | Pair,
    kernelSize: number | Pair,
    options: FoldOptions = {},
  ): Tensor => {
    checkAtLeast('fold', 1, { outputSize, kernelSize });
    if (x.ndim !== 2 && x.ndim !== 3) throw rankError('fold', 'an input', 3, x);
    const [rows, columns] = x.shape.slice(-2);
    const places = pairOf(kernelSize)[0] * pairOf(kernelSize)[1];
    const channels = rows / places;
    return batched('fold', x, 2, (cols) => {
      const size = [cols.shape[0], Math.floor(channels), ...pairOf(outputSize)];
      const geometry = geometryOf('fold', size, kernelSize, options);
      const windows = geometry.outHeight * geometry.outWidth;
      if (!Number.isInteger(channels) || columns !== windows)
        throw new ArgumentError(
          `fold: expected [batch, channels · ${places}, ${windows}], got ${formatShape(x.shape)}`,
        );
      const split = reshape(cols, [cols.shape[0], channels, places, windows]);
      const laid = reshape(permute(split, [0, 3, 2, 1]), [-1, places * channels]);
      return permute(foldWindows(laid, geometry), [0, 3, 1, 2]);
    });
  },
  ['dilation', 'padding', 'stride'],
);
