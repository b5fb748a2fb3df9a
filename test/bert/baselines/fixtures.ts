import { expect } from 'vitest';
import {
  BertBiLMForSequenceClassification,
  BertBiLMHeadModel,
  type BertConfig,
  BertLMForSequenceClassification,
  BertLMHeadModel,
  type BertPreTrainedModel,
  BiLstmForSequenceClassification,
  BiLstmLMHeadModel,
  bertConfig,
  CbowForSequenceClassification,
  CbowLMHeadModel,
  type PretrainedOptions,
  type SequenceClassifier,
  SkipGramLMHeadModel,
} from '../../../src/entries/bert.ts';
import { backward, noGrad, scope, type Tensor, tensor } from '../../../src/index.ts';
import { seeded } from '../../support/mutants.ts';

export const config = bertConfig({
  vocabSize: 40,
  hiddenSize: 12,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 16,
  maxPositionEmbeddings: 32,
  hiddenDropoutProb: 0,
  attentionProbsDropoutProb: 0,
  initializerRange: 0.3,
  isDecoder: true,
});
export const encoderConfig = bertConfig({ ...config, isDecoder: false });

/** Texts that end in padding, with their own tokens as labels. */
export function texts(batch: number, length: number, seed: number) {
  const random = seeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const inputIds = Array.from({ length: batch }, () =>
    Array.from({ length }, () => 1 + below(config.vocabSize - 1)),
  );
  for (const row of inputIds) row.fill(0, length - below(length - 2));
  return {
    inputIds,
    attentionMask: inputIds.map((row) => row.map((id) => Math.sign(id))),
    labels: inputIds.map((row) => row.map((id) => id || -100)),
  };
}
export const ints = (values: number[][]) => tensor(values, { dtype: 'int32' });
export const rows = async (t: Tensor) => {
  const [batch, length] = t.shape;
  const values = Array.from(await t.data());
  const width = values.length / batch / length;
  return Array.from({ length: batch }, (_, b) =>
    Array.from({ length }, (_, i) =>
      values.slice((b * length + i) * width, (b * length + i + 1) * width),
    ),
  );
};
export const expectNear = (actual: number[], expected: number[], tolerance = 2e-5) => {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i] - value), `${i}`).toBeLessThan(tolerance);
};

/** A vector of length 1 in a direction; zeros stay. */
function unit(values: Float32Array): Float32Array {
  const length = Math.hypot(...values) || 1;
  return values.map((value) => value / length);
}

const STEP = 3e-3;

/**
 * Compares the gradient of each parameter with the slope of the loss in one direction; on slow
 * devices that of every third one, since their kernels have tests of their own.
 */
export async function expectSlopes(
  model: { namedParameters(): [string, Tensor][]; zeroGrad(): void },
  loss: () => Tensor,
): Promise<void> {
  backward(loss());
  const random = seeded(9);
  for (const [i, [name, parameter]] of model.namedParameters().entries()) {
    if (parameter.device.kind !== 'cpu' && i % 3 !== 1) continue;
    const values = Float32Array.from(await parameter.data());
    const gradient = new Float32Array(values.length);
    if (parameter.grad) gradient.set(await parameter.grad.data());
    // Half of it along the gradient, so that the slope is not lost in noise.
    const noise = unit(values.map(() => random() - 0.5));
    const direction = unit(unit(gradient).map((value, k) => value + noise[k]));
    const at = async (step: number) => {
      parameter.copy_(values.map((value, k) => value + step * direction[k]));
      // What a step leaves behind would be searched for by the garbage collector.
      const moved = scope(() => noGrad(loss));
      const value = await moved.item();
      moved.dispose();
      return value;
    };
    const slope = ((await at(STEP)) - (await at(-STEP))) / (2 * STEP);
    const expected = gradient.reduce((sum, value, k) => sum + value * direction[k], 0);
    expect(Math.abs(slope - expected), `${name}: ${expected} for ${slope}`).toBeLessThan(
      1e-3 + 0.02 * Math.abs(slope),
    );
    parameter.copy_(values);
  }
  model.zeroGrad();
}

interface Class<M> {
  name: string;
  fromConfig(config: BertConfig, seed?: number): M;
  fromPretrained(dir: string, options?: PretrainedOptions): Promise<M>;
}
type Classifier = Class<SequenceClassifier<BertPreTrainedModel>>;
export const families: [name: string, Class<BertPreTrainedModel>, Classifier][] = [
  ['causal', BertLMHeadModel, BertLMForSequenceClassification],
  ['joined', BertBiLMHeadModel, BertBiLMForSequenceClassification],
  ['BiLSTM', BiLstmLMHeadModel, BiLstmForSequenceClassification],
  ['CBOW', CbowLMHeadModel, CbowForSequenceClassification],
  ['skip-gram', SkipGramLMHeadModel, CbowForSequenceClassification],
];

export const flip3 = (values: number[][][]) => values.map((row) => row.toReversed());
export const weights = async (model: { stateDict(): Map<string, Tensor> }) =>
  new Map(
    await Promise.all(
      [...model.stateDict()].map(
        async ([name, t]) =>
          [name, { shape: t.shape, data: (await t.data()) as Float32Array }] as const,
      ),
    ),
  );
