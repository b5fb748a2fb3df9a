import { afterAll, afterEach, describe, expect, it, test } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from '../../../src/entries/bert.ts';
import { crossEntropy, noGrad, setDevice, tensor } from '../../../src/index.ts';
import { ArgumentError } from '../../../src/platform/errors.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, expectNear, ints, numbers, texts } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

describe('other heads', () => {
  const { inputIds, attentionMask } = texts(3, 6, 2);

  test('take labels in nested arrays, and in columns', async () => {
    const tokens = BertForTokenClassification.fromConfig(config);
    const labels = inputIds.map((row) => row.map((id) => (id === 0 ? -100 : id % 2)));
    const { loss, logits } = tokens.forward({ inputIds, attentionMask, labels });
    expectNear(
      [await loss!.item()],
      [await crossEntropy(logits.reshape([18, 2]), ints(labels.flat())).item()],
    );
    expect(() => tokens.forward({ inputIds, labels: labels.slice(1) })).toThrow(
      'labels: expected the shape [3, 6], got [2, 6]',
    );
    const whole = BertForSequenceClassification.fromConfig(config);
    const [row, column] = [ints([0, 1, 1]), ints([[0], [1], [1]])].map(
      (given) => whole.forward({ inputIds, labels: given }).loss!,
    );
    expect(await column.item()).toBe(await row.item());
    for (const label of [0.9, Number.NaN, 2 ** 31])
      expect(() => whole.forward({ inputIds, labels: [0, label, 1] })).toThrow(
        new ArgumentError(`labels: expected 32-bit integers, got ${label}`),
      );
  });

  test('ids that are no whole numbers are refused by name', () => {
    const model = BertForTokenClassification.fromConfig(config);
    const stray = inputIds.map((row) => row.map((id) => id + 0.5));
    for (const name of ['inputIds', 'attentionMask', 'tokenTypeIds'])
      expect(() => model.forward({ inputIds, [name]: stray })).toThrow(
        `${name}: expected 32-bit integers, got`,
      );
  });

  test('positions of answers are clamped to the text, as in the library', async () => {
    const model = BertForQuestionAnswering.fromConfig(config);
    const loss = (startPositions: number[] | number[][], endPositions = [5, 0, 2]) =>
      model.forward({ inputIds, startPositions, endPositions }).loss!.item();
    expect(await loss([-3, 1, 2])).toBe(await loss([0, 1, 2]));
    expect(await loss([[0], [1], [2]])).toBe(await loss([0, 1, 2]));
    expect(await loss([6, 1, 2])).toBe(await loss([99, 1, 2]));
    expect(await loss([6, 1, 2])).not.toBe(await loss([5, 1, 2]));
    expect(await loss([6, 6, 6])).toBeNaN();
    expect(model.forward({ inputIds, startPositions: [0, 1, 2] }).loss).toBeUndefined();
    expect(() => model.forward({ inputIds, startPositions: [0], endPositions: [0] })).toThrow(
      'startPositions: expected the shape [3]',
    );
  });

  test('choices are scored one by one', async () => {
    const model = BertForMultipleChoice.fromConfig(config, 4);
    const choices = [inputIds.slice(0, 2), inputIds.slice(1)];
    const tokenTypeIds = choices.map((texts) =>
      texts.map((row) => row.map((_, i) => Number(i > 2))),
    );
    const { logits, hiddenStates } = model.forward({
      inputIds: choices,
      tokenTypeIds,
      labels: [1, 0],
    });
    expect(hiddenStates[0].shape).toEqual([4, 6, 8]);
    const single = model.forward({
      inputIds: choices[1].slice(0, 1).map((row) => [row]),
      tokenTypeIds: [[tokenTypeIds[1][0]]],
    });
    expect([logits.shape, single.logits.shape]).toEqual([
      [2, 2],
      [1, 1],
    ]);
    expectNear(await numbers(single.logits), [(await numbers(logits))[2]]);
    expect(() => model.forward({ inputIds })).toThrow(
      'inputIds: expected the shape [batch, choices, length], got [3, 6]',
    );
    expect(() => model.forward({ inputIds: choices, tokenTypeIds: [tokenTypeIds[0]] })).toThrow(
      'BertForMultipleChoice: tokenTypeIds: expected the shape of inputIds, [2, 2, 6], ' +
        'got [1, 2, 6]',
    );
  });

  test('attentions come when asked for', () => {
    const models = [BertForTokenClassification, BertForMaskedLM, BertForQuestionAnswering].map(
      (Model) => new Model(config),
    );
    for (const model of models) {
      expect(model.forward({ inputIds }).attentions).toBeUndefined();
      const { attentions, hiddenStates } = model.forward({ inputIds, outputAttentions: true });
      expect(attentions!.map(({ shape }) => shape)).toEqual([[3, 2, 6, 6]]);
      expect(hiddenStates.length).toBe(2);
    }
  });
});

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('classifiers on %s', (_, device) => {
  const here = it.skipIf(!device);
  const inputIds = [
    [1, 2, 3],
    [4, 5, 6],
  ];

  here('refuse labels of another shape, whatever the problem', () => {
    setDevice(device!);
    const multi = BertForSequenceClassification.fromConfig({
      ...config,
      numLabels: 3,
      problemType: 'multi_label_classification',
    });
    const wrong = [
      [[0], [1]],
      [[0, 1, 1]],
      [0, 1, 1],
      [
        [0, 1, 1, 1],
        [1, 0, 0, 1],
      ],
    ];
    for (const labels of wrong)
      expect(() => multi.forward({ inputIds, labels })).toThrow(
        'labels: expected the shape [2, 3]',
      );
    const regression = BertForSequenceClassification.fromConfig({
      ...config,
      numLabels: 3,
      problemType: 'regression',
    });
    const turned = [
      [1, 2],
      [3, 4],
      [5, 6],
    ];
    expect(() => regression.forward({ inputIds, labels: turned })).toThrow(
      'labels: expected the shape [2, 3], got [3, 2]',
    );
  });

  here('take a column of class numbers for what it is', async () => {
    setDevice(device!);
    const model = BertForSequenceClassification.fromConfig({ ...config, numLabels: 2 });
    const losses = await Promise.all(
      [
        [[0], [1]],
        [0, 1],
      ].map((labels) => noGrad(() => model.forward({ inputIds, labels }).loss!.item())),
    );
    expect(losses[0]).toBe(losses[1]);
  });

  here('take one row of positions for all texts, and none of the texts', async () => {
    setDevice(device!);
    const model = BertForSequenceClassification.fromConfig({ ...config, numLabels: 2 });
    const logits = (positionIds: number[][]) =>
      noGrad(() => numbers(model.forward({ inputIds, positionIds }).logits));
    const row = [3, 1, 2];
    expect(await logits([row])).toEqual(await logits([row, row]));
    const none = model.forward({ inputIds: tensor(new Int32Array(0), { shape: [0, 3] }) });
    expect([none.logits.shape, await numbers(none.logits)]).toEqual([[0, 2], []]);
  });
});
