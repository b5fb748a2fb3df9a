import { expect } from 'vitest';
import {
  BertForSequenceClassification,
  bertConfig,
  labelFields,
  type PeftModel,
} from '../../src/entries/bert.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { Philox } from '../../src/tensor/random.ts';

/** A tiny model, inputs for it, and what tests of adapters do with both. */
export const config = bertConfig({
  vocabSize: 20,
  hiddenSize: 8,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 12,
  maxPositionEmbeddings: 8,
  initializerRange: 0.3,
  ...labelFields(['bad', 'good']),
});
export const makeModel = () => BertForSequenceClassification.fromConfig(config, 3).eval();
export const inputs = {
  inputIds: [
    [2, 9, 7, 3],
    [2, 5, 3, 0],
  ],
  attentionMask: [
    [1, 1, 1, 1],
    [1, 1, 1, 0],
  ],
  labels: [1, 0],
};
export const values = async (tensor: Tensor) => [...(await tensor.data())];
export const stateOf = async (model: { stateDict(): Map<string, Tensor> }) =>
  Object.fromEntries(
    await Promise.all(
      Array.from(model.stateDict(), async ([name, tensor]) => [name, await values(tensor)]),
    ),
  ) as Record<string, number[]>;
export const expectClose = (found: number[], wanted: number[], tolerance = 1e-5) => {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries())
    expect(Math.abs(found[i] - value)).toBeLessThan(tolerance);
};
/** Fills the trained weights with random numbers. */
export function shake(peft: PeftModel, seed: number): void {
  const random = new Philox(seed);
  for (const tensor of peft.parameters())
    if (tensor.requiresGrad)
      tensor
        .detach()
        .copy_(Float32Array.from({ length: tensor.size }, () => 0.4 * random.normal()));
}
