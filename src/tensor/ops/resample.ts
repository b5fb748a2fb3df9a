import { ArgumentError } from '../../platform/errors.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { tensor } from '../create.ts';
import { operation } from '../operation.ts';
import { formatShape, product } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { indexSelect } from './embedding.ts';
import { matmul } from './matmul.ts';
import { permute, reshape, transpose } from './views.ts';

/** Images of other sizes: by interpolation, and by moving elements between channels and places. */

/** How values between places are found; `linear` along one dimension, `bilinear` along two. */
export type InterpolationMode = 'nearest' | 'linear' | 'bilinear' | 'bicubic';

/** Options of `interpolate`: the size, or the factor, of each dimension or of all. */
export interface InterpolateOptions {
  size?: number | readonly number[];
  scaleFactor?: number | readonly number[];
  /** Default: nearest. */
  mode?: InterpolationMode;
  /** Whether the centres of the corners stay in place, instead of their edges. Default: false. */
  alignCorners?: boolean;
}

/** Weights of the places around a point: [place, weight] each. */
type Weights = [number, number][];
const linearWeights = (at: number, low: number): Weights => [
  [low, 1 - (at - low)],
  [low + 1, at - low],
];
/** Cubic convolution (Keys 1981) with a = -0.75. */
function cubicWeights(at: number, low: number): Weights {
  const a = -0.75;
  const near = (d: number) => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number) => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  const d = at - low;
  return [
    [low - 1, far(d + 1)],
    [low, near(d)],
    [low + 1, near(1 - d)],
    [low + 2, far(2 - d)],
  ];
}

interface Axis {
  size: number;
  out: number;
  /** Input places for one output place. */
  step: number;
  alignCorners: boolean;
}

/** The matrix [out, size] that interpolates along an axis; places outside are those at the edge. */
function matrixOf({ size, out, step, alignCorners }: Axis, isCubic: boolean): Float32Array {
  const matrix = new Float32Array(out * size);
  for (let o = 0; o < out; o++) {
    const point = alignCorners ? o * ((size - 1) / Math.max(1, out - 1)) : (o + 0.5) * step - 0.5;
    const at = isCubic ? point : Math.max(0, point);
    const weights = (isCubic ? cubicWeights : linearWeights)(at, Math.floor(at));
    for (const [place, weight] of weights)
      matrix[o * size + Math.min(size - 1, Math.max(0, place))] += weight;
  }
  return matrix;
}

/** Along dimension `d`. */
function resampleAxis(x: Tensor, d: number, axis: Axis, mode: InterpolationMode): Tensor {
  const { size, out, step } = axis;
  const { device } = x;
  if (mode === 'nearest') {
    const places = Int32Array.from({ length: out }, (_, o) =>
      Math.min(size - 1, Math.floor(o * step)),
    );
    return indexSelect(x, d, tensor(places, { device }));
  }
  const weights = tensor(matrixOf(axis, mode === 'bicubic'), { shape: [out, size], device });
  return transpose(matmul(transpose(x, d, -1), transpose(weights, 0, 1)), d, -1);
}

/** The dimensions that a mode interpolates along. */
const dimsOf: Partial<Record<InterpolationMode, number>> = { linear: 1, bilinear: 2, bicubic: 2 };

/**
 * x at another size, PyTorch's `functional.interpolate`. x: [batch, channels, length] or [batch,
 * channels, height, width].
 * @throws ArgumentError unless exactly one of `size` and `scaleFactor` is given, in range, and the
 * mode suits the dimensions.
 * @example
 * interpolate(randn(1, 3, 4, 4), { scaleFactor: 2, mode: 'bilinear' }).shape; // [1, 3, 8, 8]
 */
export const interpolate = operation(
  'interpolate',
  1,
  (x: Tensor, options: InterpolateOptions): Tensor => {
    const { mode = 'nearest', alignCorners = false } = options;
    const spatial = x.ndim - 2;
    const dims = dimsOf[mode] ?? spatial;
    requireOneOf(mode, ['nearest', ...Object.keys(dimsOf)], '`mode`');
    if (spatial < 1 || spatial > 2 || dims !== spatial)
      throw new ArgumentError(
        `interpolate: expected [batch, channels, ${dims === 1 ? 'length' : 'height, width'}] ` +
          `for ${mode}, got ${formatShape(x.shape)}`,
      );
    const axes = axesOf(x.shape.slice(2), options, alignCorners);
    return axes.reduce((y, axis, i) => resampleAxis(y, 2 + i, axis, mode), x);
  },
  ['size', 'scaleFactor', 'mode', 'alignCorners'],
);

