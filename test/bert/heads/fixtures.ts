import { expect } from 'vitest';
import { bertConfig } from '../../../src/entries/bert.ts';
import { backward, type Tensor, tensor } from '../../../src/index.ts';
import { seeded } from '../../support/mutants.ts';

export const config = bertConfig({
  vocabSize: 70,
  hiddenSize: 8,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 12,
  maxPositionEmbeddings: 16,
  hiddenDropoutProb: 0,
  attentionProbsDropoutProb: 0,
  initializerRange: 0.5,
});

/**
 * Texts that end in padding, and the tokens to predict in them: some, and the last of the
 * vocabulary.
 */
export function texts(batch: number, length: number, seed: number, vocab = config.vocabSize) {
  const random = seeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const rows = (make: () => number) =>
    Array.from({ length: batch }, () => Array.from({ length }, make));
  const inputIds = rows(() => 1 + below(vocab - 1));
  for (const row of inputIds) row.fill(0, length - below(length));
  const labels = rows(() => (random() < 0.2 ? below(vocab) : -100));
  labels[batch - 1][0] = vocab - 1;
  return { inputIds, attentionMask: inputIds.map((row) => row.map((id) => Math.sign(id))), labels };
}
export const ints = (values: number[] | number[][]) => tensor(values, { dtype: 'int32' });
export const numbers = async (t: Tensor) => Array.from(await t.data());
export const expectNear = (actual: number[], expected: number[], what = '') => {
  expect(actual.length, what).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i] - value), `${what} ${i}`).toBeLessThan(2e-5);
};
export const gradsOf = async (
  model: { namedParameters(): [string, Tensor][]; zeroGrad(): void },
  loss: Tensor,
) => {
  model.zeroGrad();
  backward(loss);
  const entries = model
    .namedParameters()
    .map(async ([name, { grad }]) => [name, grad ? await numbers(grad) : []] as const);
  return new Map(await Promise.all(entries));
};
