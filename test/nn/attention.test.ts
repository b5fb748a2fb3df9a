import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { nn } from '../../src/index.ts';
import {
  manualSeed,
  scaledDotProductAttention,
  setDevice,
  type Tensor,
  tensor,
} from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';
import { expectClose, expectGradients, randomValues } from '../support/finiteDifferences.ts';

const devices = await allDevices();
afterAll(() => {
  setDevice(new CpuDevice());
  devices[1][1]?.destroy();
});

const [batch, heads, length, keys, size] = [2, 2, 3, 4, 3];
const embedDim = heads * size;
const query = randomValues([batch, length, embedDim], 1);
const memory = randomValues([batch, keys, embedDim], 2);
const hiddenPairs = [0, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1];
const hiddenKeys = [0, 0, 1, 0, 0, 1, 0, 0];

/** The definition in plain loops. `hides(b, h, i, j)` says which key a row does not see. */
async function plainAttention(
  layer: nn.MultiheadAttention,
  hides: (b: number, h: number, i: number, j: number) => boolean,
  bias: (i: number, j: number) => number = () => 0,
) {
  const read = async (t: Tensor) => (await t.tolist()) as number[][];
  const weight = await read(layer.inProjWeight);
  const offset = (await layer.inProjBias!.tolist()) as number[];
  const project = (part: number, row: number[]) =>
    Array.from({ length: embedDim }, (_, o) =>
      row.reduce((s, x, k) => s + x * weight[part * embedDim + o][k], offset[part * embedDim + o]),
    );
  const rowsOf = ({ data, shape: [, n] }: typeof query, b: number) =>
    Array.from({ length: n }, (_, i) => [
      ...data.slice((b * n + i) * embedDim, (b * n + i + 1) * embedDim),
    ]);
  const [out, outBias] = [await read(layer.outProj.weight), await layer.outProj.bias!.tolist()];
  const outputs: number[] = [];
  const means: number[] = [];
  for (let b = 0; b < batch; b++) {
    const q = rowsOf(query, b).map((row) => project(0, row));
    const [k, v] = [1, 2].map((part) => rowsOf(memory, b).map((row) => project(part, row)));
    for (let i = 0; i < length; i++) {
      const joined: number[] = [];
      const mean = Array<number>(keys).fill(0);
      for (let h = 0; h < heads; h++) {
        const part = (row: number[]) => row.slice(h * size, (h + 1) * size);
        const exps = k.map((row, j) => {
          const dot = part(row).reduce((s, x, d) => s + x * part(q[i])[d], 0);
          return hides(b, h, i, j) ? 0 : Math.exp(dot / Math.sqrt(size) + bias(i, j));
        });
        const total = exps.reduce((s, x) => s + x, 0) || 1;
        exps.forEach((e, j) => {
          mean[j] += e / total / heads;
        });
        for (let d = 0; d < size; d++)
          joined.push(exps.reduce((s, e, j) => s + (e / total) * part(v[j])[d], 0));
      }
      means.push(...mean);
      outputs.push(
        ...out.map((row, o) =>
          row.reduce((s, w, d) => s + w * joined[d], (outBias as number[])[o]),
        ),
      );
    }
  }
  return { outputs, means };
}

