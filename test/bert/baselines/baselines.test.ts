import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import {
  AdamW,
  BertBackbone,
  BertBiBackbone,
  BertBiLMForSequenceClassification,
  BertBiLMHeadModel,
  type BertConfig,
  BertForMaskedLM,
  BertForSequenceClassification,
  BertLMForSequenceClassification,
  BertLMHeadModel,
  type BertPreTrainedModel,
  BertTokenizer,
  backward,
  bertConfig,
  CbowForSequenceClassification,
  CbowLMHeadModel,
  capture,
  crossEntropy,
  noGrad,
  type PretrainedOptions,
  type SequenceClassifier,
  setDevice,
  type Tensor,
  tensor,
} from '../../../src/index.ts';
import { loadTaskModel } from '../../../src/train/tasks/taskModel.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { seeded } from '../../support/mutants.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rivals-'));
});
afterAll(() => rm(dir, { recursive: true }));

const config = bertConfig({
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
const encoderConfig = bertConfig({ ...config, isDecoder: false });

/** Texts that end in padding, with their own tokens as labels. */
function texts(batch: number, length: number, seed: number) {
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
const ints = (values: number[][]) => tensor(values, { dtype: 'int32' });
const rows = async (t: Tensor) => {
  const [batch, length] = t.shape;
  const values = Array.from(await t.data());
  const width = values.length / batch / length;
  return Array.from({ length: batch }, (_, b) =>
    Array.from({ length }, (_, i) =>
      values.slice((b * length + i) * width, (b * length + i + 1) * width),
    ),
  );
};
const expectNear = (actual: number[], expected: number[], tolerance = 2e-5) => {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i] - value), `${i}`).toBeLessThan(tolerance);
};

