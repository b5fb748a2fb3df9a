import { type DType, Tensor } from './tensor.ts';

/** The same words under another dtype: integers 0 and 1 as bool, bool as int32. Not recorded. */
export const asDtype = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : new Tensor(x.storage, x.shape, dtype, x.strides, x.offset);
