/** What must always work. Run it first when something is broken: it takes a few seconds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { CpuDevice } from '../src/device/cpu.ts';
import { BertForSequenceClassification, bertConfig, labelFields } from '../src/entries/bert.ts';
import { BertTokenizer } from '../src/entries/tokenizers.ts';
import { encodeExamples, fit, fitDefaults } from '../src/entries/train.ts';
import { AdamW, backward, capture, manualSeed, randn, setDevice, tensor } from '../src/index.ts';
import { tryWebGpu } from './support/devices.ts';

const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'good', 'bad', 'film', '##s'];
const tinyModel = () =>
  BertForSequenceClassification.fromConfig(
    bertConfig({
      vocabSize: vocab.length,
      hiddenSize: 16,
      numHiddenLayers: 1,
      numAttentionHeads: 2,
      intermediateSize: 32,
      maxPositionEmbeddings: 8,
      hiddenDropoutProb: 0,
      ...labelFields(['bad', 'good']),
    }),
  );

test('tokenizer: text to ids and back', () => {
  const tokenizer = new BertTokenizer(vocab);
  expect(tokenizer.encode('good films').inputIds).toEqual([2, 6, 8, 9, 3]);
  expect(tokenizer.decode([6, 8, 9])).toBe('good films');
});

const webgpu = await tryWebGpu();
const folder = mkdtempSync(join(tmpdir(), 'wigbert-tiny-'));
afterAll(() => {
  webgpu?.destroy();
  rmSync(folder, { recursive: true });
});

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('on %s', (name, device) => {
  beforeEach(() => {
    if (device) setDevice(device);
    manualSeed(0);
  });
  const here = test.skipIf(!device);

  here('plus', async () => {
    expect(
      await tensor([1, 2, 3])
        .add(tensor([4, 5, 6]))
        .tolist(),
    ).toEqual([5, 7, 9]);
  });

  here('matmul', async () => {
    const a = tensor([[1, 2, 3]]);
    expect(await a.matmul(tensor([[1], [10], [100]])).tolist()).toEqual([[321]]);
  });

  here('gradient', async () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    x.mul(x).sum().backward();
    expect(await x.grad!.tolist()).toEqual([2, 4, 6]);
  });

  here('random numbers are those of every device', async () => {
    const values = await randn([100]).data();
    setDevice(new CpuDevice());
    manualSeed(0);
    const reference = await randn([100]).data();
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(reference[i], 5);
  });

  /** Minimises (w - 3)² from 0; each step returns the loss before it. */
  const descent = () => {
    const w = tensor([0], { requiresGrad: true });
    const optimizer = new AdamW([w], { lr: 0.1, weightDecay: 0 });
    const step = () => {
      const loss = w.sub(3).square().sum();
      backward(loss);
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    };
    return { w, step };
  };

  here('optimiser step', async () => {
    const { w, step } = descent();
    expect(await step().item()).toBe(9);
    expect(await w.item()).toBeCloseTo(0.1, 5); // Adam's first step has the length of the rate
  });

  here('captured steps equal eager ones, bit for bit', async () => {
    const eager = descent();
    const captured = descent();
    const replay = capture(device!, captured.step);
    for (let i = 0; i < 4; i++) {
      const loss = await eager.step().item();
      expect((await replay.run({}))[0]).toBe(loss);
    }
    expect(await captured.w.item()).toBe(await eager.w.item());
  });

  here('BERT forward', async () => {
    const { loss, logits } = tinyModel()
      .eval()
      .forward({ inputIds: [[2, 5, 6, 8, 3]], labels: [1] });
    expect(logits.shape).toEqual([1, 2]);
    expect(await loss!.item()).toBeCloseTo(Math.log(2), 1);
  });

  here('fit learns, and a folder keeps what it learnt', async () => {
    const tokenizer = new BertTokenizer(vocab);
    const examples = ['good', 'bad', 'a good film', 'a bad film', 'good films', 'bad films'].map(
      (text) => ({ text, label: Number(text.includes('good')) }),
    );
    const encoded = encodeExamples(examples, tokenizer, 8, 8);
    const model = tinyModel();
    const options = { ...fitDefaults, epochs: 30, batchSize: 6, learningRate: 1e-2 };
    const { steps } = await fit(model, encoded, [], options);
    expect(steps[0].loss).toBeGreaterThan(0.5);
    expect(steps.at(-1)!.loss).toBeLessThan(0.2);
    const saved = join(folder, name);
    await model.savePretrained(saved, tokenizer.files());
    const loaded = await BertForSequenceClassification.fromPretrained(saved);
    expect(loaded.config.id2label).toEqual({ 0: 'bad', 1: 'good' });
    const inputs = { inputIds: [[2, 5, 6, 8, 3]] };
    const expected = await model.eval().forward(inputs).logits.tolist();
    expect(await loaded.eval().forward(inputs).logits.tolist()).toEqual(expected);
    expect((await BertTokenizer.fromPretrained(saved)).vocabSize).toBe(vocab.length);
  });
});
