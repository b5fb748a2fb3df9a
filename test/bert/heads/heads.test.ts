import { afterAll, afterEach, describe, expect, it, test } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  backward,
  bertConfig,
  capture,
  crossEntropy,
  noGrad,
  SGD,
  scope,
  setDevice,
  type Tensor,
  tensor,
} from '../../../src/index.ts';
import { ArgumentError } from '../../../src/platform/errors.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { seeded } from '../../support/mutants.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

const config = bertConfig({
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

/** Texts that end in padding, and the tokens to predict in them: some, and the last of the vocabulary. */
function texts(batch: number, length: number, seed: number, vocab = config.vocabSize) {
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
const ints = (values: number[] | number[][]) => tensor(values, { dtype: 'int32' });
const numbers = async (t: Tensor) => Array.from(await t.data());
const expectNear = (actual: number[], expected: number[], what = '') => {
  expect(actual.length, what).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i] - value), `${what} ${i}`).toBeLessThan(2e-5);
};
const gradsOf = async (
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

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('language models on %s', (_, device) => {
  const here = it.skipIf(!device);

  here.each([1, 2, 3])(
    'labels as tensor, from the host, or at positions: one loss, one gradient (%i)',
    async (seed) => {
      setDevice(device!);
      const [batch, length] = [1 + seed, 5 + 3 * seed];
      const { labels, ...inputs } = texts(batch, length, seed);
      const model = BertForMaskedLM.fromConfig(config, seed);
      const flat = labels.flat();
      const at = [...flat.keys()].filter((i) => flat[i] !== -100);
      const { logits } = model.forward(inputs);
      const expected = crossEntropy(logits.reshape([batch * length, config.vocabSize]), ints(flat));
      const grads = await gradsOf(model, expected);
      const forms = [
        model.forward({ ...inputs, labels: ints(labels) }),
        model.forward({ ...inputs, labels }),
        model.forward({ ...inputs, labels: labels.map((row) => Int32Array.from(row)) }),
        // Filled up, as for a captured step.
        model.forward({
          ...inputs,
          labelPositions: ints([...at, 0, 0]),
          labels: ints([...at.map((i) => flat[i]), -100, -100]),
        }),
      ];
      for (const [i, { loss }] of forms.entries()) {
        expectNear([await loss!.item()], [await expected.item()]);
        for (const [name, values] of await gradsOf(model, loss!))
          expectNear(values, grads.get(name)!, `form ${i}, ${name}`);
      }
    },
  );

  here(
    'a tied table gets the gradients of the look-up and of the decoder, its padding row those of the decoder',
    async () => {
      setDevice(device!);
      const inputs = texts(2, 9, 4);
      const tied = BertForMaskedLM.fromConfig(config, 1);
      const untied = BertForMaskedLM.fromConfig(
        bertConfig({ ...config, tieWordEmbeddings: false }),
        1,
      );
      for (const [name, weight] of untied.stateDict()) {
        const source =
          name === 'cls.predictions.decoder.weight'
            ? 'bert.embeddings.word_embeddings.weight'
            : name;
        weight.copy_(await tied.stateDict().get(source)!.data());
      }
      const one = await gradsOf(tied, tied.forward(inputs).loss!);
      const two = await gradsOf(untied, untied.forward(inputs).loss!);
      const [looked, decoded] = [
        'bert.embeddings.word_embeddings.weight',
        'cls.predictions.decoder.weight',
      ].map((n) => two.get(n)!);
      expectNear(
        one.get('bert.embeddings.word_embeddings.weight')!,
        looked.map((value, i) => value + decoded[i]),
      );
      expect(looked.slice(0, 8)).toEqual(Array(8).fill(0));
      expect(looked.slice(8).some((value) => value !== 0)).toBe(true);
      expect(decoded.slice(0, 8).every((value) => value !== 0)).toBe(true);
      for (const [name, values] of one)
        if (name !== 'bert.embeddings.word_embeddings.weight')
          expectNear(values, two.get(name)!, name);
    },
  );

  here('a captured step takes other positions each time', async () => {
    setDevice(device!);
    const batches = [5, 6, 7, 8].map((seed) => {
      const { inputIds, labels } = texts(2, 8, seed);
      const flat = labels.flat();
      const at = [...flat.keys()].filter((i) => flat[i] !== -100);
      const fill = (values: number[], by: number) =>
        Int32Array.from({ length: 16 }, (_, i) => values[i] ?? by);
      const host = (data: Int32Array, shape: number[]) => ({ data, shape });
      return {
        inputIds: host(Int32Array.from(inputIds.flat()), [2, 8]),
        labels: host(
          fill(
            at.map((i) => flat[i]),
            -100,
          ),
          [16],
        ),
        labelPositions: host(fill(at, 0), [16]),
        nextSentenceLabel: host(Int32Array.of(at.length % 2, 1), [2]),
      };
    });
    const train = async (captured: boolean) => {
      const model = BertForPreTraining.fromConfig(config, 2);
      const optimizer = new SGD(model.parameters(), { lr: 0.1 });
      const body = (batch: Record<string, Tensor>) => {
        const { loss } = model.forward({ inputIds: batch.inputIds, ...batch });
        backward(loss!);
        optimizer.step();
        optimizer.zeroGrad();
        return loss!;
      };
      const step = capture(device!, body);
      const losses: number[] = [];
      for (const batch of batches) {
        const tensors = () =>
          Object.fromEntries(
            Object.entries(batch).map(([name, { data, shape }]) => [name, tensor(data, { shape })]),
          );
        losses.push(
          captured ? (await step.run(batch))[0] : await scope(() => body(tensors())).item(),
        );
      }
      step.dispose();
      return losses;
    };
    const losses = await train(true);
    expect(losses).toEqual(await train(false));
    expect(new Set(losses).size).toBe(4);
  });
});

describe('language models', () => {
  it.skipIf(!webgpu)('never hold the logits of all tokens in training', async () => {
    setDevice(webgpu!);
    const large = bertConfig({ ...config, hiddenSize: 4, vocabSize: 60_000 });
    const model = BertForPreTraining.fromConfig(large);
    const { labels, ...inputs } = texts(16, 16, 1, large.vocabSize);
    const whole = 16 * 16 * large.vocabSize * 4;
    const { bytes } = webgpu!.memory();
    for (const given of [ints(labels), labels]) {
      scope(() =>
        backward(
          model.forward({
            ...inputs,
            labels: given,
            nextSentenceLabel: labels.map((_, i) => i % 2),
          }).loss!,
        ),
      );
      model.zeroGrad();
    }
    expect(webgpu!.memory().peakBytes - bytes).toBeLessThan(0.75 * whole);
    // The same measure sees them when they are asked for.
    scope(() => noGrad(() => model.forward(inputs).predictionLogits));
    expect(webgpu!.memory().peakBytes - bytes).toBeGreaterThan(whole);
    await webgpu!.synchronize();
  });

  test('logits are computed once, and anew if a scope has freed them', async () => {
    const model = BertForMaskedLM.fromConfig(config);
    const { labels: _, ...inputs } = texts(2, 6, 1);
    const out = noGrad(() => model.forward(inputs));
    const first = scope(() => out.logits.sum());
    expect(out.logits).toBe(out.logits);
    expect(await out.logits.sum().item()).toBe(await first.item());
    const { logits } = scope(() => model.forward(inputs));
    expectNear(await numbers(logits), await numbers(out.logits));
  });

  test('a loss of nothing is NaN, and one of half the labels undefined', async () => {
    const model = BertForPreTraining.fromConfig(config);
    const { labels, inputIds } = texts(2, 6, 1);
    const none = labels.map((row) => row.map(() => -100));
    for (const given of [none, ints(none)])
      expect(
        await model.forward({ inputIds, labels: given, nextSentenceLabel: [0, 1] }).loss!.item(),
      ).toBeNaN();
    expect(model.forward({ inputIds, labels }).loss).toBeUndefined();
    expect(model.forward({ inputIds, nextSentenceLabel: [0, 1] }).loss).toBeUndefined();
  });

  test('labels that do not fit are refused by name', () => {
    const model = BertForPreTraining.fromConfig(config);
    const { labels, inputIds } = texts(2, 6, 1);
    const forward = (given: object) => () =>
      model.forward({ inputIds, labels, nextSentenceLabel: [0, 1], ...given });
    const refused = /^labels: expected the shape \[2, 6\], got /;
    expect(forward({ labels: labels.map((row) => row.slice(1)) })).toThrow(refused);
    expect(forward({ labels: [labels[0], labels[1].slice(1)] })).toThrow(refused);
    expect(forward({ labels: labels.flat() })).toThrow(refused);
    expect(forward({ labels: ints(labels.flat()) })).toThrow(refused);
    expect(forward({ labels: [[70, 0, 0, 0, 0, 0], labels[1]] })).toThrow(
      'label 70 is out of range: there are 70 classes',
    );
    expect(forward({ labels: [[0.5, 0, 0, 0, 0, 0], labels[1]] })).toThrow(
      'labels: expected 32-bit integers, got 0.5',
    );
    expect(forward({ labels: [1, 2], labelPositions: [3] })).toThrow(
      'labels: expected the shape [1], got [2]',
    );
    expect(forward({ labels: [1, 2], labelPositions: [3, 12] })).toThrow(
      'index 12 is out of range',
    );
    expect(forward({ nextSentenceLabel: [0, 2] })).toThrow('label 2 is out of range');
    expect(forward({ nextSentenceLabel: [0] })).toThrow(
      'nextSentenceLabel: expected the shape [2], got [1]',
    );
  });
});

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
      'BertForMultipleChoice: tokenTypeIds: expected the shape of inputIds, [2, 2, 6], got [1, 2, 6]',
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
