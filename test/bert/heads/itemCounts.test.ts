import { afterAll, afterEach, describe, expect, it, test } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForNextSentencePrediction,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from '../../../src/entries/bert.ts';
import { capture, manualSeed, setDevice, type Tensor, tensor, zeros } from '../../../src/index.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, gradsOf, ints, numbers, texts } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

interface Model {
  forward(inputs: never): { loss?: Tensor };
  namedParameters(): [string, Tensor][];
  zeroGrad(): void;
}
interface Case {
  make: () => Model;
  /** Inputs of the rows of a batch of five. */
  inputs: (from: number, to: number) => object;
  /** What the sum of the whole batch is divided by. */
  items: unknown;
}

const length = 6;
const { inputIds, labels } = texts(5, length, 31);
const tagged = labels.map((row, i) => row.map((_, j) => (j > i ? -100 : (i * j) % 2)));
const count = (rows: number[][]) => rows.flat().filter((label) => label !== -100).length;
const scores = [0.5, -1, 2, 0.25, -3];
const several = scores.map((x, i) => [Number(x > 0), i % 2, 1]);
const byRows =
  (fields: Record<string, readonly unknown[]>) =>
  (from: number, to: number): object =>
    Object.fromEntries(
      Object.entries({ inputIds, ...fields }).map(([name, rows]) => [name, rows.slice(from, to)]),
    );
const sequence =
  (numLabels: number, problemType: 'multi_label_classification' | null = null) =>
  () =>
    BertForSequenceClassification.fromConfig({ ...config, numLabels, problemType });
const classes = [0, 2, 1, 1, 0];
const binary = [0, 1, 1, 1, 0];
const words = count(labels);

const cases: Record<string, Case> = {
  'one class of several': {
    make: sequence(3),
    inputs: byRows({ labels: classes }),
    items: 5,
  },
  'several labels': {
    make: sequence(3, 'multi_label_classification'),
    inputs: byRows({ labels: several }),
    items: 15,
  },
  regression: { make: sequence(1), inputs: byRows({ labels: scores }), items: 5 },
  'token classification': {
    make: () => BertForTokenClassification.fromConfig(config),
    inputs: byRows({ labels: tagged }),
    items: count(tagged),
  },
  'masked language model': {
    make: () => BertForMaskedLM.fromConfig(config),
    inputs: byRows({ labels }),
    items: words,
  },
  'masked language model, labels on the device': {
    make: () => BertForMaskedLM.fromConfig(config),
    inputs: (from, to) => ({
      inputIds: inputIds.slice(from, to),
      labels: ints(labels.slice(from, to)),
    }),
    items: words,
  },
  'next sentence': {
    make: () => BertForNextSentencePrediction.fromConfig(config),
    inputs: byRows({ labels: binary }),
    items: 5,
  },
  'both tasks of pre-training': {
    make: () => BertForPreTraining.fromConfig(config),
    inputs: byRows({ labels, nextSentenceLabel: binary }),
    items: { tokens: words, sentences: 5 },
  },
  'multiple choice': {
    make: () => BertForMultipleChoice.fromConfig(config),
    inputs: byRows({ inputIds: inputIds.map((row) => [row, row.toReversed()]), labels: binary }),
    items: 5,
  },
  'question answering': {
    make: () => BertForQuestionAnswering.fromConfig({ ...config, numLabels: 2 }),
    inputs: byRows({ startPositions: [1, 0, 2, 5, 3], endPositions: [1, 3, 2, 5, 4] }),
    items: 5,
  },
};

const lossOf = (model: Model, inputs: object): Tensor => model.forward(inputs as never).loss!;
const largest = (values: number[]) => Math.max(...values.map(Math.abs));
/** Errors are relative to the largest value; a key's bias has a gradient of noise alone. */
const near = (actual: number[], expected: number[], scale = largest(expected)) => {
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i] - value)).toBeLessThan(1e-6 * scale);
};

const devices: [string, Device | undefined][] = [
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
];
describe.each(devices)('numItemsInBatch on %s', (_, device) => {
  it.skipIf(!device).each(Object.keys(cases))('parts add up to the batch: %s', async (name) => {
    setDevice(device!);
    manualSeed(5);
    const { make, inputs, items } = cases[name];
    const model = make();
    const whole = lossOf(model, inputs(0, 5));
    const expected = await gradsOf(model, whole);
    const parts = [inputs(0, 1), inputs(1, 3), inputs(3, 5)].map((part) =>
      lossOf(model, { ...part, numItemsInBatch: items }),
    );
    const losses = (await Promise.all(parts.map((part) => numbers(part)))).flat();
    near([losses.reduce((sum, loss) => sum + loss)], [await whole.item()]);
    const grads = await gradsOf(
      model,
      parts.reduce((sum, part) => sum.add(part)),
    );
    const scale = largest([...expected.values()].flat());
    for (const [key, values] of expected) near(grads.get(key)!, values, scale);
  });

  it.skipIf(!device)('a count that changes from replay to replay', async () => {
    setDevice(device!);
    const model = BertForTokenClassification.fromConfig(config);
    const step = capture(device!, ({ n }: { n: Tensor }) =>
      lossOf(model, { inputIds, labels: tagged, numItemsInBatch: n }),
    );
    const at = async (n: number) => {
      const [loss] = await step.run({ n: { data: Int32Array.of(n), shape: [] } });
      return loss * n;
    };
    const total = await at(1);
    for (const n of [2, 7, 30]) near([await at(n)], [total]);
    step.dispose();
  });
});

test('a part without labels adds nothing; other counts are refused by name', async () => {
  const model = BertForMaskedLM.fromConfig(config);
  const ignored = labels.map((row) => row.map(() => -100));
  const loss = (numItemsInBatch: unknown) =>
    lossOf(model, { inputIds, labels: ignored, numItemsInBatch });
  expect(await loss(3).item()).toBe(0);
  expect(await loss(tensor([3])).item()).toBe(0);
  for (const [given, shown] of [
    [0, '0'],
    [-1, '-1'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [zeros([2]), 'shape=[2]'],
  ] as const) {
    expect(() => loss(given)).toThrow(
      'numItemsInBatch: expected a positive number or a tensor of one element, got ',
    );
    expect(() => loss(given)).toThrow(shown);
  }
  const both = BertForPreTraining.fromConfig(config);
  for (const numItemsInBatch of [5, { tokens: 4 }, tensor(3)])
    expect(() =>
      lossOf(both, { inputIds, labels, nextSentenceLabel: binary, numItemsInBatch }),
    ).toThrow('numItemsInBatch: expected the numbers of `tokens` and of `sentences`, got');
});
