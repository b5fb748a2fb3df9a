import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { Linear } from '../../../src/nn/index.ts';
import { setDevice, type Tensor } from '../../../src/tensor/index.ts';
import { fitDefaults } from '../../../src/train/defaults.ts';
import {
  type SavedState,
  Trainer,
  type TrainerCallbacks,
  type TrainerOptions,
} from '../../../src/train/trainer/trainer.ts';
import type { StepInfo, TrainingTask } from '../../../src/train/trainer/trainingTask.ts';

beforeEach(() => setDevice(new CpuDevice()));
afterAll(() => setDevice(new CpuDevice()));

interface Position {
  batch: number;
}
interface Evaluated {
  step: number;
  steps: number[];
}
type Callbacks = TrainerCallbacks<Position, StepInfo, Evaluated>;
type State = SavedState<Position, StepInfo, Evaluated>;

/** Pulls the outputs of a linear layer towards 0. */
class Shrinking implements TrainingTask<Position, StepInfo, Evaluated> {
  readonly start = { batch: 0 };
  readonly model = new Linear(2, 1);
  /** Called in each evaluation. */
  onEvaluate: (step: number) => void = () => {};

  *batches({ batch }: Position) {
    for (let i = batch; ; i++)
      yield {
        inputs: { x: { data: Float32Array.of(1, i % 3), shape: [1, 2] } },
        examples: 1,
        tokens: 2,
        epoch: 1,
        next: { batch: i + 1 },
      };
  }

  forward({ x }: Record<string, Tensor>) {
    const y = this.model.forward(x);
    return { loss: y.mul(y).mean() };
  }

  stepRecord(info: StepInfo): StepInfo {
    return info;
  }

  async evaluate(_: unknown, steps: readonly StepInfo[], signal?: AbortSignal) {
    const { step } = steps.at(-1)!;
    this.onEvaluate(step);
    signal?.throwIfAborted();
    return { step, steps: steps.map((of) => of.step) };
  }
}

const options: TrainerOptions = { ...fitDefaults, totalSteps: 7, evalEvery: 3, saveEvery: 2 };

/** The state as a checkpoint keeps it. */
const kept = async (state: Parameters<NonNullable<Callbacks['onCheckpoint']>>[0]) => ({
  ...state,
  log: structuredClone(state.log),
  optimizer: {
    ...state.optimizer,
    state: await Promise.all(
      state.optimizer.state.map(async ({ step, buffers }) => {
        const read = Object.entries(buffers).map(async ([name, moments]) => [
          name,
          { data: Float32Array.from(await moments.data()) },
        ]);
        return { step, buffers: Object.fromEntries(await Promise.all(read)) };
      }),
    ),
  },
});

describe.each(['totalSteps', 'evalEvery', 'saveEvery'] as const)('%s', (field) => {
  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('cannot be %d', (value) => {
    expect(() => new Trainer(new Shrinking(), { ...options, [field]: value })).toThrow(
      expect.objectContaining({
        name: 'UsageError',
        message: `\`${field}\`: expected an integer of at least 1, got ${value}`,
      }),
    );
  });
});

it('evaluates every `evalEvery` steps and after the last, on the steps since then', async () => {
  const evaluated: Evaluated[] = [];
  const trainer = new Trainer(new Shrinking(), options, {
    onEvaluation: (record) => void evaluated.push(record),
  });
  const { steps, evaluations } = await trainer.train();
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(evaluations).toEqual([
    { step: 3, steps: [1, 2, 3] },
    { step: 6, steps: [4, 5, 6] },
    { step: 7, steps: [7] },
  ]);
  expect(evaluated).toEqual(evaluations);
});

it('does not evaluate the last step twice', async () => {
  const trainer = new Trainer(new Shrinking(), { ...options, totalSteps: 6 });
  const { evaluations } = await trainer.train();
  expect(evaluations.map(({ step }) => step)).toEqual([3, 6]);
});

it('saves at the start, every `saveEvery` steps and at the end', async () => {
  const saved: number[] = [];
  const onCheckpoint: Callbacks['onCheckpoint'] = async ({ step }) => void saved.push(step);
  await new Trainer(new Shrinking(), options, { onCheckpoint }).train();
  expect(saved).toEqual([0, 2, 4, 6, 7]);
});

/** Trains `task`, stops in the evaluation at step `at`, and gives the state of the last save. */
async function stoppedInEvaluation(task: Shrinking, at: number): Promise<State> {
  const controller = new AbortController();
  task.onEvaluate = (step) => {
    if (step === at) controller.abort();
  };
  let state: State | undefined;
  const trainer = new Trainer(task, options, {
    signal: controller.signal,
    onCheckpoint: async (current) => {
      state = await kept(current);
    },
  });
  await trainer.train();
  task.onEvaluate = () => {};
  return state!;
}

it.each([3, 6, 7])('makes up for an evaluation that was stopped at step %d', async (at) => {
  const expected = await new Trainer(new Shrinking(), options).train();
  const task = new Shrinking();
  const state = await stoppedInEvaluation(task, at);
  expect(state.step).toBe(at);
  const before = expected.evaluations.filter(({ step }) => step < at);
  expect(state.log.evaluations.map(({ step }) => step)).toEqual(before.map(({ step }) => step));
  const saved: number[] = [];
  const onCheckpoint: Callbacks['onCheckpoint'] = async ({ log }) =>
    void saved.push(log.evaluations.length);
  const resumed = new Trainer(task, options, { onCheckpoint }, state);
  const { steps, evaluations } = await resumed.train();
  expect(saved.at(-1)).toBe(expected.evaluations.length);
  expect(evaluations).toEqual(expected.evaluations);
  expect(steps.map(({ step }) => step)).toEqual(expected.steps.map(({ step }) => step));
});

it('an evaluation that fails is an error, not a stop', async () => {
  const task = new Shrinking();
  task.onEvaluate = () => {
    throw new Error('no metric');
  };
  await expect(new Trainer(task, options).train()).rejects.toThrow('no metric');
});

it('a result that cannot be kept is an error, even if a stop comes at the same time', async () => {
  const controller = new AbortController();
  const onEvaluation = () => {
    controller.abort();
    throw new Error('the disk is full');
  };
  const trainer = new Trainer(new Shrinking(), options, {
    signal: controller.signal,
    onEvaluation,
  });
  await expect(trainer.train()).rejects.toThrow('the disk is full');
});
