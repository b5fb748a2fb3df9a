import { afterAll, describe, expect, it } from 'vitest';
import { nn } from '../../../src/index.ts';
import * as w from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { allDevices } from '../../support/devices.ts';
import { expectClose, expectGradients } from '../../support/finiteDifferences.ts';

const devices = await allDevices();
afterAll(() => devices[1][1]?.destroy());

type Windows = [start: number, end: number, step: number][];
/** Windows along an axis by PyTorch's rules. */
function fixed(size: number, kernel: number, stride: number, pad = 0, gap = 1, ceil = false) {
  const places = (size + 2 * pad - gap * (kernel - 1) - 1) / stride;
  let out = (ceil ? Math.ceil(places) : Math.floor(places)) + 1;
  if (ceil && (out - 1) * stride >= size + pad) out--;
  return Array.from({ length: out }, (_, o) => {
    const start = o * stride - pad;
    return [start, start + gap * (kernel - 1) + 1, gap];
  }) as Windows;
}
const adaptive = (size: number, out: number): Windows =>
  Array.from({ length: out }, (_, o) => [
    Math.floor((o * size) / out),
    Math.ceil(((o + 1) * size) / out),
    1,
  ]);

/** Pools planes [n, c, h, w] over given windows with `combine`, which sees what is inside. */
function plainPool(
  { data, shape: [n, c, h, width] }: { data: Float32Array; shape: number[] },
  rows: Windows,
  cols: Windows,
  combine: (values: number[], row: Windows[number], col: Windows[number]) => number,
) {
  const y: number[] = [];
  for (let plane = 0; plane < n * c; plane++)
    for (const row of rows)
      for (const col of cols) {
        const inside: number[] = [];
        for (let i = row[0]; i < row[1]; i += row[2])
          for (let j = col[0]; j < col[1]; j += col[2])
            if (i >= 0 && i < h && j >= 0 && j < width)
              inside.push(data[(plane * h + i) * width + j]);
        y.push(combine(inside, row, col));
      }
  return { y, shape: [n, c, rows.length, cols.length] };
}
const max = (values: number[]) => Math.max(...values);
const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;

// Far enough from each other that finite differences do not change which is the largest.
const x = {
  shape: [2, 3, 7, 8],
  data: new Philox(1).shuffle(Float32Array.from({ length: 336 }, (_, i) => 0.25 * i - 42)),
};
const padded = (size: number, pad: number) => (v: number[], r: number[], c: number[]) => {
  const count = ([start, end]: number[], of: number) => Math.min(end, of + pad) - start;
  return v.reduce((a, b) => a + b) / (count(r, size) * count(c, size + 1));
};

const pools: {
  name: string;
  call: (x: w.Tensor) => w.Tensor;
  module: { forward(x: w.Tensor): w.Tensor };
  expected: ReturnType<typeof plainPool>;
}[] = [
  {
    name: 'maxPool2d',
    call: (t) => w.maxPool2d(t, 2),
    module: new nn.MaxPool2d(2),
    expected: plainPool(x, fixed(7, 2, 2), fixed(8, 2, 2), max),
  },
  {
    name: 'maxPool2d with all options',
    call: (t) =>
      w.maxPool2d(t, [3, 2], { stride: [2, 3], padding: [1, 0], dilation: [1, 2], ceilMode: true }),
    module: new nn.MaxPool2d([3, 2], {
      stride: [2, 3],
      padding: [1, 0],
      dilation: [1, 2],
      ceilMode: true,
    }),
    expected: plainPool(x, fixed(7, 3, 2, 1, 1, true), fixed(8, 2, 3, 0, 2, true), max),
  },
  {
    name: 'avgPool2d',
    call: (t) => w.avgPool2d(t, [3, 2], { stride: 1 }),
    module: new nn.AvgPool2d([3, 2], { stride: 1 }),
    expected: plainPool(x, fixed(7, 3, 1), fixed(8, 2, 1), mean),
  },
  {
    name: 'avgPool2d over its padding',
    call: (t) => w.avgPool2d(t, 3, { stride: 2, padding: 1, ceilMode: true }),
    module: new nn.AvgPool2d(3, { stride: 2, padding: 1, ceilMode: true }),
    expected: plainPool(x, fixed(7, 3, 2, 1, 1, true), fixed(8, 3, 2, 1, 1, true), padded(7, 1)),
  },
  {
    name: 'avgPool2d without its padding',
    call: (t) => w.avgPool2d(t, 3, { padding: 1, countIncludePad: false }),
    module: new nn.AvgPool2d(3, { padding: 1, countIncludePad: false }),
    expected: plainPool(x, fixed(7, 3, 3, 1), fixed(8, 3, 3, 1), mean),
  },
  {
    name: 'adaptiveAvgPool2d',
    call: (t) => w.adaptiveAvgPool2d(t, [3, 5]),
    module: new nn.AdaptiveAvgPool2d([3, 5]),
    expected: plainPool(x, adaptive(7, 3), adaptive(8, 5), mean),
  },
  {
    name: 'adaptiveAvgPool2d to the same height',
    call: (t) => w.adaptiveAvgPool2d(t, [null, 1]),
    module: new nn.AdaptiveAvgPool2d([null, 1]),
    expected: plainPool(x, adaptive(7, 7), adaptive(8, 1), mean),
  },
  {
    name: 'adaptiveMaxPool2d to more places',
    call: (t) => w.adaptiveMaxPool2d(t, [9, 3]),
    module: new nn.AdaptiveMaxPool2d([9, 3]),
    expected: plainPool(x, adaptive(7, 9), adaptive(8, 3), max),
  },
];

