import { afterAll, describe, expect, it } from 'vitest';
import { nn } from '../../../src/index.ts';
import {
  type ConvOptions,
  conv1d,
  conv2d,
  setDevice,
  type Tensor,
  tensor,
} from '../../../src/tensor/index.ts';
import { allDevices } from '../../support/devices.ts';
import { expectClose, expectGradients, randomValues } from '../../support/finiteDifferences.ts';

const devices = await allDevices();
const [[, cpu]] = devices;
afterAll(() => {
  setDevice(cpu!);
  devices[1][1]?.destroy();
});

interface Case {
  x: number[];
  weight: number[];
  options?: ConvOptions;
  /** Zeros before and after, if `padding` does not say it. */
  pads?: [number, number];
}
const pair = (v: number | readonly number[]) => (typeof v === 'number' ? [v, v] : v);

/** The definition in plain loops. x: [n, c, h, w], weight: [o, c / groups, kh, kw]. */
function plainConv(x: Float32Array, weight: Float32Array, bias: Float32Array, of: Case) {
  const { stride = 1, dilation = 1, groups = 1, padding = 0 } = of.options ?? {};
  const [n, c, h, w] = of.x;
  const [o, cg, kh, kw] = of.weight;
  const [[sy, sx], [dy, dx]] = [pair(stride), pair(dilation)];
  const [py, px] = typeof padding === 'string' ? of.pads! : pair(padding);
  const total = (p: number, reach: number) =>
    padding === 'same' ? reach : padding === 'valid' ? 0 : 2 * p;
  const oh = Math.floor((h + total(py, dy * (kh - 1)) - dy * (kh - 1) - 1) / sy) + 1;
  const ow = Math.floor((w + total(px, dx * (kw - 1)) - dx * (kw - 1) - 1) / sx) + 1;
  const y: number[] = [];
  for (let b = 0; b < n; b++)
    for (let k = 0; k < o; k++)
      for (let i = 0; i < oh; i++)
        for (let j = 0; j < ow; j++) {
          let sum = bias[k];
          const first = Math.floor(k / (o / groups)) * cg;
          for (let ch = 0; ch < cg; ch++)
            for (let u = 0; u < kh; u++)
              for (let v = 0; v < kw; v++) {
                const [iy, ix] = [i * sy + u * dy - py, j * sx + v * dx - px];
                if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
                sum +=
                  x[((b * c + first + ch) * h + iy) * w + ix] *
                  weight[((k * cg + ch) * kh + u) * kw + v];
              }
          y.push(sum);
        }
  return { y, shape: [n, o, oh, ow] };
}

const cases: Record<string, Case> = {
  plain: { x: [2, 3, 5, 6], weight: [4, 3, 3, 2] },
  'stride, padding, dilation': {
    x: [2, 3, 7, 8],
    weight: [2, 3, 3, 2],
    options: { stride: [2, 3], padding: [2, 1], dilation: [1, 2] },
  },
  groups: { x: [2, 4, 4, 5], weight: [6, 2, 2, 2], options: { groups: 2, padding: 1 } },
  'a kernel for each channel': { x: [1, 3, 4, 4], weight: [3, 1, 3, 3], options: { groups: 3 } },
  'the same size': {
    x: [2, 2, 5, 5],
    weight: [3, 2, 4, 3],
    options: { padding: 'same', dilation: [1, 2] },
    pads: [1, 2],
  },
  'no padding by name': {
    x: [1, 2, 3, 3],
    weight: [2, 2, 1, 1],
    options: { padding: 'valid' },
    pads: [0, 0],
  },
};

