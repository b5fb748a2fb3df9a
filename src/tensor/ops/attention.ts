import * as kernels from '../../kernels/attention/index.ts';
import { prefersFusedAttention } from '../../kernels/heuristics.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { needsGrad, record } from '../autograd.ts';
import { zeros } from '../create.ts';
import { launch, tensorOver } from '../launch.ts';
import { operation } from '../operation.ts';
import { formatShape, product } from '../shape.ts';
import { Storage } from '../storage.ts';
import { empty, type Tensor } from '../tensor.ts';
import { checkProbability, drawDropout, dropout } from './dropout.ts';
import { additiveMask, maskedAttention } from './maskedAttention.ts';
import { matmul } from './matmul.ts';
import { maskedSoftmax } from './softmax.ts';
import { contiguous, permute, transpose } from './views.ts';

/** Options of `scaledDotProductAttention`. */
export interface AttentionOptions {
  /**
   * Broadcasts to [batch, heads, length, keys]. Float32 is added to the scores, else what is not 0
   * takes part. A mask [batch or 1, 1, 1, keys] without a gradient is the fastest.
   */
  attnMask?: Tensor | null;
  /** Whether query row r sees only keys 0 to r; the mask may hide some of them. Default: false. */
  isCausal?: boolean;
  /**
   * Rate at which probabilities are dropped; the others are scaled by 1 / (1 - rate). Default: 0.
   */
  dropoutP?: number;
  /** Factor of the scores before the mask is added. Default: 1 / √size. */
  scale?: number;
}

/**
 * dropout(softmax(scale query keyᵀ + attnMask)) value, PyTorch's `scaled_dot_product_attention`.
 * One forward launch that stores no scores; the gradients recompute them (FlashAttention, Dao et
 * al. 2022, arXiv 2205.14135). query: [batch, heads, length, size], key and value: [batch, heads,
 * keys, size] → [batch, heads, length, size], with the heads of a position adjacent in memory. If
 * that is not faster, or the kernels do not support the size, several launches compute the same.
 * @throws ArgumentError if shapes do not fit or the rate is not in [0, 1].
 * @example
 * const [query, key, value] = [randn(2, 4, 8, 16), randn(2, 4, 8, 16), randn(2, 4, 8, 16)];
 * scaledDotProductAttention(query, key, value).shape; // [2, 4, 8, 16]
 */
export const scaledDotProductAttention = operation(
  'scaledDotProductAttention',
  3,
  (
    query: Tensor,
    key: Tensor,
    value: Tensor,
    {
      attnMask,
      isCausal = false,
      dropoutP = 0,
      scale = 1 / Math.sqrt(query.shape[3]),
    }: AttentionOptions = {},
  ): Tensor => {
    checkProbability('scaledDotProductAttention', dropoutP);
    const [batch, heads, , size] = query.shape;
    const keys = key.shape[2];
    if (
      query.ndim !== 4 ||
      formatShape(key.shape) !== formatShape([batch, heads, keys, size]) ||
      formatShape(value.shape.slice(0, 3)) !== formatShape([batch, heads, keys]) ||
      value.ndim !== 4
    ) {
      throw new ArgumentError(
        'scaledDotProductAttention: expected query [batch, heads, length, size], key and value ' +
          `[batch, heads, keys, size], got ${formatShape(query.shape)}, ` +
          `${formatShape(key.shape)}, ` +
          formatShape(value.shape),
      );
    }
    if (attnMask && !isKeyMask(attnMask, batch, keys))
      return maskedAttention(query, key, value, { attnMask, isCausal, dropoutP, scale }).output;
    const mask = attnMask
      ? additiveMask(attnMask)
      : zeros([1, 1, 1, keys], { device: query.device });
    const isSupported =
      size % 4 === 0 &&
      size <= kernels.MAX_HEAD_SIZE &&
      value.shape[3] === size &&
      product(query.shape) * keys > 0;
    const lengths = { length: query.shape[2], keys };
    const suits = prefersFusedAttention(query.device, lengths, needsGrad([query, key, value]));
    if (!isSupported || !suits) {
      const probs = maskedSoftmax(matmul(query, transpose(key, -1, -2)), mask, scale, isCausal);
      return matmul(dropout(probs, dropoutP), value);
    }
    const inputs = [
      vec4Readable(query),
      vec4Readable(key),
      vec4Readable(value),
      contiguous(mask.detach()),
    ] as const;
    return fusedAttention(inputs, { isCausal, dropoutP, scale });
  },
  ['attnMask', 'isCausal', 'dropoutP', 'scale'],
);

