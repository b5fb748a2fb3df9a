import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig, labelFields } from '../../../src/bert/config.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import type { EncodedExample } from '../../../src/train/data/batch.ts';
import { tasks } from '../../../src/train/tasks/index.ts';
import type { Label, TaskName } from '../../../src/train/tasks/task.ts';
import { createTaskModel } from '../../../src/train/tasks/taskModel.ts';
import { type FitOptions, type FitState, fit } from '../../../src/train/trainer/fit.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, examples, options } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
});

const withoutDropout = { ...config, hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };

/** A part of a batch of pairs compares only its own: the sums differ. */
const labelOf: Record<Exclude<TaskName, 'similarity'>, (ids: number[]) => Label> = {
  classification: (ids) => Number(ids.includes(7)),
  'multi-label': (ids) => [7, 12].map((id) => Number(ids.includes(id))),
  regression: (ids) => ids.length / 10,
  // The number of tags differs a lot; some texts have none.
  'token-classification': (ids) =>
    ids.map((id) => (id % 3 || ids.length % 4 === 0 ? -100 : id % 2)),
  'question-answering': (ids) => [ids.length % 3, ids.length - 1],
  'multiple-choice': (ids) => Number(ids.includes(7)),
};
const kinds = Object.keys(labelOf) as (keyof typeof labelOf)[];

/** 29 texts: with 16 a step, the second has 13. */
const data = (kind: keyof typeof labelOf): EncodedExample[] =>
  examples(29, 5).map((example, i) => ({
    ...example,
    // Every fourth text has a choice less.
    ...(kind === 'multiple-choice' && {
      choiceLengths: i % 4 ? [1, 2, example.inputIds.length - 3] : [2, example.inputIds.length - 2],
    }),
    label: labelOf[kind](example.inputIds),
  }));

async function run(
  kind: keyof typeof labelOf,
  changes: Partial<FitOptions>,
  device: Device = new CpuDevice(),
) {
  setDevice(device);
  const labels = kind === 'regression' ? ['LABEL_0'] : ['no', 'yes'];
  const model = createTaskModel(
    tasks[kind],
    bertConfig({ ...withoutDropout, ...labelFields(labels) }),
    1,
  );
  const settings = { ...options, epochs: 2, learningRate: 1e-3, warmupRatio: 0, ...changes };
  const { steps } = await fit(model, data(kind), [], settings);
  return steps;
}

const all: [keyof typeof labelOf, Partial<FitOptions>][] = [
  ...kinds.map((kind): [typeof kind, object] => [kind, {}]),
  ['classification', { classWeights: [1, 2.5], labelSmoothing: 0.1 }],
  ['token-classification', { classWeights: 'balanced' }],
  ['classification', { groupByLength: true }],
];
// Each number of parts has kernels of its own, which a software adapter compiles.
const few = all.slice(0, kinds.length);
describe.each([
  ['cpu', new CpuDevice(), all, [2, 4, 8]],
  ['webgpu', webgpu, few, [4]],
] as const)('parts of a batch on %s', (_, device, cases, numbers) => {
  const title = `%s (%o): ${numbers.join(', ')} parts go the way of the whole`;
  it.skipIf(!device).each(cases)(title, async (kind, changes) => {
    const whole = await run(kind, { ...changes, batchSize: 16 }, device!);
    expect(whole.length).toBe(4);
    for (const gradientAccumulationSteps of numbers) {
      const batchSize = 16 / gradientAccumulationSteps;
      const parts = await run(kind, { ...changes, batchSize, gradientAccumulationSteps }, device!);
      expect(parts.length).toBe(whole.length);
      parts.forEach((step, i) => {
        expect(Math.abs(step.loss / whole[i].loss - 1)).toBeLessThan(1e-6);
        expect(step.gradNorm / whole[i].gradNorm).toBeCloseTo(1, 4);
        expect(step.accuracy ?? 0).toBeCloseTo(whole[i].accuracy ?? 0, 6);
        expect(step.microF1 ?? 0).toBeCloseTo(whole[i].microF1 ?? 0, 6);
      });
    }
  });
});

it('one part is the whole, bit for bit', async () => {
  const changes = { batchSize: 16 };
  expect(await run('classification', { ...changes, gradientAccumulationSteps: 1 })).toEqual(
    await run('classification', changes),
  );
});

it('a run stopped in the middle of an epoch goes on with the same bits', async () => {
  const changes: Partial<FitOptions> = { batchSize: 4, gradientAccumulationSteps: 2, saveEvery: 3 };
  const model = () => {
    setDevice(new CpuDevice());
    return createTaskModel(tasks.classification, config, 1);
  };
  const settings = { ...options, ...changes };
  const whole = await fit(model(), data('classification'), [], settings);
  const first = model();
  const saved: { state: FitState<{ data: Float32Array }>; weights: [string, Float32Array][] }[] =
    [];
  await fit(first, data('classification'), [], {
    ...settings,
    onCheckpoint: async ({ optimizer, ...state }) => {
      const read = async (tensor: { data(): Promise<unknown> }) => ({
        data: Float32Array.from((await tensor.data()) as Float32Array),
      });
      const moments = optimizer.state.map(async ({ step, buffers }) => {
        const names = Object.keys(buffers);
        const values = await Promise.all(names.map((name) => read(buffers[name])));
        return { step, buffers: Object.fromEntries(names.map((name, i) => [name, values[i]])) };
      });
      const weights = [...first.stateDict()].map(
        async ([name, tensor]) => [name, (await read(tensor)).data] as [string, Float32Array],
      );
      saved.push({
        state: structuredClone({
          ...state,
          optimizer: { ...optimizer, state: await Promise.all(moments) },
        }),
        weights: await Promise.all(weights),
      });
    },
  });
  const { state, weights } = saved[1];
  expect(state).toMatchObject({ step: 3, position: { epoch: 1, batch: 3 } });
  const again = model();
  const shapes = again.stateDict();
  again.loadWeights(
    new Map(
      weights.map(([name, values]) => [name, { data: values, shape: shapes.get(name)!.shape }]),
    ) as never,
    'saved',
  );
  const rest = await fit(again, data('classification'), [], settings, state);
  expect(rest.steps).toEqual(whole.steps);
});

it.each([0, -1, 1.5])('refuses %d parts', async (gradientAccumulationSteps) => {
  await expect(run('classification', { gradientAccumulationSteps })).rejects.toThrow(
    '`gradientAccumulationSteps`: expected an integer of at least 1, ' +
      `got ${gradientAccumulationSteps}`,
  );
});
