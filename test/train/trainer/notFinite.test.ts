import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { Linear } from '../../../src/nn/index.ts';
import { setDevice, type Tensor } from '../../../src/tensor/index.ts';
import { fitDefaults } from '../../../src/train/defaults.ts';
import { Trainer } from '../../../src/train/trainer/trainer.ts';
import type { StepInfo, TrainingTask } from '../../../src/train/trainer/trainingTask.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
});

type Loss = (y: Tensor, x: Tensor) => Tensor;

/** Pulls outputs of a linear layer towards 0; `bad` tells the steps with inputs of their own. */
class Shrinking implements TrainingTask<number, StepInfo, { step: number }> {
  readonly start = 0;
  readonly model = new Linear(2, 1);
  readonly #bad: (step: number) => number | undefined;
  readonly #loss: Loss;
  constructor(bad: (step: number) => number | undefined, loss: Loss = (y) => y.mul(y).mean()) {
    this.#bad = bad;
    this.#loss = loss;
  }
  *batches(from: number) {
    for (let i = from + 1; ; i++) {
      const data = Float32Array.of(1, this.#bad(i) ?? (i % 3) + 1);
      yield { inputs: { x: { data, shape: [1, 2] } }, examples: 1, tokens: 2, epoch: 1, next: i };
    }
  }
  forward({ x }: Record<string, Tensor>) {
    return { loss: this.#loss(this.model.forward(x), x) };
  }
  stepRecord = (info: StepInfo) => info;
  evaluate = async () => undefined;
}

const options = { ...fitDefaults, totalSteps: 20, evalEvery: 99, saveEvery: 99, warmupRatio: 0 };
const weightsOf = async ({ model }: Shrinking) => Array.from(await model.weight.data());

async function train(task: Shrinking, changes: object = {}, onStep?: (step: number) => void) {
  const skipped: number[] = [];
  const trainer = new Trainer(
    task,
    { ...options, ...changes },
    { onSkip: ({ step }) => skipped.push(step), onStep: ({ step }) => onStep?.(step) },
  );
  const { steps } = await trainer.train();
  return { steps, skipped };
}

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('a step that is not finite on %s', (_, device) => {
  const here = it.skipIf(!device);
  beforeEach(() => device && setDevice(device));

  here.each([Number.NaN, Number.POSITIVE_INFINITY])('(%d) is named', async (bad) => {
    const task = new Shrinking((step) => (step === 5 ? bad : undefined));
    await expect(train(task)).rejects.toThrow(
      /^the loss at step 5 is (NaN|Infinity): lower the learning rate.*`onNan: 'skip'`/,
    );
    // Neither it nor the steps that were sent after it have changed the weights.
    expect((await weightsOf(task)).every(Number.isFinite)).toBe(true);
  });

  here('names the parameter whose gradient is not finite', async () => {
    const loss: Loss = (y, x) =>
      y
        .mul(x.narrow(1, 1, 1))
        .square()
        .sqrt()
        .mean();
    const task = new Shrinking((step) => (step === 4 ? 0 : undefined), loss);
    await expect(train(task)).rejects.toThrow(
      /^the gradient of weight at step 4 is not finite: lower the learning rate/,
    );
  });

  here('names the weight that is not finite, and the step it came from', async () => {
    const task = new Shrinking(() => undefined);
    await expect(train(task, { learningRate: 1e38, maxGradNorm: 1e9 })).rejects.toThrow(
      /^the (weight weight|loss|norm of the gradients) .*step [12] is/,
    );
  });

  here('is left out and counted with `skip`', async () => {
    const bad = new Set([2, 3, 7]);
    const task = new Shrinking((step) => (bad.has(step) ? Number.NaN : undefined));
    const { steps, skipped } = await train(task, { onNan: 'skip' });
    expect(skipped).toEqual([...bad]);
    expect(steps).toHaveLength(20);
    expect(Number.isNaN(steps[1].loss)).toBe(true);
    expect((await weightsOf(task)).every(Number.isFinite)).toBe(true);
  });

  here('ends the training after ten in a row', async () => {
    const task = new Shrinking((step) => (step > 3 ? Number.NaN : undefined));
    const seen: number[] = [];
    await expect(train(task, { onNan: 'skip' }, (step) => seen.push(step))).rejects.toThrow(
      /^the loss at step 13 is NaN: 10 steps in a row were left out/,
    );
    expect(seen.at(-1)).toBe(12);
  });

  here('is traced to its operation by `detectAnomaly`, which changes nothing else', async () => {
    const plain = await train(new Shrinking(() => undefined), { totalSteps: 4 });
    const watched = await train(new Shrinking(() => undefined), {
      totalSteps: 4,
      detectAnomaly: true,
    });
    expect(watched.steps.length).toBe(plain.steps.length);
    const task = new Shrinking(
      (step) => (step === 3 ? -5 : undefined),
      (y, x) => x.add(y.mul(0)).log().mean(),
    );
    await expect(train(task, { detectAnomaly: true })).rejects.toThrow(
      /^detectAnomaly: the result of log, .*\[1, 2\].* has NaN/,
    );
  });
});

it('refuses another way to go on', () => {
  expect(() => new Trainer(new Shrinking(() => 1), { ...options, onNan: 'go' as never })).toThrow(
    '`onNan`: expected one of stop, skip, got "go"',
  );
});
