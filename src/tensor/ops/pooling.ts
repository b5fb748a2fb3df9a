import { avgPool, avgPoolBackward } from '../../kernels/convolution/avgPool.ts';
import { maxPool, maxPoolBackward } from '../../kernels/convolution/maxPool.ts';
import type { PoolParams } from '../../kernels/convolution/windows.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { launch } from '../launch.ts';
import { operation } from '../operation.ts';
import { formatShape } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { gather } from './embedding.ts';
import { contiguous, flatten, reshape, view } from './views.ts';
import { batched, checkAtLeast, type Pair, pairOf } from './windowOptions.ts';

/** Options of pools; a number stands for both dimensions. */
export interface PoolOptions<N extends number | Pair = number | Pair> {
  /** Places between neighbouring windows. Default: the kernel's size. */
  stride?: N;
  /** Places added on both sides, at most half the kernel. Default: 0. */
  padding?: N;
  /** Whether a last window that is not full counts. Default: false. */
  ceilMode?: boolean;
}
/** Options of max pools. */
export interface MaxPoolOptions<N extends number | Pair = number | Pair> extends PoolOptions<N> {
  /** Distance of neighbouring elements of a window. Default: 1. */
  dilation?: N;
}
/** Options of average pools. */
export interface AvgPoolOptions<N extends number | Pair = number | Pair> extends PoolOptions<N> {
  /** Whether the mean counts the padding, as zeros. Default: true. */
  countIncludePad?: boolean;
}

/**
 * The largest element of each window along the last dimension, PyTorch's `max_pool1d`. Padding is
 * never the largest. x: [batch, channels, length] or [channels, length] → [batch, channels,
 * outLength]. NaN if the window holds one; of equal elements the first gets the gradient.
 * @throws ArgumentError if the input has another rank, or an option is out of range.
 * @example
 * maxPool1d(tensor([[1, 3, 2, 5]]), 2); // [[3, 5]]
 */
export const maxPool1d = operation(
  'maxPool1d',
  1,
  (x: Tensor, kernelSize: number, options: MaxPoolOptions<number> = {}): Tensor => {
    return overTime('maxPool1d', x, (images) =>
      pool('maxPool1d', images, [1, kernelSize], alongWidth(options), 'max'),
    );
  },
  ['stride', 'padding', 'ceilMode', 'dilation'],
);

/**
 * The largest element of each window of height and width, PyTorch's `max_pool2d`. x: [batch,
 * channels, height, width] or [channels, height, width] → [batch, channels, outHeight, outWidth].
 * @throws ArgumentError if the input has another rank, or an option is out of range.
 * @example
 * maxPool2d(randn(8, 3, 32, 32), 2).shape; // [8, 3, 16, 16]
 */
export const maxPool2d = operation(
  'maxPool2d',
  1,
  (x: Tensor, kernelSize: number | Pair, options: MaxPoolOptions = {}): Tensor => {
    return batched('maxPool2d', x, 3, (images) =>
      pool('maxPool2d', images, kernelSize, options, 'max'),
    );
  },
  ['stride', 'padding', 'ceilMode', 'dilation'],
);

/**
 * The mean of each window along the last dimension, PyTorch's `avg_pool1d`. x: [batch, channels,
 * length] or [channels, length] → [batch, channels, outLength].
 * @throws ArgumentError if the input has another rank, or an option is out of range.
 * @example
 * avgPool1d(tensor([[1, 3, 2, 6]]), 2); // [[2, 4]]
 */
export const avgPool1d = operation(
  'avgPool1d',
  1,
  (x: Tensor, kernelSize: number, options: AvgPoolOptions<number> = {}): Tensor => {
    return overTime('avgPool1d', x, (images) =>
      pool('avgPool1d', images, [1, kernelSize], alongWidth(options), 'avg'),
    );
  },
  ['stride', 'padding', 'ceilMode', 'countIncludePad'],
);

/**
 * The mean of each window of height and width, PyTorch's `avg_pool2d`. x: [batch, channels, height,
 * width] or [channels, height, width] → [batch, channels, outHeight, outWidth].
 * @throws ArgumentError if the input has another rank, or an option is out of range.
 * @example
 * avgPool2d(randn(8, 3, 32, 32), 2).shape; // [8, 3, 16, 16]
 */
