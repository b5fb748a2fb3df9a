import { afterAll, afterEach, describe, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { CbowLMHeadModel } from '../../../src/entries/bert.ts';
import { noGrad, setDevice } from '../../../src/index.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, expectNear, expectSlopes, rows, texts } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('CBOW on %s', (_, device) => {
  const here = it.skipIf(!device);

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
});
