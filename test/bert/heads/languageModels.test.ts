import { afterAll, afterEach, describe, expect, it, test } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { BertForMaskedLM, BertForPreTraining, bertConfig } from '../../../src/entries/bert.ts';
import {
  backward,
  capture,
  crossEntropy,
  noGrad,
  SGD,
  scope,
  setDevice,
  type Tensor,
  tensor,
} from '../../../src/index.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, expectNear, gradsOf, ints, numbers, texts } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

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
    'a tied table gets the gradients of look-up and decoder, its padding row the decoder’s',
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
    for (const ragged of [
      [labels[0], labels[1].slice(1)],
      [[7], labels[1]],
    ])
      expect(forward({ labels: ragged })).toThrow(refused);
    expect(forward({ labels: labels.map((row) => [null, ...row.slice(1)]) })).toThrow(
      'labels: expected 32-bit integers, got null',
    );
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