/** The largest difference between a parameter's gradient and the slope of the loss, over some elements of each parameter. */
async function expectSlopes(
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
const families: [name: string, Class<BertPreTrainedModel>, Classifier][] = [
  ['causal', BertLMHeadModel, BertLMForSequenceClassification],
  ['joined', BertBiLMHeadModel, BertBiLMForSequenceClassification],
  ['CBOW', CbowLMHeadModel, CbowForSequenceClassification],
];

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('rivals on %s', (_, device) => {
  const here = it.skipIf(!device);

  here.each([1, 2])(
    'a causal model knows nothing of what comes later, padding or not (%i)',
    async (seed) => {
      setDevice(device!);
      const model = BertLMHeadModel.fromConfig(config, seed);
      const { inputIds, attentionMask } = texts(3, 11, seed);
      const whole = await rows(
        noGrad(() => model.forward({ inputIds, attentionMask }).lastHiddenState),
      );
      for (const cut of [1, 4, 8]) {
        const other = inputIds.map((row) =>
          row.map((id, i) => (i < cut ? id : 1 + ((id + 7) % (config.vocabSize - 1)))),
        );
        const changed = await rows(
          noGrad(() => model.forward({ inputIds: other, attentionMask }).lastHiddenState),
        );
        whole.forEach((row, b) => {
          expect(changed[b].slice(0, cut)).toEqual(row.slice(0, cut));
          expect(changed[b].slice(cut)).not.toEqual(row.slice(cut));
        });
        const short = inputIds.map((row) => row.slice(0, cut));
        const alone = await rows(noGrad(() => model.forward({ inputIds: short }).lastHiddenState));
        alone.forEach((row, b) => {
          const seen = Math.min(
            cut,
            attentionMask[b].indexOf(0) < 0 ? cut : attentionMask[b].indexOf(0),
          );
          expectNear(row.slice(0, seen).flat(), whole[b].slice(0, seen).flat());
        });
      }
      // The first token sees itself alone: so does an encoder's in a text of its own.
      const encoder = BertBackbone.fromConfig(encoderConfig);
      encoder.loadWeights(await weights(model), 'model');
      const first = noGrad(
        () => encoder.forward({ inputIds: inputIds.map(([id]) => [id]) }).lastHiddenState,
      );
      expectNear(
        (await rows(first)).flat(2),
        whole.flatMap(([state]) => state),
      );
    },
  );

  here(
    'its loss is the mean over the next tokens, from the host and the device, and its gradients are the slopes',
    async () => {
      setDevice(device!);
      const model = BertLMHeadModel.fromConfig(config, 3);
      const { inputIds, attentionMask, labels } = texts(3, 9, 3);
      const { logits } = noGrad(() => model.forward({ inputIds, attentionMask }));
      const next = logits.slice([null, [0, 8]]).reshape([24, config.vocabSize]);
      const expected = await crossEntropy(
        next,
        ints([labels.flatMap((row) => row.slice(1))]).reshape([24]),
      ).item();
      for (const given of [labels, ints(labels)])
        expectNear(
          [
            await noGrad(() =>
              model.forward({ inputIds, attentionMask, labels: given }),
            ).loss!.item(),
          ],
          [expected],
        );
      await expectSlopes(
        model,
        () => model.forward({ inputIds, attentionMask, labels: ints(labels) }).loss!,
      );
    },
  );

  here(
    'attentions of a causal model are lower triangles of sum 1, and give the same states',
    async () => {
      setDevice(device!);
      const model = BertLMHeadModel.fromConfig(config, 1);
      const { inputIds, attentionMask } = texts(2, 9, 1);
      const output = noGrad(() =>
        model.forward({ inputIds, attentionMask, outputAttentions: true }),
      );
      const plain = noGrad(() => model.forward({ inputIds, attentionMask }));
      expectNear(
        (await rows(output.lastHiddenState)).flat(2),
        (await rows(plain.lastHiddenState)).flat(2),
      );
      for (const probs of output.attentions!) {
        const values = (await rows(probs.reshape([4, 9, 9]))).flat();
        values.forEach((row, i) => {
          expect(row.slice((i % 9) + 1).every((p) => p === 0)).toBe(true);
          expectNear([row.reduce((a, b) => a + b, 0)], [1]);
        });
      }
    },
  );

  here(
    'two directions joined: the forward one, and one that reads the text backwards',
    async () => {
      setDevice(device!);
      const model = BertBiLMHeadModel.fromConfig(config, 4);
      const { inputIds, attentionMask, labels } = texts(3, 9, 4);
      const given = { inputIds, attentionMask, labels };
      const state = await weights(model);
      const ahead = BertLMHeadModel.fromConfig(config);
      ahead.loadWeights(state, 'model');
      const back = BertLMHeadModel.fromConfig(config);
      back.loadWeights(
        new Map(
          [...state].map(([name, weight]) => [name.replace('backward_encoder', 'encoder'), weight]),
        ),
        'model',
      );
      const flip = (ids: number[][]) => ids.map((row) => row.toReversed());
      const backwards = {
        inputIds: flip(inputIds),
        attentionMask: flip(attentionMask),
        labels: flip(labels),
        positionIds: inputIds.map((row) => [...row.keys()].reverse()),
      };
      const [one, other] = noGrad(() => [ahead.forward(given), back.forward(backwards)]);
      const output = noGrad(() => model.forward(given));
      expectNear(
        [await output.loss!.item()],
        [((await one.loss!.item()) + (await other.loss!.item())) / 2],
      );
      expectNear((await rows(output.logits)).flat(2), (await rows(one.logits)).flat(2));
      expectNear(
        (await rows(output.backwardLogits)).flat(2),
        flip3(await rows(other.logits)).flat(2),
      );

      const { hiddenStates, attentions } = noGrad(() =>
        model.bert.forward({ ...given, outputAttentions: true }),
      );
      expect(hiddenStates.map(({ shape }) => shape)).toEqual(Array(3).fill([3, 9, 24]));
      const joined = await rows(hiddenStates[1]);
      expectNear(
        joined.flatMap((row) => row.flatMap((x) => x.slice(0, 12))),
        (await rows(one.hiddenStates[1])).flat(2),
      );
      expectNear(
        joined.flatMap((row) => row.flatMap((x) => x.slice(12))),
        flip3(await rows(other.hiddenStates[1])).flat(2),
      );
      expect(attentions!.map(({ shape }) => shape)).toEqual(Array(2).fill([3, 4, 9, 9]));
      expectNear(
        [await noGrad(() => model.forward({ ...given, labels: ints(labels) })).loss!.item()],
        [await output.loss!.item()],
      );
      await expectSlopes(model, () => model.forward(given).loss!);
    },
  );

  here.each([1, 4])(
    'CBOW: the mean of %i tokens to either side predicts the one between',
    async (window) => {
      setDevice(device!);
      const model = CbowLMHeadModel.fromConfig(config, window);
      const { inputIds, attentionMask, labels } = texts(3, 8, window);
      inputIds[2].fill(0, 1);
      attentionMask[2].fill(0, 1);
      labels[2].fill(-100, 1);
      const [vectors, predictors] = await Promise.all(
        [model.bert.embeddings.wordEmbeddings, model.cls.predictions.decoder].map(
          async ({ weight }) => rows(weight.unsqueeze(0)),
        ),
      );
      let sum = 0;
      let count = 0;
      const contexts = inputIds.map((ids, b) =>
        ids.map((_, i) => {
          const around = ids.filter(
            (_, j) => j !== i && Math.abs(j - i) <= window && attentionMask[b][j] === 1,
          );
          const mean = Array.from({ length: 12 }, (_, d) =>
            around.reduce((total, id) => total + vectors[0][id][d] / around.length, 0),
          );
          if (labels[b][i] >= 0) {
            const scores = predictors[0].map((row) =>
              row.reduce((dot, x, d) => dot + x * mean[d], 0),
            );
            sum +=
              Math.log(scores.reduce((total, score) => total + Math.exp(score), 0)) -
              scores[labels[b][i]];
            count++;
          }
          return mean;
        }),
      );
      const output = noGrad(() => model.forward({ inputIds, attentionMask, labels, window }));
      expectNear((await rows(output.context)).flat(2), contexts.flat(2));
      expectNear([await output.loss!.item()], [sum / count]);
      await expectSlopes(
        model,
        () => model.forward({ inputIds, attentionMask, labels, window }).loss!,
      );
    },
  );

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

const flip3 = (values: number[][][]) => values.map((row) => row.toReversed());
const weights = async (model: { stateDict(): Map<string, Tensor> }) =>
  new Map(
    await Promise.all(
      [...model.stateDict()].map(
        async ([name, t]) =>
          [name, { shape: t.shape, data: (await t.data()) as Float32Array }] as const,
      ),
    ),
  );

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
      expect(classifier.loadReport.missing.sort()).toEqual(
        ['classifier', 'pooler.dense'].flatMap((layer) => [`${layer}.bias`, `${layer}.weight`]),
      );
      expect(classifier.loadReport.unexpected.every((weight) => weight.startsWith('cls.'))).toBe(
        true,
      );
      const words = new BertTokenizer('[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n');
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
      'a window of at least 1 token was expected, not 0',
    );
    expect(() => model.forward({ inputIds, labels: [[1, 2]] })).toThrow(
      'labels of shape [1, 3] were expected, not [1, 2]',
    );
    expect(() =>
      BertLMHeadModel.fromConfig(config).forward({ inputIds, labels: [[1, 2]] }),
    ).toThrow('labels of shape [1, 3] were expected, not [1, 2]');
  });
});
