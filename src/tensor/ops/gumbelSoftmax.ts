import { ArgumentError } from '../../platform/errors.ts';
import { operation } from '../operation.ts';
import type { Tensor } from '../tensor.ts';
import { randLike } from './creation.ts';
import { add, eq, log, mul, neg, sub, toFloat } from './elementwise.ts';
import { amax } from './reduce.ts';
import { softmax } from './softmax.ts';

/** Options of `gumbelSoftmax`. */
export interface GumbelSoftmaxOptions {
  /** Temperature. Default: 1. */
  tau?: number;
  /** Whether the result is one-hot, with the gradient of the soft one. Default: false. */
  hard?: boolean;
  /** Default: -1. */
  dim?: number;
}

/**
 * A sample of classes by logits that has a gradient (Jang, Gu & Poole 2017, arXiv 1611.01144),
 * PyTorch's `gumbel_softmax`.
 * @throws ArgumentError unless `tau` is above 0.
 * @example
 * gumbelSoftmax(randn(8, 5), { tau: 0.5, hard: true }).shape; // [8, 5]
 */
export const gumbelSoftmax = operation(
  'gumbelSoftmax',
  1,
  (logits: Tensor, { tau = 1, hard = false, dim = -1 }: GumbelSoftmaxOptions = {}): Tensor => {
    if (!(tau > 0))
      throw new ArgumentError(`gumbelSoftmax: \`tau\`: expected a number > 0, got ${tau}`);
    const noise = neg(log(neg(log(randLike(logits)))));
    const soft = softmax(mul(add(logits, noise), 1 / tau), dim);
    if (!hard) return soft;
    const drawn = soft.detach();
    return add(sub(toFloat(eq(drawn, amax(drawn, dim, true))), drawn), soft);
  },
  ['tau', 'hard', 'dim'],
);
