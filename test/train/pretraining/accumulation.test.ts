import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig } from '../../../src/bert/config.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { joinBatches } from '../../../src/train/pretraining/accumulation.ts';
import {
  type Objective,
  type PretrainBatch,
  type PretrainModel,
  pretrainModels,
} from '../../../src/train/pretraining/objective.ts';
import { pretrainModel } from '../../../src/train/pretraining/pretrain.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { documents, makerFor, options, stream, tokenizer } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
});

const config = bertConfig({
  vocabSize: tokenizer.length,
  hiddenSize: 16,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 32,
  hiddenDropoutProb: 0,
  attentionProbsDropoutProb: 0,
});
const corpus = documents(60, 3);

async function run(objective: Objective, batchSize: number, gradientAccumulationSteps: number) {
  const Model = pretrainModels[objective];
  const model = Model.fromConfig<PretrainModel>(config, 1);
  const data = {
    documents: () => stream(corpus),
    exampleBuilder: makerFor({ objective, batchSize }),
    valid: [],
  };
  const settings = { ...options, objective, batchSize, gradientAccumulationSteps, totalSteps: 4 };
  return (await pretrainModel(model, data, { ...settings, learningRate: 1e-3, warmupRatio: 0 }))
    .steps;
}

// Each number of parts has kernels of its own, which a software adapter compiles.
describe.each([
  ['cpu', new CpuDevice(), ['mlm', 'nsp', 'mlm+nsp', 'skip-gram'], [2, 4, 8]],
  ['webgpu', webgpu, ['mlm+nsp', 'skip-gram'], [4]],
] as const)('parts of a batch on %s', (_, device, objectives, numbers) => {
  it.skipIf(!device).each(objectives)(
    `%s: ${numbers.join(', ')} parts go the way of the whole`,
    async (objective) => {
      setDevice(device!);
      const whole = await run(objective, 8, 1);
      for (const parts of numbers) {
        const steps = await run(objective, 8 / parts, parts);
        steps.forEach(({ loss, gradNorm }, i) => {
          expect(Math.abs(loss / whole[i].loss - 1)).toBeLessThan(1e-6);
          expect(gradNorm / whole[i].gradNorm).toBeCloseTo(1, 4);
        });
      }
    },
  );
});

describe('shares of the parts', () => {
  const column = (...values: number[]) => ({
    data: Int32Array.from(values),
    shape: [values.length],
  });
  const part = (examples: number, predicted: number, more = {}): PretrainBatch => ({
    inputs: { labels: column(1), labelPositions: column(0), ...more },
    ...{ examples, tokens: 10, predicted },
  });
  const shareOf = ({ inputs }: PretrainBatch, name: string) => inputs[name]?.data[0];

  it('tokens and sentences have shares of their own', () => {
    const pairs = { nextSentenceLabel: column(0, 1) };
    const joined = joinBatches([part(2, 3, pairs), part(2, 1, pairs), part(1, 0, pairs)]);
    expect(joined).toMatchObject({ examples: 5, tokens: 30, predicted: 4 });
    expect([0, 1].map((i) => shareOf(joined, `${i}.lossShare`))).toEqual([0.75, 0.25]);
    expect([0, 1, 2].map((i) => shareOf(joined, `${i}.sentenceShare`)?.toFixed(2))).toEqual([
      ...['0.40', '0.40', '0.20'],
    ]);
    // Nothing is predicted there: a mean over no token is NaN.
    expect(joined.inputs['2.labels']).toBeUndefined();
  });

  it('a part without a token to predict goes', () => {
    const joined = joinBatches([part(2, 3), part(1, 0), part(2, 3)]);
    expect(Object.keys(joined.inputs).filter((name) => name.endsWith('Share'))).toEqual([
      ...['0.lossShare', '1.lossShare'],
    ]);
    expect(shareOf(joined, '1.lossShare')).toBe(0.5);
  });

  it('one part is the batch', () => {
    const only = part(2, 3);
    expect(joinBatches([only])).toBe(only);
  });
});
