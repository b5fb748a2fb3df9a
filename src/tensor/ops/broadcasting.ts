import { record } from '../autograd.ts';
import { broadcastStrides } from '../launch.ts';
import { reduceToSize } from '../reduceAxes.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** Each of the two is the other's gradient. */

/** x under a shape that it broadcasts to, without copying. */
export function expandTo(x: Tensor, shape: Shape): Tensor {
  const y = x.asStrided(shape, broadcastStrides(x, shape), x.offset);
  return record('expand', y, [x], (dy) => [sumToSize(dy, x.shape)]);
}

/**
 * Sums over broadcast dimensions, so that a gradient gets its input's shape. `allocate` gives the
 * result's memory, if there is a sum.
 */
export function sumToSize(x: Tensor, shape: Shape, allocate?: () => Tensor): Tensor {
  const y = reduceToSize(x, shape, allocate);
  return y === x ? x : record('sum', y, [x], (dy) => [expandTo(dy, x.shape)]);
}
