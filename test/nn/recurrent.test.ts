import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { capture, nn, SGD } from '../../src/index.ts';
import { manualSeed, setDevice, type Tensor, tensor } from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';
import { expectClose, expectGradients, randomValues } from '../support/finiteDifferences.ts';

const devices = await allDevices();
afterAll(() => {
  setDevice(new CpuDevice());
  devices[1][1]?.destroy();
});

type Kind = 'LSTM' | 'GRU' | 'RNN';
interface Weights {
  ih: number[][];
  hh: number[][];
  bIh: number[];
  bHh: number[];
}
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const times = (m: number[][], v: number[], bias: number[]) =>
  m.map((row, i) => row.reduce((sum, w, k) => sum + w * v[k], bias[i]));

/** A step by PyTorch's formulas. */
function plainStep(
  kind: Kind,
  { ih, hh, bIh, bHh }: Weights,
  x: number[],
  h: number[],
  c: number[],
) {
  const n = h.length;
  const [a, b] = [times(ih, x, bIh), times(hh, h, bHh)];
  const gate = (k: number, j: number) => a[k * n + j] + b[k * n + j];
  if (kind === 'RNN') return { h: h.map((_, j) => Math.tanh(gate(0, j))), c };
  if (kind === 'GRU') {
    return {
      h: h.map((value, j) => {
        const [r, z] = [sigmoid(gate(0, j)), sigmoid(gate(1, j))];
        const candidate = Math.tanh(a[2 * n + j] + r * b[2 * n + j]);
        return (1 - z) * candidate + z * value;
      }),
      c,
    };
  }
  const cell = c.map(
    (value, j) => sigmoid(gate(1, j)) * value + sigmoid(gate(0, j)) * Math.tanh(gate(2, j)),
  );
  return { h: cell.map((value, j) => sigmoid(gate(3, j)) * Math.tanh(value)), c: cell };
}

async function weightsOf(layer: nn.Module, suffix: string): Promise<Weights> {
  const state = layer.stateDict();
  const read = async (name: string) => state.get(`${name}${suffix}`)!.tolist();
  return {
    ih: (await read('weight_ih')) as number[][],
    hh: (await read('weight_hh')) as number[][],
    bIh: (await read('bias_ih')) as number[],
    bHh: (await read('bias_hh')) as number[],
  };
}

const [steps, batch, inputs, hidden] = [4, 3, 2, 5];
const lengths = [4, 1, 3];
const input = randomValues([steps, batch, inputs], 1);
const at = (t: number, b: number) =>
  [...input.data].slice((t * batch + b) * inputs, (t * batch + b + 1) * inputs);

/** Two layers in both directions over each sequence alone, without padding. */
async function plainNetwork(kind: Kind, layer: nn.Module) {
  const outputs: number[][][] = [];
  const finals: { h: number[]; c: number[] }[][] = [];
  for (let b = 0; b < batch; b++) {
    let sequence = Array.from({ length: lengths[b] }, (_, t) => at(t, b));
    finals.push([]);
    for (let l = 0; l < 2; l++) {
      const joined: number[][] = sequence.map(() => []);
      for (const suffix of ['', '_reverse']) {
        const weights = await weightsOf(layer, `_l${l}${suffix}`);
        let state = { h: Array(hidden).fill(0), c: Array(hidden).fill(0) };
        const order = [...sequence.keys()];
        for (const t of suffix ? order.reverse() : order) {
          state = plainStep(kind, weights, sequence[t], state.h, state.c);
          joined[t].push(...state.h);
        }
        finals[b].push(state);
      }
      sequence = joined;
    }
    outputs.push(sequence);
  }
  return { outputs, finals };
}

const kinds: Kind[] = ['LSTM', 'GRU', 'RNN'];
const statesOf = (result: ReturnType<nn.LSTM['forward']> | ReturnType<nn.GRU['forward']>) =>
  Array.isArray(result[1]) ? result[1] : [result[1]];