describe.each(devices)('attention on %s', (_, device) => {
  const here = it.skipIf(!device);
  beforeEach(() => {
    if (device) setDevice(device);
    manualSeed(3);
  });
  const host = ({ data, shape }: typeof query) => tensor(data, { shape });
  const bools = (values: number[], shape: number[]) =>
    tensor(Int32Array.from(values), { shape, dtype: 'bool' });

  here.each([true, false])('MultiheadAttention with both masks, batchFirst %s', async (first) => {
    const layer = new nn.MultiheadAttention(embedDim, heads, { batchFirst: first });
    expect([...layer.stateDict().keys()]).toEqual([
      ...['in_proj_weight', 'in_proj_bias', 'out_proj.weight', 'out_proj.bias'],
    ]);
    const turn = (t: Tensor) => (first ? t : t.transpose(0, 1));
    const inputs = [query, memory, memory].map((x) => turn(host(x)));
    const attnMask = bools(hiddenPairs, [length, keys]);
    const keyPaddingMask = bools(hiddenKeys, [batch, keys]);
    const forward = (options: nn.MultiheadAttentionInputs) =>
      layer.forward(inputs[0], inputs[1], inputs[2], options);
    // Row 1 sees no key.
    const expected = await plainAttention(
      layer,
      (b, _h, i, j) => hiddenPairs[i * keys + j] + hiddenKeys[b * keys + j] > 0,
    );
    for (const needWeights of [true, false]) {
      const [output, weights] = forward({ attnMask, keyPaddingMask, needWeights });
      await expectClose(turn(output), expected.outputs, query.shape);
      if (needWeights) await expectClose(weights!, expected.means, [batch, length, keys]);
      else expect(weights).toBe(null);
    }
    const causal = await plainAttention(layer, (_b, _h, i, j) => j > i);
    await expectClose(turn(forward({ isCausal: true })[0]), causal.outputs);
    const padded = await plainAttention(layer, (b, _h, _i, j) => hiddenKeys[b * keys + j] > 0);
    await expectClose(turn(forward({ keyPaddingMask, needWeights: false })[0]), padded.outputs);
    const free = await plainAttention(layer, () => false);
    await expectClose(turn(forward({ needWeights: false })[0]), free.outputs);
    const added = await plainAttention(
      layer,
      () => false,
      (i, j) => 0.1 * (i - j),
    );
    const additive = Float32Array.from({ length: length * keys }, (_, p) =>
      Math.fround(0.1 * (Math.floor(p / keys) - (p % keys))),
    );
    const slope = tensor(additive, { shape: [length, keys] });
    await expectClose(turn(forward({ attnMask: slope })[0]), added.outputs);
    const perHead = bools(
      Array.from({ length: batch * heads * length * keys }, (_, p) => Number(p % 5 === 0)),
      [batch * heads, length, keys],
    );
    const each = await plainAttention(
      layer,
      (b, h, i, j) => (((b * heads + h) * length + i) * keys + j) % 5 === 0,
    );
    const [output, weights] = forward({ attnMask: perHead, averageAttnWeights: false });
    await expectClose(turn(output), each.outputs);
    expect(weights!.shape).toEqual([batch, heads, length, keys]);
  });

  here('rows that see no key are 0, with finite gradients', async () => {
    const shape = [1, 1, 2, 4];
    const [q, k, v] = [1, 2, 3].map((seed) => host(randomValues(shape, seed)).requiresGrad_());
    const y = scaledDotProductAttention(q, k, v, { attnMask: bools([0, 0, 1, 0], [2, 2]) });
    await expectClose(y.select(2, 0), [0, 0, 0, 0]);
    await expectClose(y.select(2, 1), await v.select(2, 0).data());
    y.sum().backward();
    for (const t of [q, k, v])
      expect([...(await t.grad!.data())].every(Number.isFinite)).toBe(true);
    const infinite = tensor([[Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]]);
    const none = scaledDotProductAttention(q, k, v, { attnMask: infinite.expand([2, 2]) });
    await expectClose(none, Array(8).fill(0));
    for (const of of [4, 32]) {
      const wide = [1, 2, 3].map((seed) => host(randomValues([2, 1, 2, of], seed)).requiresGrad_());
      const attnMask = bools([0, 0, 0, 1], [2, 1, 1, 2]);
      const z = scaledDotProductAttention(wide[0], wide[1], wide[2], { attnMask });
      await expectClose(z.select(0, 0), Array(2 * of).fill(0));
      await expectClose(
        z.select(0, 1).select(1, 0),
        await wide[2].select(0, 1).select(1, 1).data(),
      );
      z.square().sum().backward();
      for (const t of wide) expect([...(await t.grad!.data())].every(Number.isFinite)).toBe(true);
    }
  });

  here('has the gradients of finite differences', async () => {
    const shape = [1, 2, 3, 4];
    const inputs = [1, 2, 3].map((seed) => randomValues(shape, seed));
    const attnMask = bools([1, 0, 1, 1, 1, 1, 0, 0, 0], [3, 3]);
    await expectGradients(device!, inputs, (q, k, v) =>
      scaledDotProductAttention(q, k, v, { attnMask }),
    );
    await expectGradients(device!, [...inputs, randomValues([2, 3, 3], 4)], (q, k, v, mask) =>
      scaledDotProductAttention(q, k, v, { attnMask: mask, isCausal: true }),
    );
  });

  here('an encoder is its layers; each is PyTorch’s formula', async () => {
    const options = {
      dimFeedforward: 5,
      dropout: 0,
      batchFirst: true,
      activation: 'gelu',
    } as const;
    for (const normFirst of [false, true]) {
      const layer = new nn.TransformerEncoderLayer(embedDim, heads, { ...options, normFirst });
      const x = host(query);
      const attend = (t: Tensor) => layer.selfAttn.forward(t, t, t)[0];
      const feed = (t: Tensor) => layer.linear2.forward(layer.linear1.forward(t, 'gelu'));
      const [n1, n2] = [layer.norm1, layer.norm2];
      const middle = normFirst ? x.add(attend(n1.forward(x))) : n1.forward(x.add(attend(x)));
      const expected = normFirst
        ? middle.add(feed(n2.forward(middle)))
        : n2.forward(middle.add(feed(middle)));
      await expectClose(layer.forward(x), await expected.data(), query.shape);
      const encoder = new nn.TransformerEncoder(layer, 2, new nn.LayerNorm(embedDim));
      const twice = encoder.norm!.forward(layer.forward(layer.forward(x)));
      await expectClose(encoder.forward(x), await twice.data());
      expect([...encoder.stateDict().keys()].slice(0, 5)).toEqual([
        'layers.0.self_attn.in_proj_weight',
        'layers.0.self_attn.in_proj_bias',
        'layers.0.self_attn.out_proj.weight',
        'layers.0.self_attn.out_proj.bias',
        'layers.0.linear1.weight',
      ]);
      expect(encoder.layers[0].linear1.weight).not.toBe(encoder.layers[1].linear1.weight);
    }
  });

  here.each<[string, (layer: nn.MultiheadAttention) => unknown, string]>([
    ['another size', (l) => l.forward(...three(host(randomValues([2, 3, 4], 1)))), '[2, 3, 4]'],
    [
      'a mask of another shape',
      (l) => l.forward(...three(host(query)), { attnMask: bools([1, 0], [2]) }),
      '`attnMask`: expected a mask of shape [2, 2] or [6, 2, 2], got [2]',
    ],
    ['heads that do not divide', () => new nn.MultiheadAttention(6, 4), 'a divisor of 6, got 4'],
    ['no layers', () => new nn.TransformerEncoder(new nn.TransformerEncoderLayer(6, 2), 0), '≥ 1'],
  ])('refuses %s', (_, call, message) => {
    expect(() => call(new nn.MultiheadAttention(embedDim, heads))).toThrow(message);
  });
});

const three = (x: Tensor): [Tensor, Tensor, Tensor] => [x, x, x];

it.each([
  ['encoder', nn.TransformerEncoderLayer, nn.TransformerEncoder],
  ['decoder', nn.TransformerDecoderLayer, nn.TransformerDecoder],
] as const)('the layers of a Transformer (%s) are copies in all', (_, Layer, Stack) => {
  setDevice(new CpuDevice());
  const given = new Layer(6, 2);
  given.linear1.requiresGrad_(false);
  given.eval();
  const { layers } = new Stack(given as never, 2);
  for (const layer of layers) {
    expect(layer.parameters().map((p) => p.requiresGrad)).toEqual(
      given.parameters().map((p) => p.requiresGrad),
    );
    expect([...layer.modules()].some(({ training }) => training)).toBe(false);
  }
  class Other extends Layer {}
  expect(() => new Stack(new Other(6, 2) as never, 2)).toThrow(
    'Other: expected a `clone` of its own',
  );
});
