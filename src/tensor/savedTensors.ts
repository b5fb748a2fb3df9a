import { StateError } from '../platform/errors.ts';
import { describe } from './print.ts';
import type { Storage } from './storage.ts';
import type { Node, Tensor } from './tensor.ts';

/**
 * Backward reads tensors of the forward pass. One that was written over since then would give a
 * wrong gradient: reading it throws (PyTorch's version counters).
 */

let reading: { node: Node; gradient: Storage | undefined } | undefined;

/** Runs the backward of a node; `gradient`, what it is given, is no tensor of the forward pass. */
export function whileReading<T>(node: Node, body: () => T, gradient?: Tensor): T {
  const before = reading;
  reading = { node, gradient: gradient?.storage };
  try {
    return body();
  } finally {
    reading = before;
  }
}

/** @throws StateError if backward needs the tensor as it was before a write. */
export function checkSaved(tensor: Tensor): void {
  if (!reading || tensor.storage === reading.gradient) return;
  const { node } = reading;
  const { createdAt, lastWrite } = tensor.storage;
  if (lastWrite === undefined || createdAt > node.id || lastWrite.at < node.id) return;
  throw new StateError(
    `backward: ${node.name} needs ${describe(tensor)}, which ${lastWrite.by} has ` +
      `overwritten since: ` +
      'call backward first, or write to a copy (`clone`)',
  );
}
