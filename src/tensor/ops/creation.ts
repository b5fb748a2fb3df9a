import { ArgumentError } from '../../platform/errors.ts';
import {
  defaultDevice,
  full,
  rand,
  randn,
  type Sizes,
  splitSizes,
  type TensorOptions,
  tensor,
} from '../create.ts';
import { operation } from '../operation.ts';
import { empty as allocate, type Tensor } from '../tensor.ts';

/**
 * A tensor whose contents are undefined until something is written: `empty([2, 3])` or
 * `empty(2, 3)`.
 * @throws ArgumentError if a size is not an integer ≥ 0.
 * @example
 * empty([2, 3]).shape; // [2, 3]
 */
export function empty(...args: Sizes<TensorOptions>): Tensor {
  const [shape, { dtype = 'float32', device = defaultDevice(), requiresGrad } = {}] =
    splitSizes(args);
  const result = allocate(shape, dtype, device);
  return requiresGrad ? result.requiresGrad_() : result;
}

/** @throws ArgumentError if `value` is not an integer ≥ 0. */
function checkCount(operation: string, what: string, value: number): void {
  if (!Number.isInteger(value) || value < 0)
    throw new ArgumentError(`${operation}: expected ${what} as an integer ≥ 0, got ${value}`);
}

/**
 * `steps` numbers at equal distances from `start` to `end`, both included (float32).
 * @throws ArgumentError if `steps` is not an integer ≥ 0.
 * @example
 * await linspace(0, 1, 5).tolist(); // [0, 0.25, 0.5, 0.75, 1]
 */
export function linspace(
  start: number,
  end: number,
  steps: number,
  options: TensorOptions = {},
): Tensor {
  checkCount('linspace', '`steps`', steps);
  const step = (end - start) / (steps - 1);
  // From both ends, so that the last number is `end` itself.
  const values = Float32Array.from({ length: steps }, (_, i) =>
    i < steps / 2 ? start + (i === 0 ? 0 : step * i) : end - step * (steps - 1 - i),
  );
  return tensor(values, { dtype: 'float32', ...options });
}

/**
 * The matrix [rows, cols] with ones on the diagonal and zeros elsewhere; square by default.
 * @throws ArgumentError if a size is not an integer ≥ 0.
 * @example
 * await eye(2).tolist(); // [[1, 0], [0, 1]]
 */
export function eye(rows: number, cols = rows, options: TensorOptions = {}): Tensor {
  checkCount('eye', 'rows', rows);
  checkCount('eye', 'columns', cols);
  const values = new Float32Array(rows * cols);
  for (let i = 0; i < Math.min(rows, cols); i++) values[i * cols + i] = 1;
  return tensor(values, { dtype: 'float32', shape: [rows, cols], ...options });
}

/** Options of a tensor like `x`: its dtype and device, unless `options` gives others. */
const like = (x: Tensor, options: TensorOptions) => ({
  dtype: x.dtype,
  device: x.device,
  ...options,
});

/** Refuses integers, as PyTorch does: random numbers are float32. */
function requireFloat(operation: string, x: Tensor): void {
  if (x.dtype !== 'float32')
    throw new ArgumentError(
      `${operation}: expected a float32 tensor, got ${x.dtype}: use randint for integers`,
    );
}

/**
 * A tensor of x's shape, dtype and device with undefined contents.
 * @example
 * emptyLike(tensor([[1, 2, 3]])).shape; // [1, 3]
 */
export const emptyLike = operation(
  'emptyLike',
  1,
  (x: Tensor, options: TensorOptions = {}): Tensor => empty(x.shape, like(x, options)),
  ['dtype', 'device', 'requiresGrad'],
);
/**
 * A tensor of x's shape, dtype and device with all elements equal to `value`.
 * @example
 * fullLike(tensor([1, 2]), 7); // [7, 7]
 */
export const fullLike = operation(
  'fullLike',
  1,
  (x: Tensor, value: number, options: TensorOptions = {}): Tensor =>
    full(x.shape, value, like(x, options)),
  ['dtype', 'device', 'requiresGrad'],
);
/**
 * Zeros of x's shape, dtype and device.
 * @example
 * zerosLike(tensor([1.5, 2.5])); // [0, 0]
 */
export const zerosLike = operation(
  'zerosLike',
  1,
  (x: Tensor, options: TensorOptions = {}): Tensor => fullLike(x, 0, options),
  ['dtype', 'device', 'requiresGrad'],
);
/**
 * Ones of x's shape, dtype and device.
 * @example
 * onesLike(tensor([1.5, 2.5])); // [1, 1]
 */
export const onesLike = operation(
  'onesLike',
  1,
  (x: Tensor, options: TensorOptions = {}): Tensor => fullLike(x, 1, options),
  ['dtype', 'device', 'requiresGrad'],
);

/**
 * Uniform random numbers in [0, 1) of x's shape and device.
 * @throws ArgumentError if x is not float32.
 * @example
 * randLike(zeros(2, 3)).shape; // [2, 3]
 */
export const randLike = operation(
  'randLike',
  1,
  (x: Tensor, options: Omit<TensorOptions, 'dtype'> = {}): Tensor => {
    requireFloat('randLike', x);
    return rand(x.shape, { device: x.device, ...options });
  },
  ['dtype', 'device', 'requiresGrad'],
);

/**
 * Normal random numbers of mean 0 and variance 1, of x's shape and device.
 * @throws ArgumentError if x is not float32.
 * @example
 * randnLike(zeros(2, 3)).shape; // [2, 3]
 */
export const randnLike = operation(
  'randnLike',
  1,
  (x: Tensor, options: Omit<TensorOptions, 'dtype'> = {}): Tensor => {
    requireFloat('randnLike', x);
    return randn(x.shape, { device: x.device, ...options });
  },
  ['dtype', 'device', 'requiresGrad'],
);
