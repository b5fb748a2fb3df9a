import { tensor } from '../create.ts';
import type { Tensor } from '../tensor.ts';
import { floatScalar } from './floats.ts';

/** An operand: a tensor, or a number that counts for all elements. */
export type Operand = Tensor | number;

/** Whether an operand counts as integers. */
export const isWhole = (x: Operand): boolean =>
  typeof x === 'number' ? Number.isInteger(x) && (x | 0) === x : x.dtype !== 'float32';

export const isMask = (x: Operand): boolean => typeof x !== 'number' && x.dtype === 'bool';

/** A number as a tensor of the kind of `like`. */
export function asTensor(value: Operand, like: Tensor): Tensor {
  if (typeof value !== 'number') return value;
  if (like.dtype === 'float32') return floatScalar(value, like);
  return tensor(Int32Array.of(value), { shape: [], device: like.device });
}
