import { record } from '../autograd.ts';
import { fillMemory } from '../create.ts';
import type { Shape } from '../shape.ts';
import { copyIntoStrided } from '../storeStrided.ts';
import { empty, type Tensor } from '../tensor.ts';

type Layout = Pick<Tensor, 'shape' | 'strides' | 'offset'>;

/**
 * A part of x as a view: `layout` gives it for the layout of x. No element may be in it twice.
 */
export function viewPart(name: string, x: Tensor, layout: (whole: Layout) => Layout): Tensor {
  const part = layout(x);
  const y = x.asStrided(part.shape, part.strides, part.offset);
  return record(name, y, [x], (dy) => [placePart(name, x.shape, layout, dy)]);
}

/** The opposite: zeros of a shape with dy in the part. */
function placePart(
  name: string,
  shape: Shape,
  layout: (whole: Layout) => Layout,
  dy: Tensor,
): Tensor {
  const dx = fillMemory(empty(shape, 'float32', dy.device), 0);
  const part = layout(dx);
  copyIntoStrided(dx, part.strides, part.offset, dy);
  return record(name, dx, [dy], (ddx) => [viewPart(name, ddx, layout)]);
}