function axesOf(
  sizes: readonly number[],
  { size, scaleFactor }: InterpolateOptions,
  alignCorners: boolean,
): Axis[] {
  const given = size ?? scaleFactor;
  if (given === undefined || (size !== undefined && scaleFactor !== undefined))
    throw new ArgumentError('interpolate: expected either `size` or `scaleFactor`');
  const list = typeof given === 'number' ? sizes.map(() => given) : given;
  const isSize = size !== undefined;
  if (list.length !== sizes.length || !list.every((n) => n > 0 && (!isSize || Number.isInteger(n))))
    throw new ArgumentError(
      `interpolate: \`${isSize ? 'size' : 'scaleFactor'}\`: expected ${sizes.length} ` +
        `${isSize ? 'whole numbers' : 'numbers'} > 0, got ${formatShape(list)}`,
    );
  return sizes.map((n, i) => {
    const out = isSize ? list[i] : Math.floor(n * list[i]);
    if (n < 1 || out < 1)
      throw new ArgumentError(
        `interpolate: expected images of 1 place or more, got ${n} to ${out}`,
      );
    return { size: n, out, step: isSize ? n / out : 1 / list[i], alignCorners };
  });
}

/** @throws ArgumentError unless x has three dimensions or more, and a factor divides a size. */
function checkShuffle(operation: string, { ndim, shape }: Tensor, factor: number, size?: number) {
  if (ndim < 3)
    throw new ArgumentError(
      `${operation}: expected [..., channels, height, width], got ${formatShape(shape)}`,
    );
  if (!Number.isInteger(factor) || factor < 1 || (size !== undefined && size % factor !== 0))
    throw new ArgumentError(
      `${operation}: expected a whole number that divides ${formatShape(shape)}, got ${factor}`,
    );
}

/**
 * Channels laid out as places (Shi et al. 2016, arXiv 1609.05158), PyTorch's `pixel_shuffle`:
 * [..., channels · r², height, width] → [..., channels, height · r, width · r].
 * @throws ArgumentError unless r² divides the channels.
 * @example
 * pixelShuffle(randn(1, 8, 2, 2), 2).shape; // [1, 2, 4, 4]
 */
export const pixelShuffle = operation('pixelShuffle', 1, (x: Tensor, upscaleFactor: number) => {
  checkShuffle('pixelShuffle', x, upscaleFactor);
  const r = upscaleFactor;
  const [channels, height, width] = x.shape.slice(-3);
  if (channels % (r * r) !== 0)
    throw new ArgumentError(
      `pixelShuffle: expected a multiple of ${r * r} channels, got ${formatShape(x.shape)}`,
    );
  const lead = x.shape.slice(0, -3);
  const split = reshape(x, [product(lead), channels / (r * r), r, r, height, width]);
  const moved = permute(split, [0, 1, 4, 2, 5, 3]);
  return reshape(moved, [...lead, channels / (r * r), height * r, width * r]);
});

/**
 * The inverse of `pixelShuffle`: [..., channels, height · r, width · r] → [..., channels · r²,
 * height, width].
 * @throws ArgumentError unless r divides height and width.
 * @example
 * pixelUnshuffle(randn(1, 2, 4, 4), 2).shape; // [1, 8, 2, 2]
 */
export const pixelUnshuffle = operation(
  'pixelUnshuffle',
  1,
  (x: Tensor, downscaleFactor: number) => {
    const r = downscaleFactor;
    const [channels, height, width] = x.shape.slice(-3);
    checkShuffle('pixelUnshuffle', x, r, height);
    checkShuffle('pixelUnshuffle', x, r, width);
    const lead = x.shape.slice(0, -3);
    const split = reshape(x, [product(lead), channels, height / r, r, width / r, r]);
    const moved = permute(split, [0, 1, 3, 5, 2, 4]);
    return reshape(moved, [...lead, channels * r * r, height / r, width / r]);
  },
);

/**
 * Channels of the groups in turns (Zhang et al. 2018, arXiv 1707.01083), PyTorch's
 * `channel_shuffle`. x: [batch, channels, …].
 * @throws ArgumentError unless the groups divide the channels.
 * @example
 * channelShuffle(tensor([[[1], [2], [3], [4]]]), 2); // [[[1], [3], [2], [4]]]
 */
export const channelShuffle = operation('channelShuffle', 1, (x: Tensor, groups: number) => {
  checkShuffle('channelShuffle', x, groups, x.shape[1]);
  const [batch, channels, ...rest] = x.shape;
  const split = reshape(x, [batch, groups, channels / groups, ...rest]);
  return reshape(transpose(split, 1, 2), x.shape);
});
