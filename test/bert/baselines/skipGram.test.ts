import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { SkipGramLMHeadModel } from '../../../src/entries/bert.ts';
import { noGrad, setDevice } from '../../../src/index.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, expectNear, expectSlopes, ints, rows, texts } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('skip-gram on %s', (_, device) => {
  const here = it.skipIf(!device);

  here.each([1, 4])('each token predicts %i tokens to either side', async (window) => {
    setDevice(device!);
    const model = SkipGramLMHeadModel.fromConfig(config, window);
    const { inputIds, attentionMask, labels } = texts(3, 8, window);
    // A text of one token has no pair; a label of -100 is no target.
    for (const [of, value] of [
      [inputIds, 0],
      [attentionMask, 0],
      [labels, -100],
    ] as const)
      of[2].fill(value, 1);
    labels[0][1] = -100;
    const [vectors, predictors] = await Promise.all(
      [model.bert.embeddings.wordEmbeddings, model.cls.predictions.decoder].map(
        async ({ weight }) => (await rows(weight.unsqueeze(0)))[0],
      ),
    );
    const losses: number[] = [];
    for (const [b, ids] of inputIds.entries())
      for (const [i, id] of ids.entries())
        for (const [j, target] of labels[b].entries()) {
          const near = i !== j && Math.abs(i - j) <= window;
          if (!near || target < 0 || attentionMask[b][i] === 0) continue;
          const scores = predictors.map((row) =>
            row.reduce((sum, x, d) => sum + x * vectors[id][d], 0),
          );
          const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
          losses.push(Math.log(total) - scores[target]);
        }
    const expected = losses.reduce((a, b) => a + b) / losses.length;
    const loss = () => model.forward({ inputIds, attentionMask, labels, window }).loss!;
    expectNear([await noGrad(loss).item()], [expected]);
    const given = { inputIds, attentionMask, labels: ints(labels), window };
    expectNear([await noGrad(() => model.forward(given)).loss!.item()], [expected]);
    await expectSlopes(model, loss);
  });

  here('without any pair the loss is NaN, without labels there is none', async () => {
    setDevice(device!);
    const model = SkipGramLMHeadModel.fromConfig(config);
    expect(await model.forward({ inputIds: [[3]], labels: [[3]] }).loss!.item()).toBeNaN();
    expect(model.forward({ inputIds: [[3]] }).loss).toBeUndefined();
  });
});

it('says what does not fit', () => {
  const model = SkipGramLMHeadModel.fromConfig(config);
  const inputIds = [[1, 2, 3]];
  expect(() => model.forward({ inputIds, window: 0.5 })).toThrow(
    'SkipGramLMHeadModel: window: expected an integer of at least 1, got 0.5',
  );
  expect(() => model.forward({ inputIds, labels: [[1, 2]] })).toThrow(
    'labels: expected the shape [1, 3], got [1, 2]',
  );
});
