import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig } from '../../../src/bert/config.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { setDevice, type Tensor } from '../../../src/tensor/index.ts';
import { readPretraining, savePretraining } from '../../../src/train/pretraining/checkpoint.ts';
import { evaluatePretraining } from '../../../src/train/pretraining/evaluate.ts';
import {
  type Objective,
  objectives,
  type PretrainModel,
  pretrainModels,
} from '../../../src/train/pretraining/objective.ts';
import {
  type PretrainCallbacks,
  type PretrainOptions,
  pretrainModel,
} from '../../../src/train/pretraining/pretrain.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { documents, makerFor, options, stream, tokenizer } from './fixtures.ts';

const webgpu = await tryWebGpu();
const dir = mkdtempSync(join(tmpdir(), 'wigbert-pretrain-'));
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
  rmSync(dir, { recursive: true });
});

const corpus = documents(150, 2);
const config = bertConfig({
  vocabSize: tokenizer.vocabSize,
  hiddenSize: 16,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 32,
  initializerRange: 0.1,
});
const setUp = async (
  device: Device,
  objective: Objective,
  changes: Partial<PretrainOptions> = {},
) => {
  setDevice(device);
  const own = { ...options, objective, ...changes };
  const maker = makerFor(own);
  const held = await maker.examples(documents(20, 3), 9);
  const data = {
    documents: () => stream(corpus),
    exampleBuilder: maker,
    valid: [maker.collate(held.slice(0, 30), 9, 0)],
  };
  const model = pretrainModels[objective].fromConfig<PretrainModel>(config, 1);
  return {
    model,
    data,
    own,
    go: (hooks?: PretrainCallbacks) => pretrainModel(model, data, own, hooks),
  };
};
const weights = async (model: PretrainModel) =>
  Promise.all(model.parameters().map((parameter) => parameter.data()));

// A software adapter compiles for each of them: there, the one that has the kernels of the others.
describe.each([
  ['cpu', new CpuDevice(), objectives],
  ['webgpu', webgpu, ['mlm+nsp']],
] as const)('pretrain on %s', (_, device, tried) => {
  it.skipIf(!device).each(tried)(
    'goes on from a saved %s with the same bits',
    async (objective) => {
      const whole = await setUp(device!, objective);
      const history = await whole.go();
      expect(history.steps.length).toBe(12);
      expect(history.evaluations.map(({ step }) => step)).toEqual([5, 10, 12]);

      const part = await setUp(device!, objective);
      const out = join(dir, `${objective}-${device!.kind}`);
      const stop = new AbortController();
      const saves: number[] = [];
      const onCheckpoint: PretrainCallbacks['onCheckpoint'] = async (state) => {
        saves.push(state.step);
        await savePretraining(out, part.model, state, { any: 'thing' }, tokenizer.files());
      };
      await part.go({
        signal: stop.signal,
        onCheckpoint,
        onStep: ({ step }) => step === 4 && stop.abort(),
      });
      const { state, settings } = await readPretraining(out);
      expect(saves).toEqual([...new Set([0, 4, state.step])]);
      expect(state.step).toBeLessThan(12);
      expect(settings).toEqual({ any: 'thing' });

      const model = await pretrainModels[objective].fromPretrained<PretrainModel>(out);
      expect(model.loadReport).toEqual({ missing: [], unexpected: [] });
      const rest = await pretrainModel(model, part.data, part.own, {}, state);
      expect(rest).toEqual(history);
      expect(await weights(model)).toEqual(await weights(whole.model));
    },
  );

  it.skipIf(!device)('refuses a loss that is no number', async () => {
    const { go } = await setUp(device!, 'mlm', { learningRate: 1e30, warmupRatio: 0 });
    await expect(go()).rejects.toThrow(/the (loss|weight|norm) .*lower the learning rate/);
  });
});

it('goes on from a checkpoint of a run that left out a step', async () => {
  const few = { onNan: 'skip', totalSteps: 3, evalEvery: 3 } as const;
  const { go, model, data, own } = await setUp(new CpuDevice(), 'mlm', few);
  const forward = model.forward.bind(model) as (inputs: never) => { loss?: Tensor };
  let calls = 0;
  Object.assign(model, {
    forward(inputs: never) {
      const output = forward(inputs);
      return ++calls === 2 ? { ...output, loss: output.loss?.mul(Number.NaN) } : output;
    },
  });
  const out = join(dir, 'skipped');
  const onCheckpoint: PretrainCallbacks['onCheckpoint'] = (state) =>
    savePretraining(out, model, state, {}, tokenizer.files());
  await go({ stopAfter: 2, onCheckpoint });
  const { state } = await readPretraining(out);
  const { steps } = await pretrainModel(model, data, own, {}, state);
  expect(steps.map(({ loss }) => Number.isNaN(loss))).toEqual([false, true, false]);
});

it('learns masked words, and which sentence follows', async () => {
  const { go, model, data } = await setUp(webgpu ?? new CpuDevice(), 'mlm+nsp', {
    totalSteps: 250,
    evalEvery: 250,
    batchSize: 16,
    learningRate: 5e-3,
  });
  const before = await evaluatePretraining(model, data.valid);
  expect(before.perplexity).toBeGreaterThan(30);
  const { evaluations } = await go();
  expect(evaluations[0].validPerplexity).toBeLessThan(0.6 * before.perplexity!);
  expect(model.training).toBe(true);
  const again = await evaluatePretraining(model, data.valid);
  expect(evaluations[0]).toMatchObject({
    validLoss: again.loss,
    validPerplexity: again.perplexity,
    validAccuracy: again.accuracy,
  });
});
