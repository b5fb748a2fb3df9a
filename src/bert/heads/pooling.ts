import { arange, matmul, type NestedArray, noGrad, type Tensor } from '../../tensor/index.ts';
import { toIdTensor } from '../modelInputs.ts';

/**
 * How the states of a text become one vector: the state of the first position (`cls`), the mean
 * over all tokens except padding (special tokens count, as in sentence-transformers), or the state
 * of the first or last token that is not padding.
 */
export type Pooling = 'cls' | 'mean' | 'first' | 'last';

/** states: [batch, length, size], mask: [batch, length], 0 for padding → [batch, 1, size]. */
export function pool(
  states: Tensor,
  mask: Tensor | NestedArray | undefined,
  pooling: Pooling,
): Tensor {
  const [, length] = states.shape;
  if (pooling === 'mean' && mask === undefined) return states.mean([1], true);
  if (pooling === 'cls' || (pooling === 'first' && mask === undefined))
    return states.slice([null, [0, 1]]);
  if (mask === undefined) return states.slice([null, [length - 1, length]]);
  const weights = noGrad(() => {
    const attended = toIdTensor(mask, states.device, 'attentionMask').toFloat();
    if (pooling === 'mean') return attended.div(attended.sum([1], true).clamp(1, length));
    const positions = arange(length, undefined, { device: states.device });
    // The highest rank among the tokens that are not padding wins.
    const rank =
      pooling === 'last' ? positions.toFloat().add(1) : positions.toFloat().neg().add(length);
    return attended.mul(rank).argmax(-1).unsqueeze(1).eq(positions).toFloat();
  });
  return matmul(weights.unsqueeze(1), states);
}
