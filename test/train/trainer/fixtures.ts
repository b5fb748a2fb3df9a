import { bertConfig } from '../../../src/bert/config.ts';
import { Philox } from '../../../src/tensor/random.ts';
import type { EncodedExample } from '../../../src/train/data/batch.ts';
import { type FitOptions, fitDefaults } from '../../../src/train/trainer/fit.ts';

export const config = bertConfig({
  vocabSize: 50,
  hiddenSize: 16,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 32,
});
export const options: FitOptions = { ...fitDefaults, epochs: 2, batchSize: 8, learningRate: 5e-3 };

/** Texts whose label is whether token 7 occurs: easy, but not for chance. */
export function examples(count: number, seed: number): EncodedExample[] {
  const random = new Philox(seed);
  return Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 2 + random.randint(9) }, () => 10 + random.randint(40));
    if (i % 2) words[random.randint(words.length)] = 7;
    const inputIds = [2, ...words, 3];
    return { inputIds, tokenTypeIds: inputIds.map(() => 0), label: i % 2 };
  });
}
