import { storeStrided } from '../kernels/memory.ts';
import { launch } from './launch.ts';
import { coalesceDims, dims, type Shape } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** Writes x over the elements of `target`, which has x's shape. */
export const storeInto = (target: Tensor, x: Tensor): void =>
  copyIntoStrided(target, target.strides, target.offset, x);

/** Writes x into the view of `target` that has x's shape and these strides. */
export function copyIntoStrided(target: Tensor, strides: Shape, offset: number, x: Tensor): void {
  if (x.size === 0) return;
  const coalesced = coalesceDims(x.shape, [x.strides, strides]);
  launch(
    storeStrided,
    { x, y: target },
    {
      shape: dims(coalesced.shape, 1),
      rank: coalesced.shape.length,
      count: x.size,
      strides_x: dims(coalesced.strides[0]),
      strides_y: dims(coalesced.strides[1]),
      offset_x: x.offset,
      offset_y: offset,
    },
  );
}
