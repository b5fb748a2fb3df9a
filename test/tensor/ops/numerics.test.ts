import { afterAll, describe, expect, it } from 'vitest';
import { ArgumentError } from '../../../src/platform/errors.ts';
import * as w from '../../../src/tensor/index.ts';
import { allDevices } from '../../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices.forEach(([, device]) => void device?.destroy()));
const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) => {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i] - expected[i]), `element ${i}`).toBeLessThanOrEqual(tolerance);
};

describe.each(devices)('exactness and edge cases on %s', (_, device) => {
  const here = it.skipIf(!device);
  const tensor = (data: w.NestedArray, shape?: number[]) =>
    w.tensor(data, { shape, device: device! });

  here('asinh and acosh know numbers whose squares overflow', async () => {
    const xs = [1e-4, 0.3, 1, 20, 9e8, 2e9, 3e19, 1e37];
    const both = [...xs.map((x) => -x).reverse(), 0, ...xs];
    close(await tensor(both).asinh().data(), both.map(Math.asinh), 2e-5);
    const above = xs.filter((x) => x >= 1);
    close(await tensor(above).acosh().data(), above.map(Math.acosh), 2e-5);
  });

  here('extremes know NaN and infinity, along rows and columns', async () => {
    const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
    const rows = [
      [1, nan, 3, 2, 5],
      [-inf, -inf, -inf, -inf, -inf],
      [inf, 0, -inf, 4, 7],
      [-1, -2, -3, -4, -5],
    ];
    for (const [x, dim] of [
      [tensor(rows), 1],
      [tensor(rows).transpose(0, 1).contiguous(), 0],
    ] as const) {
      expect(await x.amax(dim).tolist()).toEqual([nan, -inf, inf, -1]);
      expect(await x.amin(dim).tolist()).toEqual([nan, -inf, -inf, -5]);
      expect(await x.argmax(dim).tolist()).toEqual([1, 0, 0, 0]);
      expect(await x.argmin(dim).tolist()).toEqual([1, 0, 2, 4]);
      const [first, second, third, last] = (await x.logsumexp(dim).tolist()) as number[];
      expect([first, second, third]).toEqual([nan, -inf, inf]);
      expect(last).toBeCloseTo(-0.5481, 3);
    }
  });

  here(
    'gelu and its gradient are exact, relatively so in the lower tail, and keep NaN',
    async () => {
      // Φ(-z): beyond 2 by the continued fraction of Mills' ratio (Abramowitz & Stegun 26.2.14),
      // below by a series of φ.
      const density = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
      const below = (x: number): number => {
        if (x > 0) return 1 - below(-x);
        let [series, fraction] = [0, -x];
        for (let n = 60; n > 0; n--)
          [series, fraction] = [((1 + series) * x * x) / (2 * n + 1), -x + n / fraction];
        return x > -2 ? 0.5 + density(x) * x * (1 + series) : density(x) / fraction;
      };
      const at = Float32Array.from({ length: 2001 }, (_, i) => (i - 1000) / 100);
      const x = tensor([...at, Number.NaN], [2002]).requiresGrad_();
      const y = w.gelu(x);
      y.sum().backward();
      const [found, slopes] = [await y.data(), await x.grad!.data()];
      expect([found.at(-1), slopes.at(-1)]).toEqual([Number.NaN, Number.NaN]);
      at.forEach((z, i) => {
        const expected = z * below(z);
        const isTail = z < 0 && z > -5;
        expect(Math.abs(found[i] - expected), `at ${z}`).toBeLessThan(
          isTail ? -3e-6 * expected : 6e-7,
        );
        expect(Math.abs(slopes[i] - below(z) - z * density(z)), `slope at ${z}`).toBeLessThan(4e-7);
      });
    },
  );

  here.each([3, 41, 1000, 0.1, -7])('a quotient by %d is rounded once', async (divisor) => {
    const numbers = Float32Array.from({ length: 2000 }, (_, i) => i);
    const x = tensor([...numbers]).requiresGrad_();
    const y = x.div(divisor);
    y.sum().backward();
    const quotients = numbers.map((number) => number / Math.fround(divisor));
    // GPUs may be off by two and a half units in the last place.
    const unit = device!.kind === 'webgpu' ? 2 ** -22 : 0;
    const found = await y.data();
    for (const [i, quotient] of quotients.entries())
      expect(Math.abs(found[i] - quotient)).toBeLessThanOrEqual(unit * Math.abs(quotient));
    const slope = Math.fround(1 / Math.fround(divisor));
    close(await x.grad!.data(), numbers.fill(slope), unit * Math.abs(slope));
  });

  here('cross-entropy takes classes that are masked by -∞ or the least number', async () => {
    const labels = tensor(Int32Array.of(1));
    const lossOf = (row: number[], options?: w.CrossEntropyOptions) =>
      w.crossEntropy(tensor([row]).requiresGrad_(), labels, options).item();
    for (const masked of [Number.NEGATIVE_INFINITY, -3.4028234663852886e38, -1e38]) {
      expect(await lossOf([1, 2, ...Array(9).fill(masked)])).toBeCloseTo(0.313262, 6);
      const [bias, weight] = [
        tensor([1, 2, ...Array(200).fill(masked)]),
        w.zeros([202, 4], { device: device! }),
      ];
      const x = w.zeros([1, 4], { device: device! });
      expect(
        await w.linearCrossEntropy(x, weight, bias, labels, { maxLogitsBytes: 1 }).item(),
      ).toBeCloseTo(0.313262, 6);
    }
    expect(await lossOf([1, 2, Number.NEGATIVE_INFINITY], { labelSmoothing: 0.1 })).toBe(
      Number.POSITIVE_INFINITY,
    );
    expect(await lossOf([1, Number.NEGATIVE_INFINITY])).toBe(Number.POSITIVE_INFINITY);
  });

  here(
    'bceWithLogits has its gradient at 0 too, and softplus is exact where it is small',
    async () => {
      const x = tensor([0, 0, 3, -3]).requiresGrad_();
      const loss = w.binaryCrossEntropyWithLogits(x, tensor([1, 0, 1, 0.25]), 'sum');
      loss.backward();
      close([await loss.item()], [2 * Math.LN2 + 2 * Math.log1p(Math.exp(-3)) + 0.75], 2e-6);
      close(await x.grad!.data(), [-0.5, 0.5, -0.0474259, -0.2025741], 1e-6);
      const at = [-80, -40, -20, -5, -1, 0, 1, 20, Number.NaN];
      (await w.softplus(tensor(at)).data()).forEach((found, i) => {
        const expected = Math.max(at[i], 0) + Math.log1p(Math.exp(-Math.abs(at[i])));
        if (Number.isNaN(at[i])) expect(found).toBeNaN();
        else expect(Math.abs(found / expected - 1), `at ${at[i]}`).toBeLessThan(1e-5);
      });
    },
  );

  here('linear reads a bias where it lies', async () => {
    const [x, weight] = [
      tensor([[0, 0]]),
      tensor([
        [1, 1],
        [1, 1],
      ]),
    ];
    const bias = tensor([9, 9, 1, 2]).slice([[2, 4]]);
    expect(await w.linear(x, weight, bias).tolist()).toEqual([[1, 2]]);
    const strided = tensor([
      [1, 9],
      [2, 9],
    ]).requiresGrad_();
    const y = w.linear(x, weight, strided.select(1, 0), 'tanh');
    close(await y.data(), [Math.tanh(1), Math.tanh(2)], 1e-6);
    w.linear(x, weight, strided.select(1, 0)).sum().backward();
    expect(await strided.grad!.tolist()).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  here('the gradient of a quotient by large and small divisors does not overflow', async () => {
    const [a, b] = [
      [1e20, 1e-25, 6],
      [1e20, 1e-25, 2],
    ].map((values) => tensor(values).requiresGrad_());
    a.div(b).sum().backward();
    const found = await b.grad!.data();
    [-1e-20, -1e25, -1.5].forEach((expected, i) => {
      expect(Math.abs(found[i] / expected - 1)).toBeLessThan(1e-5);
    });
  });

  here('the norm of zeros has the gradient 0', async () => {
    const x = tensor([
      [3, 4],
      [0, 0],
    ]).requiresGrad_();
    expect(await x.norm(1).tolist()).toEqual([5, 0]);
    x.norm(1)
      .mul(tensor([2, 7]))
      .sum()
      .backward();
    close(await x.grad!.data(), [1.2, 1.6, 0, 0], 1e-6);
    const zero = w.zeros([3], { device: device! }).requiresGrad_();
    expect(zero.norm(0, true).shape).toEqual([1]);
    zero.norm().backward();
    expect([...(await zero.grad!.data())]).toEqual([0, 0, 0]);
  });

  here('nllLoss leaves ignored rows out, whatever they hold', async () => {
    const [inf, labels] = [Number.NEGATIVE_INFINITY, tensor(Int32Array.of(-100, 1))];
    const logProbs = tensor([
      [inf, 0],
      [-1, -2],
    ]).requiresGrad_();
    const loss = w.nllLoss(logProbs, labels);
    expect(await loss.item()).toBe(2);
    loss.backward();
    expect(await logProbs.grad!.tolist()).toEqual([
      [0, 0],
      [0, -1],
    ]);
    expect(await w.nllLoss(logProbs, labels, { reduction: 'none' }).tolist()).toEqual([0, 2]);
  });

  here(
    'labels and indices from the host are checked, beside ignored ones and in parts',
    async () => {
      const ints = (...values: number[]) => tensor(Int32Array.from(values));
      const logits = w.zeros([2, 3], { device: device! });
      const lossOf = (labels: w.Tensor, ignoreIndex?: number) =>
        w.crossEntropy(logits, labels, { ignoreIndex }).item();
      expect(() => lossOf(ints(-100, -1))).toThrow(/label -1 is out of range: there are 3 classes/);
      expect(() => lossOf(ints(-100, 3))).toThrow(/label 3 is out of range/);
      expect(() => lossOf(ints(255, 20), 255)).toThrow(/label 20 is out of range/);
      expect(await lossOf(ints(255, 0), 255)).toBeCloseTo(Math.log(3), 6);
      expect(await lossOf(ints(-100, 2))).toBeCloseTo(Math.log(3), 6);
      expect(await lossOf(ints(-100, -100))).toBeNaN();

      const table = tensor([[5], [6]]);
      const ids = ints(99, 1);
      expect(() => w.embedding(ids, table)).toThrow(/index 99 is out of range: there are 2 rows/);
      expect(await w.embedding(ids.slice([[1, 2]]), table).tolist()).toEqual([[6]]);
      expect(await w.embedding(ids.slice([[1, 2]]).expand([2]), table).tolist()).toEqual([
        [6],
        [6],
      ]);
      ids.slice([[0, 1]]).copy_([0]);
      expect(await w.embedding(ids, table).tolist()).toEqual([[5], [6]]);
      ids.slice([[1, 2]]).copy_([7]);
      expect(await w.embedding(ids, table).tolist()).toEqual([[5], [Number.NaN]]);
      ids.copy_([1, 7]);
      expect(() => w.embedding(ids.reshape([2, 1]).transpose(0, 1), table)).toThrow(
        /index 7 is out of range/,
      );
    },
  );

  here('integers are moved as they are, and refused where floats are computed with', async () => {
    const [ints, mask, floats] = [
      tensor(Int32Array.of(2, 0, 1)),
      tensor([true, false, true]),
      tensor([1, 2, 3]),
    ];
    const refused: [string, () => unknown][] = [
      ['indexSelect', () => ints.indexSelect(0, tensor(Int32Array.of(0)))],
      ['matmul', () => ints.reshape([1, 3]).matmul(floats)],
      [
        'linear',
        () => w.linear(floats.reshape([1, 3]), floats.reshape([1, 3]), tensor(Int32Array.of(1))),
      ],
      ['softmax', () => ints.softmax()],
      ['dropout', () => w.dropout(ints, 0.5)],
    ];
    for (const [name, attempt] of refused) {
      expect(attempt).toThrow(ArgumentError);
      expect(attempt).toThrow(
        new RegExp(`${name}.*: expected float32, got (int32|bool): convert it with toFloat`),
      );
    }
    expect(await ints.toFloat().sum().item()).toBe(3);
    expect(await floats.mul(mask.toFloat()).tolist()).toEqual([1, 0, 3]);
    const moved = w.pad(w.cat([ints.flip([0]), ints.slice([[0, null, 2]])]), [1, 0], 7);
    expect([moved.dtype, await moved.tolist()]).toEqual(['int32', [7, 1, 0, 2, 2, 1]]);
    expect([...(await ints.gt(mask).data())]).toEqual([1, 0, 0]);
  });

  here('booleans are 0 and 1, whatever they are made of', async () => {
    const mask = w.tensor([2, 0, 0.5, Number.NaN], { dtype: 'bool', device: device! });
    expect(await mask.tolist()).toEqual([1, 0, 1, 1]);
    expect(await mask.copy_(Int32Array.of(0, -7, 1, 0)).tolist()).toEqual([0, 1, 1, 0]);
    expect(await w.full([2], 3, { dtype: 'bool', device: device! }).tolist()).toEqual([1, 1]);
  });

  here('tanh is exact relatively, and GELU by tanh has its slope far out', async () => {
    const at = [1e-30, 1e-6, -1e-3, 0.02, 0.049, 0.051, -0.3, 2, 1e38];
    const found = await tensor(at).tanh().data();
    for (const [i, x] of at.entries())
      expect(Math.abs(found[i] / Math.tanh(x) - 1), `at ${x}`).toBeLessThan(5e-6);
    const x = tensor([1e38, -1e38, Number.NaN, 0]).requiresGrad_();
    w.gelu(x, 'tanh').backward(tensor([1, 1, 1, 1]));
    expect(await x.grad!.tolist()).toEqual([1, 0, Number.NaN, 0.5]);
  });

  here('a scalar has the dimensions 0 and -1', async () => {
    const x = tensor(3);
    for (const dim of [0, -1]) {
      const results = [
        x.softmax(dim),
        x.logSoftmax(dim),
        x.sum(dim),
        x.amax(dim, true),
        x.argmax(dim),
        x.norm(dim),
        x.squeeze(dim),
      ];
      expect(await Promise.all(results.map((y) => y.tolist()))).toEqual([1, 0, 3, 3, 0, 3, 3]);
    }
    expect(await x.flatten().tolist()).toEqual([3]);
    expect(await x.argmin(-1, true).tolist()).toBe(0);
    for (const dim of [1, -2])
      expect(() => x.sum(dim)).toThrow(
        /dimension -?\d is out of range for a tensor of 0 dimensions/,
      );
  });
});
