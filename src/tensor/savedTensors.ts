import { StateError } from '../platform/errors.ts';
import { describe } from './print.ts';
import { type Storage, tick } from './storage.ts';
import type { Node, Tensor } from './tensor.ts';

/**
 * Backward reads tensors of the forward pass. One that was written over since then would give a
 * wrong gradient: reading it throws (PyTorch's version counters).
 */

interface Reading {
  node: Node;
  /** Memory of the gradients given to the node, which are no tensors of the forward pass. */
  gradients: readonly Storage[];
  startedAt: number;
}

let reading: Reading | undefined;

/** Runs the backward of a node on `gradients`. */
export function whileReading<T>(node: Node, body: () => T, gradients: readonly Tensor[] = []): T {
  const before = reading;
  reading = { node, gradients: gradients.map(({ storage }) => storage), startedAt: tick() };
  try {
    return body();
  } finally {
    reading = before;
  }
}

/** @throws StateError if backward needs the tensor as it was before a write. */
export function checkSaved(tensor: Tensor): void {
  if (!reading || reading.gradients.includes(tensor.storage)) return;
  const { node, startedAt } = reading;
  const { createdAt, lastWrite } = tensor.storage;
  if (lastWrite === undefined || createdAt > node.id) return;
  // What the backward itself writes, it may read.
  if (lastWrite.at < node.id || lastWrite.at > startedAt) return;
  throw new StateError(
    `backward: ${node.name} needs ${describe(tensor)}, which ${lastWrite.by} has ` +
      `overwritten since: ` +
      'call backward first, or write to a copy (`clone`)',
  );
}
