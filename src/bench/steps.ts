import { type BertConfig, bertBase, bertConfig, bertTiny } from '../bert/config.ts';
import { BertForSequenceClassification } from '../bert/heads/sequenceClassification.ts';
import type { Device } from '../device/device.ts';
import type { Peaks } from '../measure/peaks.ts';
import { defaultDevice, manualSeed, setDevice } from '../tensor/index.ts';
import { Philox } from '../tensor/random.ts';
import { type Batch, collate } from '../train/data/batch.ts';
import { FineTuning, fitDefaults } from '../train/trainer/fit.ts';
import { Trainer } from '../train/trainer/trainer.ts';

/** Models whose training step is timed. */
export type StepName = 'tiny' | 'mini' | 'base';

/** How long a training step takes on a device. */
export interface StepTiming {
  step: StepName;
  layers: number;
  hidden: number;
  vocabulary: number;
  batch: number;
  length: number;
  device: string;
  /** Of one step in a row of steps. */
  milliseconds: number;
  tokensPerSecond: number;
  /** null on the cpu device, which counts none of these. */
  gflops: number | null;
  /** Of the multiply-add peak. */
  share: number | null;
  launches: number | null;
  /**
   * JavaScript time per launch of a captured step; of the median step, since a software adapter
   * sometimes takes its core.
   */
  microsecondsPerLaunch: number | null;
  /**
   * On the cpu device, extrapolated from one step of a smaller batch; null if that would take too
   * long.
   */
  cpuMilliseconds: number | null;
}

const mini = {
  hiddenSize: 256,
  numHiddenLayers: 4,
  numAttentionHeads: 4,
  intermediateSize: 1024,
} as const;
const configs: Record<StepName, BertConfig> = {
  tiny: bertConfig({ ...bertTiny, vocabSize: 8000 }),
  mini: bertConfig({ ...mini, vocabSize: 8000 }),
  base: bertConfig(bertBase),
};

function sizeOf(name: StepName, software: boolean): { batch: number; length: number } {
  if (name !== 'base') return { batch: 32, length: 40 };
  return software ? { batch: 4, length: 40 } : { batch: 32, length: 128 };
}

/** Time spent on measured steps, in seconds, and their smallest number. */
const MAX_TIME = 3;
const MIN_STEPS = 3;
/** Batch size of the cpu device's step. */
const CPU_BATCH = 8;
/** Steps queued ahead, as in training. */
const MAX_PENDING_STEPS = 2;

/**
 * Times whole training steps, as `fit` runs them, on `device`; the smallest model also on `cpu`, if
 * given. `vocabSize` replaces the model's own.
 * @example
 * const device = await useDevice('auto');
 * const peaks = await measurePeaks(device);
 * const { tokensPerSecond } = await benchStep('tiny', device, undefined, peaks);
 */
export async function benchStep(
  name: StepName,
  device: Device,
  cpu: Device | undefined,
  peaks: Peaks,
  vocabSize = configs[name].vocabSize,
): Promise<StepTiming> {
  const config = { ...configs[name], vocabSize };
  const { batch, length } = sizeOf(name, device.traits.software);
  const warmUp = device.kind === 'cpu' ? 0 : 3;
  const { seconds, hostSeconds, plan } = await timeSteps(
    config,
    device,
    batchOf(config, batch, length),
    warmUp,
    MAX_TIME,
  );
  const reference =
    cpu && name === 'tiny'
      ? await timeSteps(config, cpu, batchOf(config, CPU_BATCH, length), 0, 0)
      : undefined;
  return {
    step: name,
    layers: config.numHiddenLayers,
    hidden: config.hiddenSize,
    vocabulary: config.vocabSize,
    ...{ batch, length, device: device.kind },
    milliseconds: seconds * 1e3,
    tokensPerSecond: (batch * length) / seconds,
    gflops: plan ? plan.flops / seconds / 1e9 : null,
    share: plan ? plan.flops / seconds / peaks.flops : null,
    launches: plan?.launches ?? null,
    microsecondsPerLaunch: plan ? (hostSeconds / plan.launches) * 1e6 : null,
    cpuMilliseconds: reference ? (reference.seconds * 1e3 * batch) / CPU_BATCH : null,
  };
}

/** Batch and length of the small step, which the cpu device takes in about half a second. */
export const smallStep = {
  layers: configs.tiny.numHiddenLayers,
  hidden: configs.tiny.hiddenSize,
  ...{ batch: 8, length: 32 },
};
/** Time spent on it, in seconds. */
const SMALL_TIME = 0.5;

/** Seconds of a small training step on a device, to compare devices by. */
export async function smallStepSeconds(device: Device): Promise<number> {
  const batch = batchOf(configs.tiny, smallStep.batch, smallStep.length);
  const [warmUp, time] = device.kind === 'cpu' ? [0, 0] : [2, SMALL_TIME];
  return (await timeSteps(configs.tiny, device, batch, warmUp, time)).seconds;
}

/** The bench ends when its time is up. */
const NO_END = { totalSteps: 1e6, evalEvery: 1e6, saveEvery: 1e6 };

/**
 * Mean time of a step, the median step's JavaScript time without waiting (both in seconds), and the
 * captured plan.
 */
async function timeSteps(
  config: BertConfig,
  device: Device,
  batch: Batch,
  warmUp: number,
  maxTime: number,
) {
  const before = defaultDevice();
  setDevice(device);
  manualSeed(0);
  const model = BertForSequenceClassification.fromConfig(config);
  const task = new FineTuning(model, [], [], fitDefaults);
  const trainer = new Trainer(task, { ...fitDefaults, ...NO_END, seed: 0 });
  const inputs = { ...batch };
  try {
    for (let i = 0; i < warmUp; i++) await trainer.step(inputs);
    const results: Promise<Float32Array>[] = [];
    const started = performance.now();
    const elapsed = () => (performance.now() - started) / 1000;
    const hostSeconds: number[] = [];
    do {
      const stepStart = elapsed();
      const result = trainer.step(inputs);
      hostSeconds.push(elapsed() - stepStart);
      // A later `await` reports a failure.
      result.catch(() => {});
      results.push(result);
      await results.at(-1 - MAX_PENDING_STEPS);
    } while (maxTime > 0 && (elapsed() < maxTime || results.length < MIN_STEPS));
    await Promise.all(results);
    hostSeconds.sort((a, b) => a - b);
    return {
      seconds: elapsed() / results.length,
      hostSeconds: hostSeconds[hostSeconds.length >> 1],
      plan: trainer.plan,
    };
  } finally {
    trainer.dispose();
    for (const parameter of model.parameters()) parameter.dispose();
    setDevice(before);
  }
}

/** Whole texts of random tokens: no padding. */
function batchOf(config: BertConfig, batch: number, length: number): Batch {
  const random = new Philox(1, 2);
  const examples = Array.from({ length: batch }, (_, i) => ({
    inputIds: Array.from({ length }, () => random.randint(config.vocabSize)),
    tokenTypeIds: Array<number>(length).fill(0),
    label: i % 2,
  }));
  return collate(examples, config.padTokenId, config.maxPositionEmbeddings);
}