describe.each(devices)('convolution on %s', (_, device) => {
  const here = it.skipIf(!device);
  const host = (data: ArrayLike<number>, shape: number[]) =>
    tensor(Float32Array.from(data), { shape, device });

  here.each(Object.entries(cases))('conv2d equals its definition: %s', async (_, of) => {
    const [x, weight, bias] = [of.x, of.weight, [of.weight[0]]].map((shape, i) =>
      randomValues(shape, i + 1),
    );
    const expected = plainConv(x.data, weight.data, bias.data, of);
    const [a, b, c] = [x, weight, bias].map(({ data, shape }) => host(data, shape));
    await expectClose(conv2d(a, b, c, of.options), expected.y, expected.shape);
    const unbiased = conv2d(a, b, null, of.options).add(c.reshape([-1, 1, 1]));
    await expectClose(unbiased, expected.y, expected.shape);
    const channelsLast = host((await a.permute([0, 2, 3, 1]).data()) as Float32Array, [
      of.x[0],
      of.x[2],
      of.x[3],
      of.x[1],
    ]).permute([0, 3, 1, 2]);
    await expectClose(conv2d(channelsLast, b, c, of.options), expected.y, expected.shape);
    await expectGradients(device!, [x, weight, bias], (...t) =>
      conv2d(t[0], t[1], t[2], of.options),
    );
  });

  here('conv1d is conv2d with a height of 1', async () => {
    const [x, weight, bias] = [[2, 4, 9], [6, 2, 3], [6]].map((shape, i) =>
      randomValues(shape, i + 1),
    );
    const options = { stride: 2, padding: 3, dilation: 2, groups: 2 };
    const of = { stride: [1, 2], padding: [0, 3], dilation: [1, 2], groups: 2 } as const;
    const plain = plainConv(x.data, weight.data, bias.data, {
      x: [2, 4, 1, 9],
      weight: [6, 2, 1, 3],
      options: of,
    });
    const shape = [2, 6, plain.shape[3]];
    const [a, b, c] = [x, weight, bias].map(({ data, shape }) => host(data, shape));
    await expectClose(conv1d(a, b, c, options), plain.y, shape);
    await expectClose(conv1d(a.select(0, 1), b, c, options), plain.y.slice(plain.y.length / 2));
    await expectGradients(device!, [x, weight, bias], (p, q, r) => conv1d(p, q, r, options));
    await expectGradients(device!, [randomValues([2, 9, 4], 4)], (words) =>
      conv1d(words.transpose(1, 2), b, c, options).tanh(),
    );
  });

  here('of no images is nothing', async () => {
    const y = conv2d(host([], [0, 2, 4, 4]), host(Array(8).fill(1), [1, 2, 2, 2]));
    expect(y.shape).toEqual([0, 1, 3, 3]);
    expect(await y.data()).toEqual(new Float32Array(0));
  });

  here.each<[string, (x: Tensor, weight: Tensor) => Tensor, string]>([
    ['an input of another rank', (x, w) => conv2d(x.select(0, 0).select(0, 0), w), '4 dimensions'],
    ['a weight of another rank', (x, w) => conv1d(x, w), 'a weight of 3 dimensions'],
    ['other channels', (x, w) => conv2d(x, w.slice([null, [0, 1]])), 'for the 2 channels'],
    ['groups that do not divide', (x, w) => conv2d(x, w, null, { groups: 2 }), '2 / groups'],
    ['a bias of another size', (x, w) => conv2d(x, w, x.reshape([-1])), 'a bias of shape [3]'],
    ['a kernel too large', (x, w) => conv2d(x, w, null, { dilation: 4 }), 'a size of 5 for 4'],
    ['a stride of 0', (x, w) => conv2d(x, w, null, { stride: 0 }), '`stride`: expected a whole'],
    ['a padding below 0', (x, w) => conv2d(x, w, null, { padding: [0, -1] }), '`padding`'],
    ['half a dilation', (x, w) => conv2d(x, w, null, { dilation: 0.5 }), 'got 0.5'],
    [
      'a stride with the same size',
      (x, w) => conv2d(x, w, null, { stride: 2, padding: 'same' }),
      "a `stride` of 1 for 'same'",
    ],
    ['whole numbers', (x, w) => conv2d(x.toInt(), w), 'expected float32, got int32'],
  ])('refuses %s', (_, call, message) => {
    const [x, weight] = [randomValues([1, 2, 4, 4], 1), randomValues([3, 2, 2, 2], 2)];
    expect(() => call(host(x.data, x.shape), host(weight.data, weight.shape))).toThrow(message);
  });

  here('layers hold weights of PyTorch’s shapes, within ±1/√fanIn', async () => {
    setDevice(device!);
    const layer = new nn.Conv2d(4, 6, [3, 2], { groups: 2, padding: 1 });
    expect(layer.namedParameters().map(([name, { shape }]) => [name, [...shape]])).toEqual([
      ['weight', [6, 2, 3, 2]],
      ['bias', [6]],
    ]);
    const values = [...(await layer.weight.data()), ...(await layer.bias!.data())];
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(12));
    expect(Math.max(...values)).toBeGreaterThan(0.5 / Math.sqrt(12));
    const x = host(randomValues([1, 4, 5, 5], 1).data, [1, 4, 5, 5]);
    const expected = conv2d(x, layer.weight, layer.bias, { groups: 2, padding: 1 });
    expect(await layer.forward(x).data()).toEqual(await expected.data());
    const words = new nn.Conv1d(4, 3, 2, { bias: false });
    expect(words.bias).toBe(null);
    expect(words.forward(x.select(2, 0)).shape).toEqual([1, 3, 4]);
    expect(() => new nn.Conv1d(4, 3, 2, { groups: 2 })).toThrow('expected a divisor of 4 and 3');
  });
});
