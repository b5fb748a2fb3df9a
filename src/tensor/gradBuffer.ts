import { fillMemory } from './create.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';

/**
 * Where gradients of parameters go. An optimiser keeps the gradients of its parameters side by side
 * and gives each parameter a part of that memory, its gradient buffer. Backward writes there.
 *
 * The gradient of an embedding has few non-zero rows. For such a parameter the buffer has a flag
 * for each row, so that only the rows of the step before are zeroed, not the whole table.
 */
const gradBuffers = new WeakMap<Tensor, Storage>();
const rowFlags = new WeakMap<Storage, Tensor>();
const sparseParameters = new WeakSet<Tensor>();

/** The gradient buffer that an optimiser gave to a parameter. */
export const gradBufferOf = (parameter: Tensor): Storage | undefined => gradBuffers.get(parameter);

/** Gives a parameter its gradient buffer; undefined takes it away. */
export function setGradBuffer(parameter: Tensor, buffer: Storage | undefined): void {
  if (buffer) gradBuffers.set(parameter, buffer);
  else gradBuffers.delete(parameter);
}

/** Declares that the gradients of a parameter have few non-zero rows. Returns it. */
export function expectSparseGrad(parameter: Tensor): Tensor {
  sparseParameters.add(parameter);
  return parameter;
}

export const expectsSparseGrad = (parameter: Tensor): boolean => sparseParameters.has(parameter);

/** Flags of a gradient buffer's rows (int32, [rows]): 0 if the row is known to hold zeros. */
export const touchedRowsOf = (buffer: Storage): Tensor | undefined => rowFlags.get(buffer);

export const setTouchedRows = (buffer: Storage, flags: Tensor): void => {
  rowFlags.set(buffer, flags);
  buffer.onWrite = () => touchAllRows(buffer);
};

/** Rows of a gradient buffer that were known to hold zeros may not any more. */
export function touchAllRows(buffer: Storage): void {
  const flags = rowFlags.get(buffer);
  // A launch, so that replays of a captured step that writes flag the rows too.
  if (flags && !flags.isDisposed) fillMemory(flags, 1);
}