describe.each(devices)('recurrent networks on %s', (_, device) => {
  const here = it.skipIf(!device);
  beforeEach(() => {
    if (device) setDevice(device);
    manualSeed(4);
  });
  const x = () => tensor(input.data, { shape: input.shape });

  here.each(kinds)('%s of two layers, both directions and lengths', async (kind) => {
    const options = { numLayers: 2, bidirectional: true };
    const layer = new nn[kind](inputs, hidden, options);
    const { outputs, finals } = await plainNetwork(kind, layer);
    const result = layer.forward(x(), undefined, lengths);
    const padded = Array.from({ length: steps * batch }, (_, i) => {
      const [t, b] = [Math.floor(i / batch), i % batch];
      return outputs[b][t] ?? Array(2 * hidden).fill(0);
    });
    await expectClose(result[0], padded.flat(), [steps, batch, 2 * hidden]);
    for (const [s, state] of statesOf(result).entries()) {
      const expected = [0, 1, 2, 3].flatMap((d) =>
        finals.flatMap((of) => (s === 0 ? of[d].h : of[d].c)),
      );
      await expectClose(state, expected, [4, batch, hidden]);
    }
    // With the batch first, and lengths on the device.
    const turned = new nn[kind](inputs, hidden, { ...options, batchFirst: true });
    turned.loadStateDict(layer.stateDict());
    const ends = tensor(Int32Array.from(lengths));
    const [output] = turned.forward(x().transpose(0, 1), undefined, ends);
    await expectClose(output.transpose(0, 1), padded.flat(), [steps, batch, 2 * hidden]);
  });

  here.each(kinds)('%s goes on from a state, as its cell does', async (kind) => {
    const layer = new nn[kind](inputs, hidden);
    const cell = new nn[`${kind}Cell`](inputs, hidden);
    const weights = [...layer.stateDict()].map(
      ([name, t]) => [name.replace('_l0', ''), t] as const,
    );
    cell.loadStateDict(new Map(weights));
    const [whole] = layer.forward(x());
    const [first, state] = layer.forward(x().slice([[0, 2]]));
    const [rest] = layer.forward(x().slice([[2, 4]]), state as never);
    const values = [...(await first.data()), ...(await rest.data())];
    await expectClose(whole, values);
    let states: unknown;
    for (let t = 0; t < steps; t++) {
      states = cell.forward(x().select(0, t), states as never);
      const h = (Array.isArray(states) ? states[0] : states) as Tensor;
      await expectClose(h, await whole.select(0, t).data());
    }
    const alone = cell.forward(x().select(0, 0).select(0, 1)) as Tensor | Tensor[];
    await expectClose(
      Array.isArray(alone) ? alone[0] : alone,
      await whole.select(0, 0).select(0, 1).data(),
      [hidden],
    );
    const [one] = layer.forward(x().select(1, 2));
    await expectClose(one, await whole.select(1, 2).data(), [steps, hidden]);
  });

  here.each(kinds)('%s has the gradients of finite differences', async (kind) => {
    const layer = new nn[kind](inputs, hidden, { bidirectional: true });
    const start = [2, batch, hidden];
    const names = [...layer.stateDict().keys()];
    const given = [...layer.stateDict().values()].map(({ shape }, i) =>
      randomValues([...shape], i + 5, 0.5),
    );
    const values = [input, randomValues(start, 2, 0.5), randomValues(start, 3, 0.5)];
    const states = kind === 'LSTM' ? 2 : 1;
    const all = [...values.slice(0, 1 + states), ...given];
    await expectGradients(device!, all, (t, ...rest) => {
      const fields = rest.slice(states);
      const names_ = Object.keys(layer).filter((key) => /^(weight|bias)/.test(key));
      for (const [i, key] of names_.entries()) Object.assign(layer, { [key]: fields[i] });
      const first = (kind === 'LSTM' ? rest.slice(0, 2) : rest[0]) as never;
      const result = layer.forward(t, first, lengths);
      const finals = statesOf(result).map((state) => state.mul(2).sum());
      return finals.reduce((sum, f) => sum.add(f), result[0].mul(result[0]).sum());
    });
    expect(names).toHaveLength(8);
  });

  here('RNN with relu, without biases', async () => {
    const layer = new nn.RNN(inputs, hidden, { nonlinearity: 'relu', bias: false });
    expect([...layer.stateDict().keys()]).toEqual(['weight_ih_l0', 'weight_hh_l0']);
    const [output] = layer.forward(x());
    expect(Math.min(...(await output.data()))).toBe(0);
    const first = x().select(0, 0).matmul(layer.weightIhL0.transpose(0, 1)).relu();
    await expectClose(output.select(0, 0), await first.data());
    await expectGradients(device!, [randomValues([3, 2, inputs], 3)], (t) => layer.forward(t)[1]);
  });

  here('dropout lies between layers while training', async () => {
    const layer = new nn.GRU(inputs, hidden, { numLayers: 2, dropout: 1 });
    const [silent] = layer.forward(x());
    expect(await silent.data()).toEqual(await layer.forward(x().mul(3))[0].data());
    const [heard] = layer.eval().forward(x());
    expect(await heard.data()).not.toEqual(await silent.data());
  });

  here('a captured step learns as an eager one, with other lengths each time', async () => {
    const run = async (captured: boolean) => {
      manualSeed(7);
      const layer = new nn.LSTM(inputs, hidden);
      const optimizer = new SGD(layer.parameters(), { lr: 0.5 });
      const train = ({ x, ends }: { x: Tensor; ends: Tensor }) => {
        const loss = layer.forward(x, undefined, ends)[0].square().sum();
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      };
      const step = capture(device!, train);
      const losses: number[] = [];
      for (const data of [lengths, [2, 2, 4], [1, 4, 4]]) {
        const ends = { data: Int32Array.from(data), shape: [batch] };
        if (captured) losses.push((await step.run({ x: input, ends }))[0]);
        else losses.push(await train({ x: x(), ends: tensor(ends.data) }).item());
      }
      step.dispose();
      return losses;
    };
    const losses = await run(true);
    expect(losses).toEqual(await run(false));
    expect(losses[1]).not.toBe(losses[0]);
  });

  here.each<[string, (layer: nn.LSTM) => unknown, string]>([
    ['an input of another size', (l) => l.forward(x().transpose(0, 2)), 'expected an input [steps'],
    ['no steps', (l) => l.forward(x().slice([[0, 0]])), 'with one step or more'],
    [
      'states of another shape',
      (l) => l.forward(x(), [x(), x()]),
      'expected initial states of shape [1, 3, 5], got [4, 3, 2]',
    ],
    ['a length of 0', (l) => l.forward(x(), undefined, [1, 0, 2]), 'from 1 to 4'],
    ['a length too many', (l) => l.forward(x(), undefined, [1, 1, 1, 1]), 'each of 3 sequences'],
    ['float lengths', (l) => l.forward(x(), undefined, x().select(2, 0).select(0, 0)), 'float32'],
  ])('refuses %s', (_, call, message) => {
    expect(() => call(new nn.LSTM(inputs, hidden))).toThrow(message);
  });

  here('refuses another nonlinearity', () => {
    const options = { nonlinearity: 'ReLU' as 'relu' };
    for (const Class of [nn.RNN, nn.RNNCell])
      expect(() => new Class(inputs, hidden, options)).toThrow(
        `${Class.name}: \`nonlinearity\`: expected tanh or relu, got "ReLU"`,
      );
  });

  here('of no sequences is nothing', () => {
    const [output, [h]] = new nn.LSTM(inputs, hidden).forward(x().slice([null, [0, 0]]));
    expect([output.shape, h.shape]).toEqual([
      [steps, 0, hidden],
      [1, 0, hidden],
    ]);
  });
});
