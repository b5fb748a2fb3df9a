import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import {
  BertBiBackbone,
  BertForMaskedLM,
  BertForSequenceClassification,
  BertLMHeadModel,
  BiLstmLMHeadModel,
  CbowLMHeadModel,
} from '../../../src/entries/bert.ts';
import { BertTokenizer } from '../../../src/entries/tokenizers.ts';
import { AdamW, backward, capture, noGrad, setDevice, type Tensor } from '../../../src/index.ts';
import { loadTaskModel } from '../../../src/train/tasks/taskModel.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, encoderConfig, expectNear, families, texts, weights } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rivals-'));
});
afterAll(() => rm(dir, { recursive: true }));

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('classifiers on %s', (_, device) => {
  const here = it.skipIf(!device);

  here.each(families)(
    'a %s classifier does not depend on padding at either side, and learns in captured steps',
    async (_, __, Model) => {
      setDevice(device!);
      const model = Model.fromConfig(config, 6);
      const { inputIds, attentionMask } = texts(4, 8, 6);
      const logits = async (inputs: object) =>
        Array.from(
          await noGrad(() => model.forward({ inputIds, attentionMask, ...inputs })).logits.data(),
        );
      const expected = await logits({});
      const padded = (by: number[]) => (ids: number[][]) => ids.map((row) => [...row, ...by]);
      const right = padded([0, 0, 0]);
      expectNear(
        await logits({ inputIds: right(inputIds), attentionMask: right(attentionMask) }),
        expected,
      );
      const left = (ids: number[][]) => ids.map((row) => [0, 0, ...row]);
      const positionIds = inputIds.map((row) => [0, 0, ...row.keys()]);
      expectNear(
        await logits({ inputIds: left(inputIds), attentionMask: left(attentionMask), positionIds }),
        expected,
      );
      const full = inputIds.map((row) => row.map((id) => id || 1));
      const ones = full.map((row) => row.map(() => 1));
      expectNear(
        await logits({ inputIds: full, attentionMask: undefined }),
        await logits({ inputIds: full, attentionMask: ones }),
      );

      const optimizer = new AdamW(model.parameters(), { lr: 0.03 });
      const step = capture(
        device!,
        (batch: Record<'inputIds' | 'attentionMask' | 'labels', Tensor>) => {
          const { loss } = model.forward(batch);
          backward(loss!);
          optimizer.step();
          optimizer.zeroGrad();
          return loss!;
        },
      );
      const host = (ids: number[][]) => ({ data: Int32Array.from(ids.flat()), shape: [4, 8] });
      const batch = {
        inputIds: host(inputIds),
        attentionMask: host(attentionMask),
        labels: { data: Int32Array.of(0, 1, 1, 0), shape: [4] },
      };
      const losses: number[] = [];
      for (let i = 0; i < 30; i++) losses.push((await step.run(batch))[0]);
      step.dispose();
      optimizer.dispose();
      expect(losses.at(-1)).toBeLessThan(0.1);
      expect(losses[0]).toBeGreaterThan(0.3);
    },
  );
});

