import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import {
  BertBiLMForSequenceClassification,
  BertForSequenceClassification,
  bertConfig,
  CbowForSequenceClassification,
  freezeEncoder,
} from '../../../src/entries/bert.ts';
import { fit, fitDefaults } from '../../../src/entries/train.ts';
import { nn, noGrad, setDevice, type Tensor, zeros } from '../../../src/index.ts';
import { collate } from '../../../src/train/data/batch.ts';
import { FineTuning } from '../../../src/train/trainer/fit.ts';
import { Trainer } from '../../../src/train/trainer/trainer.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { seeded } from '../../support/mutants.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'freeze-'));
});
afterAll(() => rm(dir, { recursive: true }));

const config = bertConfig({
  vocabSize: 30,
  hiddenSize: 12,
  numHiddenLayers: 3,
  numAttentionHeads: 2,
  intermediateSize: 16,
  maxPositionEmbeddings: 16,
  initializerRange: 0.3,
});
const random = seeded(1);
const examples = Array.from({ length: 8 }, (_, i) => {
  const inputIds = Array.from({ length: 3 + (i % 5) }, () => 1 + Math.floor(random() * 29));
  return { inputIds, tokenTypeIds: inputIds.map(() => 0), label: i % 2 };
});
const values = async (model: nn.Module) =>
  new Map(
    await Promise.all(
      Array.from(
        model.stateDict(),
        async ([name, t]) => [name, Array.from(await t.data())] as const,
      ),
    ),
  );
const frozenNames = (names: string[], count: number) =>
  names.filter((name) => {
    const layer = Number(
      /\.layer\.(\d+)\./.exec(name)?.[1] ?? (name.includes('embeddings') ? -1 : 99),
    );
    return layer < count;
  });

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('freezing on %s', (_, device) => {
  const here = it.skipIf(!device);

  here.each([0, 2, 'all'] as const)(
    'what is frozen does not move, the rest does, and all is saved (%s)',
    async (layers) => {
      setDevice(device!);
      const model = BertForSequenceClassification.fromConfig(config, 2);
      freezeEncoder(model, layers);
      const start = await values(model);
      await fit(model, examples, [], {
        ...fitDefaults,
        epochs: 2,
        batchSize: 4,
        learningRate: 0.01,
      });
      const end = await values(model);
      const frozen = frozenNames([...start.keys()], layers === 'all' ? 3 : layers);
      expect(frozen.length).toBeGreaterThan(4);
      for (const [name, before] of start) {
        if (frozen.includes(name)) expect(end.get(name), name).toEqual(before);
        // The gradient of the keys' biases is 0 but for rounding.
        else if (!name.endsWith('key.bias')) expect(end.get(name), name).not.toEqual(before);
      }
      const folder = join(dir, `${device!.kind}-${layers}`);
      await model.savePretrained(folder);
      const back = await BertForSequenceClassification.fromPretrained(folder);
      expect(back.loadReport).toEqual({ missing: [], unexpected: [] });
      expect(await values(back)).toEqual(end);
    },
  );

  here(
    'a step of a frozen encoder has no dropout below the head: the loss is of fixed features',
    async () => {
      setDevice(device!);
      const model = BertForSequenceClassification.fromConfig(
        bertConfig({ ...config, classifierDropout: 0 }),
        3,
      );
      freezeEncoder(model);
      model.train();
      const { inputIds, attentionMask } = collate(examples, 0, 16);
      const nested = (t: { data: ArrayLike<number>; shape: readonly number[] }) =>
        Array.from({ length: t.shape[0] }, (_, r) =>
          Array.from({ length: t.shape[1] }, (_, c) => t.data[r * t.shape[1] + c]),
        );
      const batch = { inputIds: nested(inputIds), attentionMask: nested(attentionMask) };
      const logits = async () => Array.from(await noGrad(() => model.forward(batch)).logits.data());
      const once = await logits();
      expect(await logits()).toEqual(once);
      const { lastHiddenState } = model.bert.forward(batch);
      expect(lastHiddenState.requiresGrad).toBe(false);
    },
  );

  // Steps of the cpu device are not captured, so their work is not counted.
  it.skipIf(device?.kind !== 'webgpu')(
    'no work is done for gradients below what is trained',
    async () => {
      setDevice(device!);
      const flops = async (layers: number | 'all' | undefined) => {
        const model = BertForSequenceClassification.fromConfig(config, 4);
        if (layers !== undefined) freezeEncoder(model, layers);
        model.train();
        const task = new FineTuning(model, [], [], fitDefaults);
        const trainer = new Trainer(task, {
          ...fitDefaults,
          ...{ warmupRatio: 0, totalSteps: 9, evalEvery: 9, saveEvery: 9 },
        });
        const losses: Float32Array[] = [];
        for (let i = 0; i < 3; i++)
          losses.push(await trainer.step({ ...collate(examples, 0, 16) }));
        const plan = trainer.plan!;
        trainer.dispose();
        expect(losses[2][0]).not.toBe(losses[0][0]);
        return plan;
      };
      const [none, one, two, all] = [
        await flops(undefined),
        await flops(1),
        await flops(2),
        await flops('all'),
      ];
      const layer = one.flops - two.flops;
      const [tokens, { hiddenSize: h, intermediateSize }] = [64, config];
      expect(layer).toBeGreaterThan(2 * 2 * tokens * (4 * h * h + 2 * h * intermediateSize));
      // The lowest trained layer needs no gradient of what goes into its queries, keys and values;
      // the pooler, alone, none of its own.
      expect(two.flops - all.flops).toBe(
        layer - 3 * 2 * tokens * h * h + 2 * examples.length * h * h,
      );
      expect(all.launches).toBeLessThan(none.launches / 2);
    },
  );
});

describe('freezing', () => {
  test('both encoders, and word vectors alone', () => {
    const both = BertBiLMForSequenceClassification.fromConfig(
      bertConfig({ ...config, isDecoder: true }),
    );
    const names = both.namedParameters().map(([name]) => name);
    freezeEncoder(both, 1);
    const trained = (model: nn.Module) =>
      model.namedParameters().flatMap(([name, t]) => (t.requiresGrad ? [name] : []));
    expect(both.namedParameters().map(([name]) => name)).toEqual(names);
    expect(trained(both)).toEqual(names.filter((name) => !frozenNames(names, 1).includes(name)));
    const words = CbowForSequenceClassification.fromConfig(config);
    freezeEncoder(words);
    expect(trained(words)).toEqual([
      'classifier.weight',
      'classifier.bias',
      'pooler.dense.weight',
      'pooler.dense.bias',
    ]);
  });

  test('more layers than there are cannot be frozen', () => {
    const model = BertForSequenceClassification.fromConfig(config);
    for (const layers of [4, -1, 1.5, Number.NaN])
      expect(() => freezeEncoder(model, layers)).toThrow(
        `\`freeze\`: expected at most 3, the number of layers, or 'all', got ${layers}`,
      );
  });

  test('a module keeps its parameters, and no other tensors become ones', () => {
    class Part extends nn.Module {
      readonly linear = new nn.Linear(2, 2);
      readonly table: Tensor = zeros([2]);
    }
    const part = new Part();
    part.freeze().freeze();
    expect(part.namedParameters().map(([name]) => name)).toEqual(['linear.weight', 'linear.bias']);
    expect(part.train().training).toBe(false);
    expect(part.parameters().some(({ requiresGrad }) => requiresGrad)).toBe(false);
  });
});