export const avgPool2d = operation(
  'avgPool2d',
  1,
  (x: Tensor, kernelSize: number | Pair, options: AvgPoolOptions = {}): Tensor => {
    return batched('avgPool2d', x, 3, (images) =>
      pool('avgPool2d', images, kernelSize, options, 'avg'),
    );
  },
  ['stride', 'padding', 'ceilMode', 'countIncludePad'],
);

/** A size for each dimension; null keeps the input's. */
export type AdaptiveSize = number | readonly [number | null, number | null];

/**
 * Means of `outputSize` parts along the last dimension, as equal as possible and overlapping where
 * the length is no multiple, PyTorch's `adaptive_avg_pool1d`. x: [batch, channels, length] or
 * [channels, length] → [batch, channels, outputSize].
 * @throws ArgumentError if the input has another rank or no elements, or the size is below 1.
 * @example
 * adaptiveAvgPool1d(tensor([[1, 3, 2, 6]]), 2); // [[2, 4]]
 */
export const adaptiveAvgPool1d = operation(
  'adaptiveAvgPool1d',
  1,
  (x: Tensor, outputSize: number): Tensor =>
    overTime('adaptiveAvgPool1d', x, (images) =>
      adaptivePool('adaptiveAvgPool1d', images, [1, outputSize], 'avg'),
    ),
);

/**
 * The same along height and width, PyTorch's `adaptive_avg_pool2d`.
 * @example
 * adaptiveAvgPool2d(randn(8, 3, 32, 32), 1).shape; // [8, 3, 1, 1]
 */
export const adaptiveAvgPool2d = operation(
  'adaptiveAvgPool2d',
  1,
  (x: Tensor, outputSize: AdaptiveSize): Tensor =>
    batched('adaptiveAvgPool2d', x, 3, (images) =>
      adaptivePool('adaptiveAvgPool2d', images, outputSize, 'avg'),
    ),
);

/**
 * The largest elements of `outputSize` parts along the last dimension, PyTorch's
 * `adaptive_max_pool1d`. With a size of 1 it is pooling over time. x: [batch, channels, length] or
 * [channels, length] → [batch, channels, outputSize].
 * @throws ArgumentError if the input has another rank or no elements, or the size is below 1.
 * @example
 * adaptiveMaxPool1d(tensor([[1, 3, 2, 6]]), 2); // [[3, 6]]
 */
export const adaptiveMaxPool1d = operation(
  'adaptiveMaxPool1d',
  1,
  (x: Tensor, outputSize: number): Tensor =>
    overTime('adaptiveMaxPool1d', x, (images) =>
      adaptivePool('adaptiveMaxPool1d', images, [1, outputSize], 'max'),
    ),
);

/**
 * The same along height and width, PyTorch's `adaptive_max_pool2d`.
 * @example
 * adaptiveMaxPool2d(randn(8, 3, 32, 32), 1).shape; // [8, 3, 1, 1]
 */
export const adaptiveMaxPool2d = operation(
  'adaptiveMaxPool2d',
  1,
  (x: Tensor, outputSize: AdaptiveSize): Tensor =>
    batched('adaptiveMaxPool2d', x, 3, (images) =>
      adaptivePool('adaptiveMaxPool2d', images, outputSize, 'max'),
    ),
);

/** Runs `f` on sequences as images of a height of 1. */
function overTime(operation: string, x: Tensor, f: (images: Tensor) => Tensor): Tensor {
  return batched(operation, x, 2, (sequences) => {
    const [batch, channels, length] = sequences.shape;
    const y = f(view(sequences, [batch, channels, 1, length]));
    return view(y, [batch, channels, y.shape[3]]);
  });
}

const alongWidth = ({
  stride,
  padding = 0,
  dilation = 1,
  ...others
}: MaxPoolOptions<number> & AvgPoolOptions<number>): MaxPoolOptions & AvgPoolOptions => ({
  ...others,
  padding: [0, padding],
  dilation: [1, dilation],
  ...(stride !== undefined && { stride: [1, stride] }),
});

