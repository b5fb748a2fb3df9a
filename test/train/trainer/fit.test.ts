import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig } from '../../../src/bert/config.ts';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { bucketSize } from '../../../src/device/webgpu/pool.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { evaluateExamples } from '../../../src/train/trainer/evaluate.ts';
import { type FitCallbacks, type FitOptions, fit } from '../../../src/train/trainer/fit.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, examples, options } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
});

const trained = async (
  device: Device,
  changes: Partial<FitOptions> & FitCallbacks = {},
  train = examples(96, 1),
  valid = examples(40, 2),
) => {
  setDevice(device);
  const model = BertForSequenceClassification.fromConfig(config, 1);
  const history = await fit(model, train, valid, { ...options, ...changes });
  return { model, history };
};

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('fit on %s', (_, device) => {
  const here = it.skipIf(!device);

  here('learns, and evaluates as it says', async () => {
    const { model, history } = await trained(device!, { epochs: 6 });
    const last = history.epochs.at(-1)!;
    expect(last.trainLoss).toBeLessThan(0.5 * history.epochs[0].trainLoss);
    expect(history.bestEpoch!.validAccuracy).toBeGreaterThan(0.9);
    const again = await evaluateExamples(model, examples(40, 2), 7);
    expect(again.loss).toBeCloseTo(last.validLoss!, 5);
    expect(again.probabilities.every(([a, b]) => Math.abs(a + b - 1) < 1e-5)).toBe(true);
  });

  here(
    'gives the same bits for the same seed, dropout and all, and others for another',
    async () => {
      const weights = async (seed: number) => {
        const { model, history } = await trained(device!, { seed, epochs: 1 });
        return {
          losses: history.steps.map(({ loss }) => loss),
          classifier: await model.classifier.weight.data(),
        };
      };
      const first = await weights(1);
      expect(await weights(1)).toEqual(first);
      expect((await weights(2)).losses).not.toEqual(first.losses);
    },
  );

  here('stops early when validation no longer improves', async () => {
    const { history } = await trained(device!, { epochs: 30, patience: 2, learningRate: 1e-8 });
    expect(history.epochs.length).toBe(3);
    expect(history.bestEpoch!.epoch).toBe(1);
  });

  here('stops after the step in which it is told to', async () => {
    const controller = new AbortController();
    const { history } = await trained(device!, {
      signal: controller.signal,
      onStep: ({ step }) => step === 3 && controller.abort(),
    });
    expect(history.steps.length).toBeGreaterThanOrEqual(3);
    expect(history.steps.length).toBeLessThan(8);
    expect(history.epochs).toEqual([]);
  });

  here('refuses to go on with a loss that is no number', async () => {
    await expect(trained(device!, { learningRate: 1e30, warmupRatio: 0 })).rejects.toThrow(
      /the (loss|weight|norm) .*lower the learning rate/,
    );
  });

  here.each([1e37, 1e38])(
    'never calls weights best that are no numbers or cannot be computed with (%d)',
    async (learningRate) => {
      const saved: string[] = [];
      const changes = {
        learningRate,
        warmupRatio: 0,
        batchSize: 96,
        onBest: async () => void saved.push('best'),
      };
      for (const valid of [[], examples(40, 2)])
        await expect(trained(device!, changes, undefined, valid)).rejects.toThrow(
          new RegExp(
            '^the (norm of the weights|weight \\S+) after step 1 is (Infinity|not finite): ' +
              'lower the learning rate; ' +
              'what was saved before is kept',
          ),
        );
      expect(saved).toEqual([]);
    },
  );
});

it.each([
  [{ learningRate: 0 }, '`learningRate`: expected a finite number above 0, got 0'],
  [{ learningRate: Number.NaN }, '`learningRate`: expected a finite number above 0, got NaN'],
  [
    { learningRate: Number.POSITIVE_INFINITY },
    '`learningRate`: expected a finite number above 0, got Infinity',
  ],
  [{ warmupRatio: 1.5 }, '`warmupRatio`: expected a number from 0 to 1, got 1.5'],
  [{ warmupRatio: Number.NaN }, '`warmupRatio`: expected a number from 0 to 1, got NaN'],
  [{ weightDecay: -1 }, '`weightDecay`: expected a finite number of at least 0, got -1'],
  [{ weightDecay: Number.NaN }, '`weightDecay`: expected a finite number of at least 0, got NaN'],
])('refuses %o', async (changes, message) => {
  await expect(trained(new CpuDevice(), changes)).rejects.toThrow(
    expect.objectContaining({ name: 'UsageError', message: expect.stringContaining(message) }),
  );
});

it('trains on each window of a text', async () => {
  const [first, { inputIds, tokenTypeIds }, last] = examples(3, 1);
  const windowed = { ...first, overflow: [{ inputIds, tokenTypeIds }] };
  const once = { epochs: 1, batchSize: 1 };
  const { history } = await trained(new CpuDevice(), once, [windowed, last], []);
  expect(history.steps).toHaveLength(3);
});

it.skipIf(!webgpu)('both devices go the same way', async () => {
  const losses = async (device: Device) =>
    (await trained(device, { epochs: 1 })).history.steps.map(({ loss }) => loss);
  const [cpu, gpu] = [await losses(new CpuDevice()), await losses(webgpu!)];
  cpu.forEach((loss, i) => {
    expect(Math.abs(loss - gpu[i])).toBeLessThan(1e-4);
  });
});

it.skipIf(!webgpu)('a thousand steps leave memory flat', async () => {
  // A device of its own: what other tests leave to the garbage collector would blur the count.
  const device = (await tryWebGpu())!;
  setDevice(device);
  const small = bertConfig({
    ...config,
    hiddenSize: 8,
    intermediateSize: 8,
    hiddenDropoutProb: 0.1,
  });
  const model = BertForSequenceClassification.fromConfig(small, 1);
  const use: { buffers: number; held: number }[] = [];
  // One length, so that each step allocates what the one before did.
  const short = examples(64, 3).map((example) => ({
    ...example,
    inputIds: example.inputIds.slice(0, 8),
    tokenTypeIds: example.tokenTypeIds.slice(0, 8),
  }));
  await fit(model, short, [], {
    ...options,
    epochs: 125,
    onStep: ({ step }) => {
      if (step % 100 !== 0) return;
      const { bytes, buffers, pooledBytes } = device.memory();
      use.push({ buffers, held: bytes + pooledBytes });
    },
  });
  device.destroy();
  expect(use.length).toBe(10);
  // Results of at most three steps are on their way at a time, in small buffers of their own.
  expect(Math.max(...use.map(({ held }) => held))).toBeLessThanOrEqual(
    use[0].held + 3 * bucketSize(16),
  );
  const counts = use.map(({ buffers }) => buffers);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(3);
});
