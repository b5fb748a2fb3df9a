import * as kernels from '../kernels/elementwise/half.ts';
import type { HalfKind } from '../kernels/kit/half.ts';
import { record } from './autograd.ts';
import { launch } from './launch.ts';
import { coalesceDims, dims, type Shape } from './shape.ts';
import { type DType, empty, isHalf, Tensor } from './tensor.ts';

/** How a kernel walks over a view. */
function walkOf({ shape, strides, offset, size }: Tensor) {
  const walk = coalesceDims(shape, [strides]);
  return {
    shape: dims(walk.shape, 1),
    strides_x: dims(walk.strides[0]),
    rank: walk.shape.length,
    count: size,
    offset_x: offset,
  };
}

/** A float16 or bfloat16 tensor as float32; others as they are. Gradients stay float32. */
export function halfToFloat(x: Tensor): Tensor {
  if (!isHalf(x.dtype)) return x;
  const y = empty(x.shape, 'float32', x.device);
  const kernel = x.dtype === 'float16' ? kernels.unpackFloat16 : kernels.unpackBfloat16;
  launch(kernel, { packed: x, y }, walkOf(x));
  return record('float', y, [x], (dy) => [dy]);
}

/** A float32 tensor in 16 bits, rounded to nearest; into the memory of `into` if it is given. */
export function floatToHalf(x: Tensor, dtype: HalfKind, into?: Tensor): Tensor {
  const packed = into ?? empty(x.shape, dtype, x.device);
  const kernel = dtype === 'float16' ? kernels.packFloat16 : kernels.packBfloat16;
  launch(kernel, { x, packed }, walkOf(x));
  return into ?? record(dtype, packed, [x], (dy) => [dy]);
}

/** The words of a whole half tensor, two elements in each (int32). */
export const wordsOf = ({ storage, size }: Tensor): Tensor =>
  new Tensor(storage, [Math.ceil(size / 2)], 'int32');

/** Whether a half tensor is all of its memory, so that whole words are its own. */
export const isWholeHalf = (x: Tensor): boolean =>
  x.offset === 0 && x.isContiguous && x.storage.bytes === 4 * Math.ceil(x.size / 2);

/**
 * dtype of a result of tensors of these dtypes and shapes, one of them half: PyTorch's promotion.
 * Equal halves stay what they are; with float32, or with each other, they become float32. Scalars
 * count only among themselves, integers never.
 */
export function promotedDtype(
  tensors: readonly { dtype: DType; shape: Shape }[],
): 'float32' | HalfKind {
  const floats = tensors.filter(({ dtype }) => dtype === 'float32' || isHalf(dtype));
  const withDims = floats.filter(({ shape }) => shape.length > 0);
  const kinds = new Set((withDims.length > 0 ? withDims : floats).map(({ dtype }) => dtype));
  const [kind] = kinds;
  return kinds.size === 1 ? (kind as 'float32' | HalfKind) : 'float32';
}
