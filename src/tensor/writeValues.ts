import { ArgumentError } from '../platform/errors.ts';
import { noteWrite } from './captureGuard.ts';
import { type DType, encode, isHalf, memoryOf } from './elements.ts';
import { hostWrite } from './hostWrite.ts';
import { noteIndexRange } from './indexRange.ts';
import { formatShape, type Shape } from './shape.ts';
import type { Storage } from './storage.ts';

/** A tensor, as far as its memory goes. */
interface Target {
  readonly storage: Storage;
  readonly shape: Shape;
  readonly strides: Shape;
  readonly offset: number;
  readonly dtype: DType;
  readonly size: number;
  readonly isContiguous: boolean;
}

/**
 * Writes values of the host over the elements of a tensor.
 * @throws ArgumentError if the number of values differs, or the tensor is not contiguous.
 */
export function writeValues(target: Target, values: ArrayLike<number>): void {
  if (values.length !== target.size)
    throw new ArgumentError(
      `copy_: expected ${target.size} values for shape ${formatShape(target.shape)}, ` +
        `got ${values.length}`,
    );
  const array = encode(values, target.dtype);
  if (target.size > 0 && !target.isContiguous)
    throw new ArgumentError(
      `copy_: expected a contiguous tensor, got shape ${formatShape(target.shape)} ` +
        `with strides ${formatShape(target.strides)}`,
    );
  if (isHalf(target.dtype) && target.storage.bytes !== 4 * array.length)
    throw new ArgumentError(
      `copy_: expected a whole ${target.dtype} tensor, got a part of one: write to a copy ` +
        `(\`clone\`)`,
    );
  noteWrite(target, 'copy_');
  const { binding, device } = target.storage;
  if (array.length > 0) hostWrite(device, { ...binding, offset: memoryOf(target).offset }, array);
  if (target.dtype === 'int32' || target.dtype === 'bool') {
    const isWhole = target.storage.bytes === 4 * target.size;
    noteIndexRange(target.storage, isWhole ? (array as Int32Array) : undefined);
  }
}
