import type { Module } from '../../nn/index.ts';
import { StateError } from '../../platform/errors.ts';
import { processGroup } from './processGroup.ts';

/** Two 32-bit hashes (FNV-1a of the words, forwards with another basis), which is enough here. */
function hashWords(data: Float32Array): [number, number] {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  let [a, b] = [0x811c9dc5, 0x9e3779b9];
  for (const word of words) {
    a = Math.imul(a ^ word, 0x01000193);
    b = Math.imul((b << 13) | (b >>> 19), 5) ^ word;
  }
  return [a >>> 0, b >>> 0];
}

/**
 * Checks that all ranks have the same weights. Each of them calls it.
 * @throws StateError naming the first tensor that differs from rank 0's, and where.
 */
export async function compareWeights(model: Module, step: number): Promise<void> {
  const { size } = processGroup();
  const named = model.namedParameters();
  const hashes = new Uint32Array(2 * named.length);
  for (const [i, [, parameter]] of named.entries())
    hashes.set(hashWords((await parameter.data()) as Float32Array), 2 * i);
  const all = processGroup().allGather(hashes);
  const ranks = Array.from({ length: size }, (_, rank) => rank);
  for (let i = 0; i < hashes.length; i++) {
    const others = ranks.filter((rank) => all[rank * hashes.length + i] !== all[i]);
    if (others.length > 0)
      throw new StateError(
        `the weight ${named[i >> 1][0]} after step ${step}: expected the same bits on all ranks, ` +
          `got others than rank 0's on ${others.join(', ')}; what was saved before is kept. ` +
          'Ranks round alike on hardware of one kind, with one version of the program',
      );
  }
}
