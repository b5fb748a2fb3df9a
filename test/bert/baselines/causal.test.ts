import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { BertBackbone, BertLMHeadModel } from '../../../src/entries/bert.ts';
import { crossEntropy, noGrad, setDevice } from '../../../src/index.ts';
import { tryWebGpu } from '../../support/devices.ts';
import {
  config,
  encoderConfig,
  expectNear,
  expectSlopes,
  ints,
  rows,
  texts,
  weights,
} from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('causal models on %s', (_, device) => {
  const here = it.skipIf(!device);

  here.each([1, 2])(
    'a causal model knows nothing of what comes later, padding or not (%i)',
    async (seed) => {
      setDevice(device!);
      const model = BertLMHeadModel.fromConfig(config, seed);
      const { inputIds, attentionMask } = texts(3, 11, seed);
      const whole = await rows(
        noGrad(() => model.forward({ inputIds, attentionMask }).lastHiddenState),
      );
      for (const cut of [1, 4, 8]) {
        const other = inputIds.map((row) =>
          row.map((id, i) => (i < cut ? id : 1 + ((id + 7) % (config.vocabSize - 1)))),
        );
        const changed = await rows(
          noGrad(() => model.forward({ inputIds: other, attentionMask }).lastHiddenState),
        );
        whole.forEach((row, b) => {
          expect(changed[b].slice(0, cut)).toEqual(row.slice(0, cut));
          expect(changed[b].slice(cut)).not.toEqual(row.slice(cut));
        });
        const short = inputIds.map((row) => row.slice(0, cut));
        const alone = await rows(noGrad(() => model.forward({ inputIds: short }).lastHiddenState));
        alone.forEach((row, b) => {
          const seen = Math.min(
            cut,
            attentionMask[b].indexOf(0) < 0 ? cut : attentionMask[b].indexOf(0),
          );
          expectNear(row.slice(0, seen).flat(), whole[b].slice(0, seen).flat());
        });
      }
      // The first token sees itself alone: so does an encoder's in a text of its own.
      const encoder = BertBackbone.fromConfig(encoderConfig);
      encoder.loadWeights(await weights(model), 'model');
      const first = noGrad(
        () => encoder.forward({ inputIds: inputIds.map(([id]) => [id]) }).lastHiddenState,
      );
      expectNear(
        (await rows(first)).flat(2),
        whole.flatMap(([state]) => state),
      );
    },
  );

  here('its loss is the mean over the next tokens, and its gradients are the slopes', async () => {
    setDevice(device!);
    const model = BertLMHeadModel.fromConfig(config, 3);
    const { inputIds, attentionMask, labels } = texts(3, 9, 3);
    const { logits } = noGrad(() => model.forward({ inputIds, attentionMask }));
    const next = logits.slice([null, [0, 8]]).reshape([24, config.vocabSize]);
    const expected = await crossEntropy(
      next,
      ints([labels.flatMap((row) => row.slice(1))]).reshape([24]),
    ).item();
    for (const given of [labels, ints(labels)])
      expectNear(
        [
          await noGrad(() =>
            model.forward({ inputIds, attentionMask, labels: given }),
          ).loss!.item(),
        ],
        [expected],
      );
    await expectSlopes(
      model,
      () => model.forward({ inputIds, attentionMask, labels: ints(labels) }).loss!,
    );
  });

  here(
    'attentions of a causal model are lower triangles of sum 1, and give the same states',
    async () => {
      setDevice(device!);
      const model = BertLMHeadModel.fromConfig(config, 1);
      const { inputIds, attentionMask } = texts(2, 9, 1);
      const output = noGrad(() =>
        model.forward({ inputIds, attentionMask, outputAttentions: true }),
      );
      const plain = noGrad(() => model.forward({ inputIds, attentionMask }));
      expectNear(
        (await rows(output.lastHiddenState)).flat(2),
        (await rows(plain.lastHiddenState)).flat(2),
      );
      for (const probs of output.attentions!) {
        const values = (await rows(probs.reshape([4, 9, 9]))).flat();
        values.forEach((row, i) => {
          expect(row.slice((i % 9) + 1).every((p) => p === 0)).toBe(true);
          expectNear([row.reduce((a, b) => a + b, 0)], [1]);
        });
      }
    },
  );
});
