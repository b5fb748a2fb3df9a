import type { Module } from '../../nn/index.ts';
import { createHash } from '../../platform/hash.ts';

/** A step, and the hash of the weights after it. */
export interface StepHash {
  step: number;
  sha256: string;
}

/**
 * SHA-256 of a model's weights and buffers: of dtype, name, shape and bytes (little-endian) of
 * each, in the order of their names. Two models have the same one if and only if they have the same
 * bits. Tensors are fetched one by one.
 * @example
 * const before = await weightsHash(model);
 */
export async function weightsHash(model: Module): Promise<string> {
  const hash = await createHash('sha256');
  const named = [...model.stateDict()].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, tensor] of named) {
    hash.update(`${JSON.stringify([tensor.dtype, name, tensor.shape])}\n`);
    const { buffer, byteOffset, byteLength } = await tensor.data();
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}