/** Whether a mask says the same for all queries, and needs no gradient. */
const isKeyMask = (mask: Tensor, batch: number, keys: number): boolean =>
  !mask.requiresGrad &&
  [1, batch].some((n) => formatShape(mask.shape) === formatShape([n, 1, 1, keys]));

/** x if kernels can read it in whole vec4s, else a copy. */
function vec4Readable(x: Tensor): Tensor {
  const aligned =
    x.offset % 4 === 0 &&
    x.strides.every((stride, d) => x.shape[d] === 1 || d === 3 || stride % 4 === 0);
  return aligned && x.strides[3] === 1 ? x : contiguous(x);
}

function fusedAttention(
  [q, k, v, mask]: readonly [Tensor, Tensor, Tensor, Tensor],
  { isCausal, dropoutP, scale }: Required<Omit<AttentionOptions, 'attnMask'>>,
): Tensor {
  const { device } = q;
  const [batch, heads, length, size] = q.shape;
  const keys = k.shape[2];
  const strides = (x: Tensor) => [x.strides[0], x.strides[1], x.strides[2], x.offset, 0, 0, 0, 0];
  const dropoutBits = dropoutP > 0 ? drawKeepBits(q, keys, dropoutP) : undefined;
  const params = {
    ...{ q: strides(q), k: strides(k), v: strides(v), batch, heads, length, keys, size },
    ...{
      masks: mask.shape[0],
      causal: Number(isCausal),
      scale,
      keepScale: dropoutBits?.scale ?? 1,
    },
  };
  // Without dropout `keepBits` is not read, but something must be bound.
  const inputs = { q, k, v, mask, keepBits: dropoutBits?.keepBits ?? mask };
  const y = empty([batch, length, heads, size], 'float32', device);
  const stats = empty([batch, length, heads, 2], 'float32', device);
  launch(kernels.attention, { ...inputs, y, stats }, params);

  const backward = (gradient: Tensor) => {
    const dy = contiguous(permute(gradient, [0, 2, 1, 3]));
    const terms = empty([batch, length, heads, 4], 'float32', device);
    launch(kernels.attentionTerms, { y, dy, stats, terms }, { rows: batch * length * heads, size });
    const dq = empty(y.shape, 'float32', device);
    launch(kernels.attentionQueryGradient, { ...inputs, terms, dy, dq }, params);
    const count = kernels.keyGradientSize(params);
    const dkv = empty([2, count], 'float32', device);
    launch(kernels.attentionKeyValueGradient, { ...inputs, terms, dy, dkv }, params);
    const half = (i: number) =>
      new Storage(device, { parent: dkv.storage, offset: i * count * 4, size: count * 4 });
    const part = (i: number) => tensorOver(half(i), [batch, keys, heads, size]);
    return [dq, part(0), part(1)].map(toHeadsFirst);
  };
  const composed = () =>
    matmul(maskedSoftmax(matmul(q, transpose(k, -1, -2)), mask, scale, isCausal), v);
  const output = toHeadsFirst(y);
  return record(
    'scaledDotProductAttention',
    output,
    [q, k, v],
    backward,
    dropoutBits ? undefined : composed,
  );
}

/** [batch, rows, heads, size] as [batch, heads, rows, size]. */
function toHeadsFirst(x: Tensor): Tensor {
  const [batch, rows, heads, size] = x.shape;
  return x.asStrided([batch, heads, rows, size], [rows * heads * size, size, heads * size, 1], 0);
}

/**
 * Draws which of the probabilities [batch, heads, length, keys] are kept, as `dropout` does, and
 * their scale.
 */
function drawKeepBits({ shape: [batch, heads, length], device }: Tensor, keys: number, p: number) {
  const rows = batch * heads * length;
  const { state, params } = drawDropout(device, p);
  const keepBits = empty([rows, kernels.keepWords(keys)], 'int32', device);
  launch(kernels.attentionKeepBits, { state, keepBits }, { rows, keys, ...params() });
  return { keepBits, scale: params().scale };
}
