import type { Device } from '../../device/device.ts';
import { FLOAT32_MAX } from '../../kernels/kit/float32.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { defaultDevice, randn } from '../create.ts';
import { hostDraw } from '../drawOnce.ts';
import { hostWrite } from '../hostWrite.ts';
import { noteIndexRange } from '../indexRange.ts';
import { operation, requireOperand } from '../operation.ts';
import type { Philox } from '../random.ts';
import { broadcastShapes, formatShape, product, type Shape } from '../shape.ts';
import { type DType, empty, type Tensor, type TensorData } from '../tensor.ts';
import {
  add,
  div,
  ge,
  gt,
  le,
  log,
  mul,
  neg,
  type Operand,
  toFloat,
  toInt,
  where,
} from './elementwise.ts';
import { all, logicalAnd } from './logical.ts';
import { amax, argmax } from './reduce.ts';
import { cumsum } from './scan.ts';
import { topk } from './sort.ts';
import { reshape, unsqueeze } from './views.ts';

/** Where random numbers go: integers are int32. */
export interface DrawOptions {
  device?: Device;
}

/** Values that the host draws, again in each replay of a captured step. */
function drawOnHost(
  shape: Shape,
  dtype: DType,
  device: Device,
  draw: (random: Philox) => TensorData,
): Tensor {
  const result = empty(shape, dtype, device);
  const { storage } = result;
  const drawn = hostDraw(device, draw);
  device.onReplay(() => {
    const values = drawn();
    hostWrite(device, storage.binding, values);
    if (values instanceof Int32Array) noteIndexRange(storage, values);
  });
  return result;
}

/**
 * Random integers from `low` (0 if it is not given) to `high` - 1, all equally likely (int32).
 * @throws ArgumentError unless `low` and `high` are int32 integers and low < high.
 * @example
 * randint(10, [2, 3]); // six digits
 * randint(-5, 5, [4]);
 */
export function randint(high: number, shape: Shape, options?: DrawOptions): Tensor;
export function randint(low: number, high: number, shape: Shape, options?: DrawOptions): Tensor;
export function randint(
  ...args:
    | [high: number, shape: Shape, options?: DrawOptions]
    | [low: number, high: number, shape: Shape, options?: DrawOptions]
): Tensor {
  const [low, high, shape, { device = defaultDevice() } = {}] = (
    Array.isArray(args[1]) ? [0, ...args] : args
  ) as [number, number, Shape, DrawOptions?];
  const isBound = (n: number) => Number.isInteger(n) && Math.abs(n) <= 2 ** 31;
  if (!isBound(low) || !isBound(high) || low >= high || low === 2 ** 31)
    throw new ArgumentError(
      `randint: expected int32 integers with low < high, got ${low} and ${high}`,
    );
  return drawOnHost(shape, 'int32', device, (random) =>
    Int32Array.from({ length: product(shape) }, () => low + random.randint(high - low)),
  );
}

/**
 * The integers 0 to n - 1 in random order (int32, [n]).
 * @throws ArgumentError if n is not an integer ≥ 0.
 * @example
 * randperm(4); // 0 to 3 in random order
 */
export function randperm(n: number, { device = defaultDevice() }: DrawOptions = {}): Tensor {
  if (!Number.isInteger(n) || n < 0)
    throw new ArgumentError(`randperm: expected an integer ≥ 0, got ${n}`);
  return drawOnHost([n], 'int32', device, (random) => new Int32Array(random.permutation(n)));
}

/** Uniform numbers in (0, 1), odd multiples of 2^-24: rounded to float32 none is 0 or 1. */
const uniforms = (shape: Shape, device: Device): Tensor =>
  drawOnHost(shape, 'float32', device, (random) =>
    Float32Array.from(
      { length: product(shape) },
      () => ((random.nextUint32() >>> 9) + 0.5) / 2 ** 23,
    ),
  );

/**
 * Draws indices with the probabilities of a row, which need not add up to 1. probs: [classes] or
 * [rows, classes] → int32 [numSamples] or [rows, numSamples]. Where a row is no distribution (a
 * negative number, NaN, infinity, a sum of 0) or has fewer positive numbers than the samples that
 * are drawn without replacement, the index is -1: the host does not know the probabilities.
 * @throws ArgumentError if the shape is another, or `numSamples` is not a whole number from 1 on,
 *   at most `classes` without replacement.
 * @example
 * const next = multinomial(logits.softmax(-1), 1); // one token for each row
 */