describe('folders', () => {
  test.each(families)(
    'a %s model is saved, read back, and starts a classifier',
    async (name, Model, Classifier) => {
      const folder = join(dir, name);
      const model = Model.fromConfig(config, 5);
      await model.savePretrained(folder);
      const json = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
      expect(json).toMatchObject({
        is_decoder: true,
        model_type: 'bert',
        architectures: [Model.name],
      });
      const back = await Model.fromPretrained(folder);
      expect(back.config).toEqual(config);
      expect(back.loadReport).toEqual({ missing: [], unexpected: [] });
      expect(await weights(back)).toEqual(await weights(model));

      const classifier = await Classifier.fromPretrained(folder, { labels: ['a', 'b', 'c'] });
      expect(classifier.loadReport.missing.sort()).toEqual([
        ...['classifier', 'pooler.dense'].flatMap((layer) => [`${layer}.bias`, `${layer}.weight`]),
        ...(name === 'BiLSTM' ? ['scalar_mix.scale', 'scalar_mix.weights'] : []),
      ]);
      expect(classifier.loadReport.unexpected.every((weight) => weight.startsWith('cls.'))).toBe(
        true,
      );
      const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
      const others = Array.from({ length: config.vocabSize - special.length }, (_, i) => `a${i}`);
      const words = new BertTokenizer([...special, ...others]);
      await classifier.savePretrained(`${folder}-classifier`, words.files());
      const trained = (await loadTaskModel(`${folder}-classifier`)).model;
      expect(trained).toBeInstanceOf(Classifier);
      expect(await weights(trained)).toEqual(await weights(classifier));
      const [own, source] = [await weights(classifier), await weights(model)];
      for (const [weight, value] of source)
        if (weight.startsWith('bert.')) expect(own.get(weight), weight).toEqual(value);
      if (name !== 'CBOW')
        await expect(BertForSequenceClassification.fromPretrained(folder)).rejects.toThrow(
          `${folder}: is_decoder: expected false`,
        );
    },
  );

  test('a model that looks both ways is no decoder, and the other way round', async () => {
    expect(() => BertForMaskedLM.fromConfig(config)).toThrow(
      'BertForMaskedLM: isDecoder: expected false (an encoder',
    );
    expect(() => BertLMHeadModel.fromConfig(encoderConfig)).toThrow(
      'BertLMHeadModel: isDecoder: expected true (a decoder',
    );
    expect(() => BertBiBackbone.fromConfig(encoderConfig)).toThrow(
      'BertBiBackbone: isDecoder: expected true',
    );
    const folder = join(dir, 'masked');
    await BertForMaskedLM.fromConfig(encoderConfig).savePretrained(folder);
    await expect(BertLMHeadModel.fromPretrained(folder)).rejects.toThrow(
      `BertLMHeadModel: ${folder}: is_decoder: expected true`,
    );
  });

  test('a BiLSTM is not read from a folder of other layers', async () => {
    const folder = join(dir, 'layers');
    await BiLstmLMHeadModel.fromConfig(config).savePretrained(folder);
    await expect(BertLMHeadModel.fromPretrained(folder)).rejects.toThrow(
      'expected a BERT encoder with embeddings.position_embeddings.weight',
    );
    await BertLMHeadModel.fromConfig(config).savePretrained(folder);
    await expect(BiLstmLMHeadModel.fromPretrained(folder)).rejects.toThrow(
      `${folder}: expected the weights of 2 layers of two LSTMs (num_hidden_layers in config.json)`,
    );
  });

  test('word vectors can start a BERT', async () => {
    const vectors = CbowLMHeadModel.fromConfig(config, 8);
    const model = BertForMaskedLM.fromConfig(encoderConfig, 1);
    const table = 'bert.embeddings.word_embeddings.weight';
    const report = model.loadWeights(
      new Map([[table, (await weights(vectors)).get(table)!]]),
      'cbow',
    );
    expect(report.missing).not.toContain(table);
    expect((await weights(model)).get(table)).toEqual((await weights(vectors)).get(table));
    const folder = join(dir, 'vectors');
    await vectors.savePretrained(folder);
    await expect(BertForSequenceClassification.fromPretrained(folder)).rejects.toThrow(
      'is_decoder',
    );
  });

  test('says what does not fit', () => {
    const model = CbowLMHeadModel.fromConfig(config);
    const inputIds = [[1, 2, 3]];
    expect(() => model.forward({ inputIds, window: 0 })).toThrow(
      'window: expected an integer of at least 1, got 0',
    );
    expect(() => model.forward({ inputIds, labels: [[1, 2]] })).toThrow(
      'labels: expected the shape [1, 3], got [1, 2]',
    );
    expect(() =>
      BertLMHeadModel.fromConfig(config).forward({ inputIds, labels: [[1, 2]] }),
    ).toThrow('labels: expected the shape [1, 3], got [1, 2]');
  });
});