/** Those of one dimension see the same values as [6, 7, 8]. */
const overTime: typeof pools = [
  {
    name: 'maxPool1d',
    call: (t) => w.maxPool1d(t, 3, { stride: 2, padding: 1, dilation: 2 }),
    module: new nn.MaxPool1d(3, { stride: 2, padding: 1, dilation: 2 }),
    expected: plainPool(x, fixed(7, 1, 1), fixed(8, 3, 2, 1, 2), max),
  },
  {
    name: 'avgPool1d',
    call: (t) => w.avgPool1d(t, 3),
    module: new nn.AvgPool1d(3),
    expected: plainPool(x, fixed(7, 1, 1), fixed(8, 3, 3), mean),
  },
  {
    name: 'adaptiveAvgPool1d',
    call: (t) => w.adaptiveAvgPool1d(t, 3),
    module: new nn.AdaptiveAvgPool1d(3),
    expected: plainPool(x, fixed(7, 1, 1), adaptive(8, 3), mean),
  },
  {
    name: 'adaptiveMaxPool1d',
    call: (t) => w.adaptiveMaxPool1d(t, 1),
    module: new nn.AdaptiveMaxPool1d(1),
    expected: plainPool(x, fixed(7, 1, 1), adaptive(8, 1), max),
  },
];

describe.each(devices)('pooling on %s', (_, device) => {
  const here = it.skipIf(!device);
  const host = (data: ArrayLike<number>, shape: number[]) =>
    w.tensor(Float32Array.from(data), { shape, device });

  here.each(pools)('$name equals its definition', async ({ call, module, expected }) => {
    const input = host(x.data, x.shape);
    await expectClose(call(input), expected.y, expected.shape);
    await expectClose(module.forward(input), expected.y, expected.shape);
    await expectClose(call(input.select(0, 1)), expected.y.slice(expected.y.length / 2));
    const channelsLast = input.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    await expectClose(call(channelsLast), expected.y, expected.shape);
    await expectGradients(device!, [x], call);
  });

  here.each(overTime)('$name equals its definition', async ({ call, module, expected }) => {
    const shape = [6, 7, 8];
    const [, , rows, cols] = expected.shape;
    const input = host(x.data, shape);
    await expectClose(call(input), expected.y, [6, rows, cols]);
    await expectClose(module.forward(input), expected.y, [6, rows, cols]);
    await expectClose(call(input.select(0, 0)), expected.y.slice(0, rows * cols), [rows, cols]);
    await expectGradients(device!, [{ data: x.data, shape }], call);
  });

  here('of equal elements the first gets the gradient; NaN passes on', async () => {
    const t = host([2, 2, 1, 1, 3, 3], [1, 1, 6]).requiresGrad_();
    w.maxPool1d(t, 3).sum().backward();
    expect([...(await t.grad!.data())]).toEqual([1, 0, 0, 0, 1, 0]);
    const nan = w.maxPool1d(host([1, Number.NaN, 5, 4, 1, 2], [1, 1, 6]), 3);
    expect([...(await nan.data())]).toEqual([Number.NaN, 4]);
    const low = w.maxPool1d(host([-5, -6], [1, 1, 2]), 2, { padding: 1, stride: 1 });
    expect([...(await low.data())]).toEqual([-5, -5, -6]);
  });

  here('of no images is nothing', () => {
    expect(w.maxPool2d(host([], [0, 2, 4, 4]), 2).shape).toEqual([0, 2, 2, 2]);
    expect(w.adaptiveAvgPool1d(host([], [2, 0, 4]), 2).shape).toEqual([2, 0, 2]);
  });

  here.each<[string, (x: w.Tensor) => w.Tensor, string]>([
    ['another rank', (t) => w.maxPool1d(t, 2), 'maxPool1d: expected an input of 3 dimensions'],
    ['a padding above half', (t) => w.avgPool2d(t, 3, { padding: 2 }), 'at most half the kernel'],
    ['a kernel too large', (t) => w.maxPool2d(t, 9), 'a size of 9 for 7'],
    ['a kernel of 0', (t) => w.avgPool2d(t, [0, 1]), '`kernelSize`: expected a whole number ≥ 1'],
    ['a size of 0', (t) => w.adaptiveAvgPool2d(t, 0), '`outputSize`: expected a whole number ≥ 1'],
    [
      'no places',
      (t) => w.adaptiveMaxPool1d(t.select(2, 0).slice([null, null, [0, 0]]), 1),
      'pool',
    ],
    ['whole numbers', (t) => w.maxPool2d(t.toInt(), 2), 'expected float32, got int32'],
  ])('refuses %s', (_, call, message) => {
    expect(() => call(host(x.data, x.shape))).toThrow(message);
  });
});
