import * as kernels from '../../kernels/attention/index.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record, records } from '../autograd.ts';
import { zeros } from '../create.ts';
import { overStorage, run } from '../launch.ts';
import { product, show } from '../shape.ts';
import { Storage } from '../storage.ts';
import { empty, type Tensor } from '../tensor.ts';
import { checkRate, drawDropout, dropout } from './dropout.ts';
import { matmul } from './matmul.ts';
import { maskedSoftmax } from './softmax.ts';
import { contiguous, permute, transpose } from './views.ts';

export interface AttentionOptions {
  /** Added to the scores: [batch or 1, 1, 1, keys]. It gets no gradient. */
  attnMask?: Tensor | null;
  /** Whether row r of the queries sees keys 0 to r only, of which the mask may hide some. Default: false. */
  isCausal?: boolean;
  /** Each probability is dropped at this rate and the others scaled by 1 / (1 - rate). Default: 0. */
  dropoutP?: number;
  /** What scores are multiplied by before the mask is added. Default: 1 / √size. */
  scale?: number;
}

/**
 * dropout(softmax(scale query keyᵀ + attnMask)) value, PyTorch's `scaled_dot_product_attention`: one launch forward that
 * stores no scores, and recomputes them for the gradients (FlashAttention, Dao et al. 2022, arXiv 2205.14135).
 * query: [batch, heads, length, size], key and value: [batch, heads, keys, size] → [batch, heads, length, size], with the
 * heads of a position adjacent in memory. Where that is not faster, or the kernels are not made for the size, the same in
 * several launches.
 * @throws ArgumentError when shapes do not fit, or the rate is none.
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  {
    attnMask,
    isCausal = false,
    dropoutP = 0,
    scale = 1 / Math.sqrt(query.shape[3]),
  }: AttentionOptions = {},
): Tensor {
  checkRate('scaledDotProductAttention', dropoutP);
  const [batch, heads, , size] = query.shape;
  const keys = key.shape[2];
  if (
    query.ndim !== 4 ||
    show(key.shape) !== show([batch, heads, keys, size]) ||
    show(value.shape.slice(0, 3)) !== show([batch, heads, keys]) ||
    value.ndim !== 4
  ) {
    throw new ArgumentError(
      `scaledDotProductAttention: [batch, heads, length, size] and twice [batch, heads, keys, size] were expected, not ${show(query.shape)}, ${show(key.shape)} and ${show(value.shape)}`,
    );
  }
  const mask = attnMask ?? zeros([1, 1, 1, keys], { device: query.device });
  const masks = mask.shape[0];
  if (show(mask.shape) !== show([masks, 1, 1, keys]) || (masks !== 1 && masks !== batch)) {
    throw new ArgumentError(
      `scaledDotProductAttention: a mask of shape [batch or 1, 1, 1, keys] was expected for keys ${show(key.shape)}, not ${show(mask.shape)}`,
    );
  }
  const made =
    size % 4 === 0 &&
    size <= kernels.MAX_SIZE &&
    value.shape[3] === size &&
    product(query.shape) * keys > 0;
  if (!made || !fusingPays(query, key, value)) {
    const probs = maskedSoftmax(matmul(query, transpose(key, -1, -2)), mask, scale, isCausal);
    return matmul(dropout(probs, dropoutP), value);
  }
  const inputs = [inPlace(query), inPlace(key), inPlace(value), contiguous(mask.detach())] as const;
  return fusedAttention(inputs, { isCausal, dropoutP, scale });
}

/** Where shaders run on the processor: the longest rows of scores that are recomputed for a gradient as fast as read back. */
const SHORT = 48;

/**
 * Whether the fused kernels are the faster ones. On GPUs, memory is what costs. On processors it is arithmetic, and they
 * make seven products for the gradients where four do if the scores were kept; so they are left to what needs no gradient,
 * and to short rows, where fewer launches and a shorter way through memory make up for it, save in plain JavaScript.
 */
function fusingPays(query: Tensor, key: Tensor, value: Tensor): boolean {
  const { kind, traits } = query.device;
  return (
    !traits.software ||
    !records([query, key, value]) ||
    (kind === 'webgpu' && key.shape[2] <= SHORT)
  );
}

/** x where kernels can read it in whole vec4s, else a copy. */
function inPlace(x: Tensor): Tensor {
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
  const drawn = dropoutP > 0 ? drawKept(q, keys, dropoutP) : undefined;
  const params = {
    ...{ q: strides(q), k: strides(k), v: strides(v), batch, heads, length, keys, size },
    ...{ masks: mask.shape[0], causal: Number(isCausal), scale, keepScale: drawn?.scale ?? 1 },
  };
  // Without dropout `kept` is not looked at, but something must be bound.
  const inputs = { q, k, v, mask, kept: drawn?.kept ?? mask };
  const y = empty([batch, length, heads, size], 'float32', device);
  const stats = empty([batch, length, heads, 2], 'float32', device);
  run(kernels.attention, { ...inputs, y, stats }, params);

  return record('scaledDotProductAttention', headsFirst(y), [q, k, v], (gradient) => {
    const dy = contiguous(permute(gradient, [0, 2, 1, 3]));
    const terms = empty([batch, length, heads, 4], 'float32', device);
    run(kernels.attentionTerms, { y, dy, stats, terms }, { rows: batch * length * heads, size });
    const dq = empty(y.shape, 'float32', device);
    run(kernels.attentionQueryGradient, { ...inputs, terms, dy, dq }, params);
    const count = kernels.keyGradientSize(params);
    const dkv = empty([2, count], 'float32', device);
    run(kernels.attentionKeyValueGradient, { ...inputs, terms, dy, dkv }, params);
    const half = (i: number) =>
      new Storage(device, { parent: dkv.storage, offset: i * count * 4, size: count * 4 });
    const part = (i: number) => overStorage(half(i), [batch, keys, heads, size]);
    return [dq, part(0), part(1)].map(headsFirst);
  });
}

/** [batch, rows, heads, size] as [batch, heads, rows, size]. */
function headsFirst(x: Tensor): Tensor {
  const [batch, rows, heads, size] = x.shape;
  return x.view([batch, heads, rows, size], [rows * heads * size, size, heads * size, 1], 0);
}

/** Which of the probabilities [batch, heads, length, keys] are kept, as `dropout` would, and what they are scaled by. */
function drawKept({ shape: [batch, heads, length], device }: Tensor, keys: number, rate: number) {
  const rows = batch * heads * length;
  const { state, params } = drawDropout(device, rate);
  const kept = empty([rows, kernels.keptWords(keys)], 'int32', device);
  run(kernels.attentionKept, { state, kept }, { rows, keys, ...params() });
  return { kept, scale: params().scale };
}
