import { float32Below } from '../kernels/kit/float32.ts';
import { erfReference } from '../kernels/kit/mathFunctions.ts';
import { ArgumentError } from '../platform/errors.ts';
import { requireOneOf } from '../platform/oneOf.ts';
import { globalGenerator } from '../tensor/globalRng.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Philox } from '../tensor/random.ts';
import { formatShape } from '../tensor/shape.ts';

const nonlinearities = ['linear', 'sigmoid', 'tanh', 'relu', 'leakyRelu', 'selu'] as const;
/** Functions that follow in a network, by PyTorch's names in camelCase. */
export type Nonlinearity = (typeof nonlinearities)[number];

/**
 * Factor of the standard deviation that suits the function that follows, PyTorch's
 * `calculate_gain`. `slope`: the negative slope of leakyRelu, default: 0.01.
 * @throws ArgumentError for another function.
 * @example
 * nn.init.calculateGain('tanh'); // 1.667
 */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  requireOneOf(nonlinearity, nonlinearities, 'calculateGain: `nonlinearity`');
  switch (nonlinearity) {
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + slope ** 2));
    case 'selu':
      return 3 / 4;
    default:
      return 1;
  }
}

function fill(tensor: Tensor, sample: () => number): Tensor {
  const values = new Float32Array(tensor.size);
  for (let i = 0; i < values.length; i++) values[i] = sample();
  return tensor.copy_(values);
}

/**
 * Fills in place with uniform random numbers in [a, b), PyTorch's `uniform_`.
 * @example
 * nn.init.uniform_(zeros(4, 16), -0.1, 0.1).shape; // [4, 16]
 */
export function uniform_(tensor: Tensor, a = 0, b = 1, random: Philox = globalGenerator()): Tensor {
  // Rounded to float32, the numbers nearest to b would be b.
  const last = a < b ? float32Below(b) : Math.max(a, b);
  return fill(tensor, () => Math.min(last, a + (b - a) * random.uniform()));
}

const normal = (tensor: Tensor, std: number, random: Philox): Tensor =>
  fill(tensor, () => std * random.normal());

/** Inputs and outputs of a weight [out, in, …kernel]. */
function fansOf(operation: string, { shape }: Tensor): { fanIn: number; fanOut: number } {
  if (shape.length < 2)
    throw new ArgumentError(
      `${operation}: expected a tensor of two dimensions or more, got ${formatShape(shape)}`,
    );
  const kernel = shape.slice(2).reduce((a, b) => a * b, 1);
  return { fanIn: shape[1] * kernel, fanOut: shape[0] * kernel };
}

const xavierStd = (operation: string, tensor: Tensor, gain: number): number => {
  const { fanIn, fanOut } = fansOf(operation, tensor);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
};

/**
 * Fills a weight [out, in, …] in place with uniform numbers within ±gain √(6 / (fanIn + fanOut)),
 * PyTorch's `xavier_uniform_` (Glorot & Bengio 2010).
 * @throws ArgumentError if the tensor has fewer than two dimensions.
 * @example
 * nn.init.xavierUniform_(zeros(4, 16)).shape; // [4, 16]
 */
export function xavierUniform_(tensor: Tensor, gain = 1, random?: Philox): Tensor {
  const bound = Math.sqrt(3) * xavierStd('xavierUniform_', tensor, gain);
  return uniform_(tensor, -bound, bound, random);
}

/**
 * The same with normal numbers of standard deviation gain √(2 / (fanIn + fanOut)).
 * @example
 * nn.init.xavierNormal_(zeros(4, 16)).shape; // [4, 16]
 */
export const xavierNormal_ = (tensor: Tensor, gain = 1, random: Philox = globalGenerator()) =>
  normal(tensor, xavierStd('xavierNormal_', tensor, gain), random);

export interface KaimingOptions {
  /** Negative slope of leakyRelu. Default: 0. */
  a?: number;
  /** Whether the variance is kept forward or backward. Default: fanIn. */
  mode?: 'fanIn' | 'fanOut';
  /** Default: leakyRelu. */
  nonlinearity?: Nonlinearity;
  random?: Philox;
}

function kaimingStd(operation: string, tensor: Tensor, options: KaimingOptions): number {
  const { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' } = options;
  requireOneOf(mode, ['fanIn', 'fanOut'], `${operation}: \`mode\``);
  return calculateGain(nonlinearity, a) / Math.sqrt(fansOf(operation, tensor)[mode]);
}

/**
 * Fills a weight [out, in, …] in place with uniform numbers within ±gain √(3 / fan), PyTorch's
 * `kaiming_uniform_` (He et al. 2015, arXiv 1502.01852).
 * @throws ArgumentError if the tensor has fewer than two dimensions, or for words that are none of
 *   those in the options.
 * @example
 * init.kaimingUniform_(layer.weight, { nonlinearity: 'relu' });
 */
export function kaimingUniform_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform_', tensor, options);
  return uniform_(tensor, -bound, bound, options.random);
}

/**
 * The same with normal numbers of standard deviation gain / √fan.
 * @example
 * nn.init.kaimingNormal_(zeros(4, 16), { nonlinearity: 'relu' }).shape; // [4, 16]
 */
export const kaimingNormal_ = (tensor: Tensor, options: KaimingOptions = {}): Tensor =>
  normal(
    tensor,
    kaimingStd('kaimingNormal_', tensor, options),
    options.random ?? globalGenerator(),
  );

/**
 * Fills in place with normal numbers between a and b (absolute, not in standard deviations),
 * PyTorch's `trunc_normal_`. Defaults: mean 0, std 1, a -2, b 2.
 * @throws ArgumentError unless a < b and std > 0.
 * @example
 * nn.init.truncNormal_(zeros(4, 16), { std: 0.02 }).shape; // [4, 16]
 */
export function truncNormal_(
  tensor: Tensor,
  { mean = 0, std = 1, a = -2, b = 2, random = globalGenerator() }: TruncNormalOptions = {},
): Tensor {
  if (!(a < b && std > 0))
    throw new ArgumentError(
      `truncNormal_: expected a < b and std > 0, got a ${a}, b ${b} and std ${std}`,
    );
  const cdf = (x: number) => (1 + erfReference((x - mean) / std / Math.SQRT2)) / 2;
  const [low, high] = [cdf(a), cdf(b)];
  return fill(tensor, () => {
    const x = mean + std * inverseNormalCdf(low + (high - low) * random.uniform());
    return Math.min(b, Math.max(a, x));
  });
}
export interface TruncNormalOptions {
  mean?: number;
  std?: number;
  a?: number;
  b?: number;
  random?: Philox;
}

/** Σ coefficients · xⁿ, highest power first. */
const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduce((sum, c) => sum * x + c, 0);

/** Quantile of the standard normal distribution, to 1e-9 (Acklam 2003). */
function inverseNormalCdf(p: number): number {
  if (p <= 0) return Number.NEGATIVE_INFINITY;
  if (p >= 1) return Number.POSITIVE_INFINITY;
  const tail = Math.min(p, 1 - p);
  if (tail < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(tail));
    const x = polynomial(TAIL, q) / polynomial(TAIL_DIVISOR, q);
    return p < 0.5 ? x : -x;
  }
  const q = p - 0.5;
  return (q * polynomial(CENTER, q * q)) / polynomial(CENTER_DIVISOR, q * q);
}
const CENTER = [
  -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
  2.506628277459239,
];
const CENTER_DIVISOR = [
  -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572,
  1,
];
const TAIL = [
  -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734,
  4.374664141464968, 2.938163982698783,
];
const TAIL_DIVISOR = [
  0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1,
];
