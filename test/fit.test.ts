import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig } from '../src/bert/config.ts';
import { BertForSequenceClassification } from '../src/bert/sequenceClassification.ts';
import { CpuDevice } from '../src/gpu/cpu.ts';
import type { Device } from '../src/gpu/device.ts';
import { bucketSize } from '../src/gpu/pool.ts';
import { setDevice } from '../src/tensor/index.ts';
import { Philox } from '../src/tensor/random.ts';
import type { EncodedExample } from '../src/train/batch.ts';
import { evaluate } from '../src/train/evaluate.ts';
import { type FitOptions, fit, fitDefaults } from '../src/train/fit.ts';
import { tryWebGpu } from './support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
});

const config = bertConfig({
  vocabSize: 50,
  hiddenSize: 16,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 32,
});
const options: FitOptions = { ...fitDefaults, epochs: 2, batchSize: 8, learningRate: 5e-3 };

/** Texts whose label is whether token 7 occurs: easy, but not for chance. */
function examples(count: number, seed: number): EncodedExample[] {
  const random = new Philox(seed);
  return Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 2 + random.integer(9) }, () => 10 + random.integer(40));
    if (i % 2) words[random.integer(words.length)] = 7;
    const inputIds = [2, ...words, 3];
    return { inputIds, tokenTypeIds: inputIds.map(() => 0), label: i % 2 };
  });
}

const trained = async (device: Device, changes: Partial<FitOptions> = {}, train = examples(96, 1), valid = examples(40, 2)) => {
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
    const again = await evaluate(model, examples(40, 2), 7);
    expect(again.loss).toBeCloseTo(last.validLoss!, 5);
    expect(again.probabilities.every(([a, b]) => Math.abs(a + b - 1) < 1e-5)).toBe(true);
  });

  here('gives the same bits for the same seed, dropout and all, and others for another', async () => {
    const weights = async (seed: number) => {
      const { model, history } = await trained(device!, { seed, epochs: 1 });
      return { losses: history.steps.map(({ loss }) => loss), classifier: await model.classifier.weight.data() };
    };
    const first = await weights(1);
    expect(await weights(1)).toEqual(first);
    expect((await weights(2)).losses).not.toEqual(first.losses);
  });

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
      /the loss at step \d+ is .*lower the learning rate/,
    );
  });
});

it.skipIf(!webgpu)('both devices go the same way', async () => {
  const losses = async (device: Device) => (await trained(device, { epochs: 1 })).history.steps.map(({ loss }) => loss);
  const [cpu, gpu] = [await losses(new CpuDevice()), await losses(webgpu!)];
  cpu.forEach((loss, i) => {
    expect(Math.abs(loss - gpu[i])).toBeLessThan(1e-4);
  });
});

it.skipIf(!webgpu)('a thousand steps leave memory flat', async () => {
  // A device of its own: what other tests leave to the garbage collector would blur the count.
  const device = (await tryWebGpu())!;
  setDevice(device);
  const small = bertConfig({ ...config, hiddenSize: 8, intermediateSize: 8, hiddenDropoutProb: 0.1 });
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
  expect(Math.max(...use.map(({ held }) => held))).toBeLessThanOrEqual(use[0].held + 3 * bucketSize(16));
  const counts = use.map(({ buffers }) => buffers);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(3);
});
