import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { BiLstmLMHeadModel, BiLstmModel, bertConfig } from '../../../src/entries/bert.ts';
import { noGrad, setDevice } from '../../../src/index.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, expectNear, expectSlopes, ints, rows, texts, weights } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
afterEach(() => setDevice(new CpuDevice()));

type Weights = Awaited<ReturnType<typeof weights>>;
const SIZE = config.hiddenSize;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const row = ({ shape, data }: { shape: readonly number[]; data: Float32Array }, i: number) =>
  Array.from(data.subarray(i * shape[1], (i + 1) * shape[1]));
const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** PyTorch's LSTM in plain loops: the state after each step. */
function lstm(x: number[][], layer: string, state: Weights): number[][] {
  const get = (name: string) => state.get(`${layer}.lstm.${name}_l0`)!;
  let h = new Array<number>(SIZE).fill(0);
  let c = h;
  return x.map((input) => {
    const gate = (i: number) =>
      dot(row(get('weight_ih'), i), input) +
      dot(row(get('weight_hh'), i), h) +
      get('bias_ih').data[i] +
      get('bias_hh').data[i];
    const gates = Array.from({ length: 4 * SIZE }, (_, i) => gate(i));
    c = c.map(
      (before, i) =>
        sigmoid(gates[SIZE + i]) * before + sigmoid(gates[i]) * Math.tanh(gates[2 * SIZE + i]),
    );
    h = c.map((cell, i) => sigmoid(gates[3 * SIZE + i]) * Math.tanh(cell));
    return h;
  });
}

/** The states of each layer of one direction, for a text without padding in reading order. */
function readText(ids: number[], direction: string, state: Weights): number[][][] {
  const vectors = ids.map((id) => row(state.get('bert.embeddings.word_embeddings.weight')!, id));
  const first = lstm(vectors, `bert.encoder.${direction}_layers.0`, state);
  const second = lstm(first, `bert.encoder.${direction}_layers.1`, state);
  return [vectors, first, second.map((x, t) => x.map((value, i) => value + first[t][i]))];
}

/** Places of a text's tokens, wherever its padding is. */
const placesOf = (mask: number[]) => [...mask.keys()].filter((i) => mask[i] === 1);

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('BiLSTM on %s', (_, device) => {
  const here = it.skipIf(!device);

  here('each direction reads the tokens of a text and no padding', async () => {
    setDevice(device!);
    const model = BiLstmLMHeadModel.fromConfig(config, 4);
    const state = await weights(model);
    const { inputIds, attentionMask } = texts(4, 7, 4);
    // Padding in front of a text, and inside it.
    inputIds[2] = [0, 0, 5, 6, 7, 8, 0];
    inputIds[3] = [0, 3, 4, 0, 5, 0, 0];
    for (const i of [2, 3]) attentionMask[i] = inputIds[i].map(Math.sign);
    const { hiddenStates, lastHiddenState } = noGrad(() =>
      model.bert.forward({ inputIds, attentionMask }),
    );
    expect(hiddenStates.map(({ shape }) => shape)).toEqual(Array(3).fill([4, 7, 2 * SIZE]));
    expect(lastHiddenState).toBe(hiddenStates[2]);
    const layers = await Promise.all(hiddenStates.map(rows));
    for (const [b, mask] of attentionMask.entries()) {
      const places = placesOf(mask);
      const ids = places.map((i) => inputIds[b][i]);
      const ahead = readText(ids, 'forward', state);
      const back = readText(ids.toReversed(), 'backward', state).map((x) => x.toReversed());
      for (const [layer, found] of layers.entries())
        for (const [t, place] of places.entries())
          expectNear(found[b][place], [...ahead[layer][t], ...back[layer][t]]);
    }
  });

  here.each([true, false])(
    'predicts the next and the last token, tied: %s; gradients are slopes',
    async (tieWordEmbeddings) => {
      setDevice(device!);
      const model = BiLstmLMHeadModel.fromConfig(bertConfig({ ...config, tieWordEmbeddings }), 2);
      const state = await weights(model);
      const { inputIds, attentionMask } = texts(3, 6, 5);
      inputIds[2] = [0, 0, 9, 8, 7, 6];
      attentionMask[2] = [0, 0, 1, 1, 1, 1];
      const labels = inputIds.map((ids) => ids.map((id) => id || -100));
      const table = tieWordEmbeddings
        ? 'bert.embeddings.word_embeddings.weight'
        : 'cls.predictions.decoder.weight';
      const lossOf = (direction: string, read: (ids: number[]) => number[]) => {
        const losses = attentionMask.flatMap((mask, b) => {
          const ids = read(placesOf(mask).map((i) => inputIds[b][i]));
          const top = readText(ids, direction, state)[2];
          return ids.slice(1).map((target, t) => {
            const scores = Array.from(state.get('cls.predictions.bias')!.data, (bias, id) => {
              return bias + dot(row(state.get(table)!, id), top[t]);
            });
            return Math.log(scores.reduce((sum, s) => sum + Math.exp(s), 0)) - scores[target];
          });
        });
        return losses.reduce((a, b) => a + b) / losses.length;
      };
      const expected =
        (lossOf('forward', (x) => x) + lossOf('backward', (x) => x.toReversed())) / 2;
      const given = { inputIds, attentionMask, labels };
      const output = noGrad(() => model.forward(given));
      expectNear([await output.loss!.item()], [expected]);
      const asTensors = noGrad(() => model.forward({ ...given, labels: ints(labels) }));
      expectNear([await asTensors.loss!.item()], [expected]);
      expect(output.logits.shape).toEqual([3, 6, config.vocabSize]);
      expect(output.backwardLogits.shape).toEqual([3, 6, config.vocabSize]);
      await expectSlopes(model, () => model.forward(given).loss!);
    },
  );

  here('a text of padding alone, and one of one token, have finite states', async () => {
    setDevice(device!);
    const model = BiLstmModel.fromConfig(config, 3);
    const inputIds = [
      [0, 0, 0],
      [4, 0, 0],
    ];
    const attentionMask = inputIds.map((ids) => ids.map(Math.sign));
    const { lastHiddenState } = noGrad(() => model.forward({ inputIds, attentionMask }));
    expect((await lastHiddenState.data()).every(Number.isFinite)).toBe(true);
    expect(model.stateSize).toBe(2 * SIZE);
    expect(model.numHiddenStates).toBe(3);
  });
});

it('starts like ELMo: forget gates open, other biases 0, weights within the bound', async () => {
  const state = await weights(BiLstmModel.fromConfig(config, 1));
  const bound = 1 / Math.sqrt(SIZE);
  for (const [name, { data }] of state) {
    if (name.includes('bias_ih'))
      expect([...data]).toEqual(Array.from(data, (_, i) => Number(i >= SIZE && i < 2 * SIZE)));
    else if (name.includes('bias_hh')) expect(data.every((x) => x === 0)).toBe(true);
    else if (name.includes('lstm')) {
      expect(data.every((x) => Math.abs(x) <= bound)).toBe(true);
      expect(Math.max(...data)).toBeGreaterThan(0.9 * bound);
    }
  }
  expect(state).toEqual(await weights(BiLstmModel.fromConfig(config, 1)));
  expect(state).not.toEqual(await weights(BiLstmModel.fromConfig(config, 2)));
});
