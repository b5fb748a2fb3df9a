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
import { backward, noGrad, type Tensor, tensor } from '../../../src/index.ts';
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

/**
 * The largest difference between a parameter's gradient and the slope of the loss, over some
 * elements of each parameter.
 */
export async function expectSlopes(
  model: { namedParameters(): [string, Tensor][]; zeroGrad(): void },
  loss: () => Tensor,
): Promise<void> {
  backward(loss());
  const random = seeded(9);
  for (const [name, parameter] of model.namedParameters()) {
    const values = Float32Array.from(await parameter.data());
    const gradient = parameter.grad ? await parameter.grad.data() : new Float32Array(values.length);
    for (const i of [0, 1].map(() => Math.floor(random() * values.length))) {
      const at = async (step: number) => {
        parameter.copy_(values.map((value, k) => (k === i ? value + step : value)));
        return noGrad(loss).item();
      };
      const slope = ((await at(1e-2)) - (await at(-1e-2))) / 2e-2;
      expect(
        Math.abs(slope - gradient[i]),
        `${name}[${i}]: ${gradient[i]} for ${slope}`,
      ).toBeLessThan(2e-3 + 0.02 * Math.abs(slope));
    }
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
