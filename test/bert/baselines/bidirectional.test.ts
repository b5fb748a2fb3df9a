import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { BertBiLMHeadModel, BertLMHeadModel } from '../../../src/entries/bert.ts';
import { noGrad, setDevice } from '../../../src/index.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, expectNear, expectSlopes, flip3, ints, rows, texts, weights } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('joined models on %s', (_, device) => {
  const here = it.skipIf(!device);

  here(
    'two directions joined: the forward one, and one that reads the text backwards',
    async () => {
      setDevice(device!);
      const model = BertBiLMHeadModel.fromConfig(config, 4);
      const { inputIds, attentionMask, labels } = texts(3, 9, 4);
      const given = { inputIds, attentionMask, labels };
      const state = await weights(model);
      const ahead = BertLMHeadModel.fromConfig(config);
      ahead.loadWeights(state, 'model');
      const back = BertLMHeadModel.fromConfig(config);
      back.loadWeights(
        new Map(
          [...state].map(([name, weight]) => [name.replace('backward_encoder', 'encoder'), weight]),
        ),
        'model',
      );
      const flip = (ids: number[][]) => ids.map((row) => row.toReversed());
      const backwards = {
        inputIds: flip(inputIds),
        attentionMask: flip(attentionMask),
        labels: flip(labels),
        positionIds: inputIds.map((row) => [...row.keys()].reverse()),
      };
      const [one, other] = noGrad(() => [ahead.forward(given), back.forward(backwards)]);
      const output = noGrad(() => model.forward(given));
      expectNear(
        [await output.loss!.item()],
        [((await one.loss!.item()) + (await other.loss!.item())) / 2],
      );
      expectNear((await rows(output.logits)).flat(2), (await rows(one.logits)).flat(2));
      expectNear(
        (await rows(output.backwardLogits)).flat(2),
        flip3(await rows(other.logits)).flat(2),
      );

      const { hiddenStates, attentions } = noGrad(() =>
        model.bert.forward({ ...given, outputAttentions: true }),
      );
      expect(hiddenStates.map(({ shape }) => shape)).toEqual(Array(3).fill([3, 9, 24]));
      const joined = await rows(hiddenStates[1]);
      expectNear(
        joined.flatMap((row) => row.flatMap((x) => x.slice(0, 12))),
        (await rows(one.hiddenStates[1])).flat(2),
      );
      expectNear(
        joined.flatMap((row) => row.flatMap((x) => x.slice(12))),
        flip3(await rows(other.hiddenStates[1])).flat(2),
      );
      expect(attentions!.map(({ shape }) => shape)).toEqual(Array(2).fill([3, 4, 9, 9]));
      expectNear(
        [await noGrad(() => model.forward({ ...given, labels: ints(labels) })).loss!.item()],
        [await output.loss!.item()],
      );
      await expectSlopes(model, () => model.forward(given).loss!);
    },
  );
});