function pool(
  operation: string,
  x: Tensor,
  kernelSize: number | Pair,
  options: MaxPoolOptions & AvgPoolOptions,
  kind: 'max' | 'avg',
): Tensor {
  const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options;
  checkAtLeast(operation, 1, { kernelSize, stride, dilation });
  checkAtLeast(operation, 0, { padding });
  const [, , height, width] = x.shape;
  const [kernel, step, pad, gap] = [kernelSize, stride, padding, dilation].map(pairOf);
  const sizes = [height, width].map((size, axis) => {
    const reach = gap[axis] * (kernel[axis] - 1);
    if (2 * pad[axis] > reach + 1)
      throw new ArgumentError(
        `${operation}: \`padding\`: expected at most half the kernel's size, ${reach + 1}, ` +
          `got ${pad[axis]}`,
      );
    const places = (size + 2 * pad[axis] - reach - 1) / step[axis];
    const out = (ceilMode ? Math.ceil(places) : Math.floor(places)) + 1;
    // The last window must start inside the input or the padding before it.
    const fits = !ceilMode || (out - 1) * step[axis] < size + pad[axis];
    const kept = fits ? out : out - 1;
    if (kept < 1 || size === 0)
      throw new ArgumentError(
        `${operation}: expected a kernel that fits into the padded input, got a size of ` +
          `${reach + 1} for ${size + 2 * pad[axis]}`,
      );
    return kept;
  });
  return launchPool(x, kind, {
    ...{ outHeight: sizes[0], outWidth: sizes[1], kernelHeight: kernel[0], kernelWidth: kernel[1] },
    ...{ strideY: step[0], strideX: step[1], top: pad[0], left: pad[1] },
    ...{ dilationY: gap[0], dilationX: gap[1], adaptive: 0 },
    countPadding: Number(options.countIncludePad ?? true),
  });
}

function adaptivePool(
  operation: string,
  x: Tensor,
  outputSize: AdaptiveSize,
  kind: 'max' | 'avg',
): Tensor {
  const [, , height, width] = x.shape;
  const [h, w] = typeof outputSize === 'number' ? [outputSize, outputSize] : outputSize;
  const size: Pair = [h ?? height, w ?? width];
  checkAtLeast(operation, 1, { outputSize: size });
  if (height * width === 0)
    throw new ArgumentError(
      `${operation}: expected places to pool, got shape ${formatShape(x.shape)}`,
    );
  return launchPool(x, kind, {
    ...{ outHeight: size[0], outWidth: size[1], kernelHeight: 1, kernelWidth: 1 },
    ...{ strideY: 1, strideX: 1, top: 0, left: 0, dilationY: 1, dilationX: 1 },
    ...{ adaptive: 1, countPadding: 0 },
  });
}

type Windows = Omit<
  PoolParams,
  | `x${'Batch' | 'Channel' | 'Row' | 'Column' | 'Offset'}`
  | 'batch'
  | 'channels'
  | 'height'
  | 'width'
>;

/** x: [batch, channels, height, width], in any layout. */
function launchPool(x: Tensor, kind: 'max' | 'avg', windows: Windows): Tensor {
  const { device } = x;
  const [batch, channels, height, width] = x.shape;
  const [xBatch, xChannel, xRow, xColumn] = x.strides;
  const params = {
    ...{ ...windows, batch, channels, height, width },
    ...{ xBatch, xChannel, xRow, xColumn, xOffset: x.offset },
  };
  const y = empty([batch, channels, windows.outHeight, windows.outWidth], 'float32', device);
  if (kind === 'avg') {
    launch(avgPool, { x, y }, params);
    return record('avgPool', y, [x], (gradient) => {
      const dy = contiguous(gradient);
      const dx = empty(x.shape, 'float32', device);
      launch(avgPoolBackward, { dy, dx }, params);
      return [record('avgPool', dx, [dy], (ddx) => [launchPool(ddx, 'avg', windows)])];
    });
  }
  const index = empty(y.shape, 'int32', device);
  launch(maxPool, { x, y, index }, params);
  const pick = (ddx: Tensor) => reshape(gather(flatten(ddx, 2), 2, flatten(index, 2)), y.shape);
  return record('maxPool', y, [x], (gradient) => {
    const dy = contiguous(gradient);
    const dx = empty(x.shape, 'float32', device);
    launch(maxPoolBackward, { dy, index, dx }, params);
    return [record('maxPool', dx, [dy], (ddx) => [pick(ddx)])];
  });
}