export const multinomial = operation(
  'multinomial',
  1,
  (probs: Tensor, numSamples: number, replacement = false): Tensor => {
    if (probs.ndim < 1 || probs.ndim > 2 || probs.shape.at(-1) === 0)
      throw new ArgumentError(
        `multinomial: expected probabilities [classes] or [rows, classes], ` +
          `got ${formatShape(probs.shape)}`,
      );
    const classes = probs.shape[probs.ndim - 1];
    const most = replacement ? Number.MAX_SAFE_INTEGER : classes;
    if (!Number.isInteger(numSamples) || numSamples < 1 || numSamples > most)
      throw new ArgumentError(
        `multinomial: expected 1 ${replacement ? 'or more' : `to ${classes}`} samples ` +
          `${replacement ? '' : 'without replacement '}from ${classes} classes, got ${numSamples}`,
      );
    const rows = reshape(probs.detach(), [-1, classes]);
    const samples = (replacement ? drawWith : drawWithout)(rows, numSamples);
    // A row is a distribution if its numbers are finite and not negative.
    const isValid = all(logicalAnd(ge(rows, 0), le(rows, FLOAT32_MAX)), 1, true);
    return reshape(toInt(where(isValid, samples, -1)), [...probs.shape.slice(0, -1), numSamples]);
  },
);

/**
 * 1 with probability p, else 0, for each element p (float32). It has no gradient.
 * @example
 * bernoulli(full([4], 0.5)); // four tosses of a coin
 */
export const bernoulli = operation(
  'bernoulli',
  1,
  (p: Tensor): Tensor => toFloat(gt(p.detach(), uniforms(p.shape, p.device))),
);

/**
 * Normal random numbers with a mean and a standard deviation for each element: tensors, numbers, or
 * two numbers and a shape.
 * @throws ArgumentError if shapes do not broadcast, or two numbers come without a shape.
 * @example
 * normal(0, 0.02, [2, 3]);
 */
export const normal = operation(
  'normal',
  0,
  (mean: Operand, std: Operand = 1, shape?: Shape, options: DrawOptions = {}): Tensor => {
    requireOperand(mean);
    requireOperand(std);
    const shapes = [mean, std].flatMap((one) => (typeof one === 'number' ? [] : [one]));
    if (shapes.length === 0 && !shape)
      throw new ArgumentError('normal: expected a shape with two numbers, got none');
    const size =
      shape ?? shapes.map((t) => t.shape).reduce((a, b) => broadcastShapes(a, b, 'normal'));
    const device = shapes[0]?.device ?? options.device;
    const [center, spread] = [mean, std].map((one) =>
      typeof one === 'number' ? one : one.detach(),
    );
    return add(mul(randn(size, { device }), spread), center);
  },
  ['device'],
);

/** The first class where the running sum of probabilities exceeds a random share of the total. */
function drawWith(p: Tensor, numSamples: number): Tensor {
  const [rows, classes] = p.shape;
  // Classes of probability 0 end no interval, whatever the running sum's rounding.
  const ends = where(gt(p, 0), cumsum(p, 1), 0);
  const total = amax(ends, 1, true);
  const at = mul(uniforms([rows, numSamples], p.device), total);
  const isBeyond = toFloat(gt(unsqueeze(ends, 1), unsqueeze(at, 2)));
  const drawn = argmax(reshape(isBeyond, [rows, numSamples, classes]), 2);
  return where(gt(total, 0), toFloat(drawn), -1);
}

/**
 * The classes that win a race of exponential waiting times with these rates. Source: Efraimidis,
 * Spirakis, "Weighted random sampling with a reservoir", 2006.
 */
function drawWithout(p: Tensor, numSamples: number): Tensor {
  const waits = neg(log(uniforms(p.shape, p.device)));
  const { values, indices } = topk(div(p, waits), numSamples, 1);
  return where(gt(values, 0), toFloat(indices), -1);
}
