import { FLOAT32_MAX } from '../../kernels/kit/float32.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { tensor } from '../create.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { dropout } from './dropout.ts';
import { add, affine, eq, lt, maskedFill, toFloat } from './elementwise.ts';
import { matmul } from './matmul.ts';
import { softmax } from './softmax.ts';
import { reshape, transpose } from './views.ts';

/** Score of a key that a row does not see: its exponential is 0 beside any other. */
const HIDDEN = -1e30;

export interface MaskedAttentionOptions {
  /** Integers (0: hidden) or float32 (added), broadcasting to [batch, heads, length, keys]. */
  attnMask?: Tensor | null;
  isCausal?: boolean;
  dropoutP?: number;
  scale?: number;
}

/**
 * Attention with any mask, in several launches. query: [batch, heads, length, size], key, value:
 * [batch, heads, keys, size]. A row that sees no key is 0, and so are its gradients.
 * @returns the result and the probabilities before dropout, [batch, heads, length, keys]
 * @throws ArgumentError if the mask does not broadcast to the probabilities.
 */
export function maskedAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  {
    attnMask,
    isCausal = false,
    dropoutP = 0,
    scale = 1 / Math.sqrt(query.shape.at(-1)!),
  }: MaskedAttentionOptions,
): { output: Tensor; probs: Tensor } {
  const [length, keys] = [query.shape[2], key.shape[2]];
  const full = [query.shape[0], query.shape[1], length, keys];
  let scores = affine(matmul(query, transpose(key, -1, -2)), scale, 0);
  const hidden: Tensor[] = [];
  if (attnMask) {
    const mask = alignMask(attnMask, full);
    const isFloat = mask.dtype === 'float32';
    const isHidden = isFloat ? lt(mask.detach(), -FLOAT32_MAX) : eq(mask, 0);
    if (isFloat) scores = add(scores, maskedFill(mask, isHidden, 0));
    hidden.push(isHidden);
  }
  if (isCausal) {
    const after = Int32Array.from({ length: length * keys }, (_, i) =>
      Number(i % keys > Math.floor(i / keys)),
    );
    hidden.push(tensor(after, { shape: [length, keys], device: query.device }));
  }
  for (const mask of hidden) scores = maskedFill(scores, mask, HIDDEN);
  let probs = softmax(scores);
  // A row that sees no key has equal scores: its probabilities are taken away again.
  for (const mask of hidden) probs = maskedFill(probs, mask, 0);
  return { output: matmul(dropout(probs, dropoutP), value), probs };
}

/** A mask with the dimensions of the probabilities. */
function alignMask(mask: Tensor, full: readonly number[]): Tensor {
  const aligned = [...Array(Math.max(0, 4 - mask.ndim)).fill(1), ...mask.shape];
  const fits = aligned.length === 4 && aligned.every((n, d) => n === 1 || n === full[d]);
  if (!fits)
    throw new ArgumentError(
      `scaledDotProductAttention: expected a mask that broadcasts to ${formatShape(full)}, ` +
        `[batch, heads, length, keys], got ${formatShape(mask.shape)}`,
    );
  return mask.ndim === 4 ? mask : reshape(mask, aligned);
}

/** A mask of integers, where 0 is hidden, as one to add: 0 or minus infinity. */
export const additiveMask = (mask: Tensor): Tensor =>
  mask.dtype === 'float32'
    ? mask
    : maskedFill(affine(toFloat(mask), 0, 0), eq(mask, 0), Number.NEGATIVE_INFINITY);
