import { globalGenerator } from '../tensor/globalRng.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Philox } from '../tensor/random.ts';

export { eye_, orthogonal_ } from './initMatrices.ts';
export {
  calculateGain,
  kaimingNormal_,
  kaimingUniform_,
  truncNormal_,
  uniform_,
  xavierNormal_,
  xavierUniform_,
} from './initRules.ts';

let skipsInit = false;

/**
 * Builds modules with weights of 0, for callers that load weights next: random numbers for millions
 * of weights take seconds.
 * @example
 * const model = nn.init.skipInit(() => new nn.Linear(16, 4)); // its weights are read from a file
 */
export function skipInit<T>(build: () => T): T {
  const before = skipsInit;
  skipsInit = true;
  try {
    return build();
  } finally {
    skipsInit = before;
  }
}

/**
 * Whether `skipInit` is running.
 * @example
 * nn.init.skipInit(() => nn.init.isSkippingInit()); // true
 */
export const isSkippingInit = (): boolean => skipsInit;

/**
 * Fills in place with normal random numbers (PyTorch's `normal_`).
 * @example
 * nn.init.normal_(zeros(2, 3), 0, 0.02).shape; // [2, 3]
 */
export function normal_(
  tensor: Tensor,
  mean = 0,
  std = 1,
  random: Philox = globalGenerator(),
): Tensor {
  const values = new Float32Array(tensor.size);
  // Large models have hundreds of millions: `Float32Array.from` takes 50 % longer.
  for (let i = 0; i < values.length; i++) values[i] = mean + std * random.normal();
  return tensor.copy_(values);
}

/**
 * Fills in place with one value.
 * @example
 * nn.init.constant_(zeros(2), 0.5); // [0.5, 0.5]
 */
export function constant_(tensor: Tensor, value: number): Tensor {
  return tensor.copy_(new Float32Array(tensor.size).fill(value));
}

/**
 * Fills in place with 0.
 * @example
 * nn.init.zeros_(ones(2)); // [0, 0]
 */
export const zeros_ = (tensor: Tensor): Tensor => constant_(tensor, 0);
/**
 * Fills in place with 1.
 * @example
 * nn.init.ones_(zeros(2)); // [1, 1]
 */
export const ones_ = (tensor: Tensor): Tensor => constant_(tensor, 1);
