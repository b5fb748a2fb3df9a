import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { ArgumentError } from '../../../src/platform/errors.ts';
import * as w from '../../../src/tensor/index.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('functions of elements on %s', (_, device) => {
  const here = it.skipIf(!device);
  const tensor = (data: w.NestedArray, shape?: number[]) =>
    w.tensor(data, { shape, device: device! });
  const ints = (...values: number[]) => tensor(Int32Array.from(values));

  const numbers = [0, 1e-7, -1e-7, 1e-4, 0.1, -0.3, 0.4, 0.49, 0.51, -0.6, 0.9, -0.99, 1, -1];
  const large = [1.5, -2, 3, -4.5, 8, 20, -30, 88.5, -88.5, inf, -inf, nan];
  const functions: Record<string, [(x: w.Tensor) => w.Tensor, (x: number) => number]> = {
    log2: [w.log2, Math.log2],
    log10: [w.log10, Math.log10],
    log1p: [w.log1p, Math.log1p],
    exp2: [w.exp2, (x) => 2 ** x],
    expm1: [w.expm1, Math.expm1],
    sinh: [w.sinh, Math.sinh],
    cosh: [w.cosh, Math.cosh],
    asin: [w.asin, Math.asin],
    acos: [w.acos, Math.acos],
    atan: [w.atan, Math.atan],
    elu: [w.elu, (x) => (x > 0 ? x : Math.expm1(x))],
    logSigmoid: [w.logSigmoid, (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)))],
    floor: [w.floor, Math.floor],
    ceil: [w.ceil, Math.ceil],
    trunc: [w.trunc, Math.trunc],
    sign: [w.sign, (x) => Number(x > 0) - Number(x < 0)],
  };
  here.each(Object.keys(functions))('%s is exact relatively, at the ends too', async (name) => {
    const [call, reference] = functions[name];
    const at = Float32Array.of(...numbers, ...large);
    const found = await call(tensor(at)).data();
    at.forEach((x, i) => {
      const expected = Math.fround(reference(x));
      if (Number.isNaN(expected)) expect(found[i], `${name}(${x})`).toBeNaN();
      else if (!Number.isFinite(expected)) expect(found[i], `${name}(${x})`).toBe(expected);
      else {
        const error = Math.abs(found[i] - expected) / Math.max(1e-30, Math.abs(expected));
        expect(expected === 0 ? Math.abs(found[i]) : error, `${name}(${x})`).toBeLessThan(1.5e-5);
      }
    });
  });

  here('tan, atan2 and frac', async () => {
    const at = [0, 0.5, -1, 1.2, -3, 2.5];
    (await w.tan(tensor(at)).data()).forEach((y, i) => {
      expect(Math.abs(y - Math.tan(at[i]))).toBeLessThan(2e-5);
    });
    const points = [0, -0, 1, -1, 0.3, -5, inf, -inf];
    const found = (await w
      .atan2(tensor(points).unsqueeze(1), tensor(points))
      .tolist()) as number[][];
    for (const [i, y] of points.entries())
      for (const [j, x] of points.entries())
        expect(found[i][j], `atan2(${y}, ${x})`).toBeCloseTo(Math.atan2(y, x), 5);
    expect(
      await tensor([nan, 1])
        .atan2(tensor([1, nan]))
        .tolist(),
    ).toEqual([nan, nan]);
    expect(await tensor([1.25, -1.25, 3]).frac().tolist()).toEqual([0.25, -0.25, 0]);
  });

  here('round takes halves to the even number', async () => {
    const at = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.4999, 3.7, -3.7, 8388609, nan];
    const expected = [0, 2, 2, -0, -2, -2, 0, 4, -4, 8388609, nan];
    expect(await tensor(at).round().tolist()).toEqual(expected);
    expect(await ints(3, -2).round().tolist()).toEqual([3, -2]);
  });

  here('remainders are exact and have the sign of the divisor, or of the dividend', async () => {
    const pairs = [-7, 7, 1e10, -1e10, 3e38, 5.5, -0.1, 1e-3, 0, 1, inf, nan];
    const divisors = [3, -3, 0.7, -1.1, 2.5e-3, 1e20, inf];
    const [a, b] = [Float32Array.from(pairs), Float32Array.from(divisors)];
    const [x, y] = [tensor(a).unsqueeze(1), tensor(b)];
    const [fmods, mods, quotients] = await Promise.all(
      [w.fmod(x, y), w.remainder(x, y), w.floorDivide(x, y)].map((t) => t.tolist()),
    );
    for (const [i, p] of a.entries()) {
      for (const [j, q] of b.entries()) {
        const m = p % q;
        const mod = m !== 0 && m < 0 !== q < 0 ? m + q : m;
        const what = `${p} by ${q}`;
        const same = (found: unknown, expected: number) => {
          if (Number.isNaN(expected)) expect(found, what).toBeNaN();
          else expect(found, what).toBeCloseTo(Math.fround(expected), 6);
        };
        same((fmods as number[][])[i][j], m);
        same((mods as number[][])[i][j], mod);
        const quotient = Math.round((p - mod) / q);
        if (Math.abs(quotient) < 2 ** 20)
          expect((quotients as number[][])[i][j] + 0, what).toBe(quotient + 0);
      }
    }
    expect(await tensor([-3, 3]).remainder(2).tolist()).toEqual([1, 1]);
    expect(await tensor([1]).fmod(0).tolist()).toEqual([nan]);
    expect(await tensor([1, -1]).floorDivide(0).tolist()).toEqual([inf, -inf]);
  });

  here('integers divide as integers', async () => {
    const x = ints(-7, 7, 100000007, -0x80000000);
    const results = [
      x.remainder(3),
      x.remainder(-3),
      x.fmod(3),
      x.floorDivide(-3),
      x.floorDivide(-1),
      x.remainder(ints(0)),
    ];
    expect(results.map((y) => y.dtype)).toEqual(Array(6).fill('int32'));
    expect(await Promise.all(results.map((y) => y.tolist()))).toEqual([
      [2, 1, 2, 1],
      [-1, -2, -1, -2],
      [-1, 1, 2, -2],
      [2, -3, -33333336, 715827882],
      [7, -7, -100000007, -0x80000000],
      [0, 0, 0, 0],
    ]);
    const half = ints(3).remainder(0.75);
    expect([half.dtype, await half.item()]).toEqual(['float32', 0]);
    expect(() => x.remainder(0)).toThrow(/^remainder: expected a divisor other than 0/);
  });

  here('tests and logic give booleans', async () => {
    const x = tensor([0, -0, 1, nan, inf, -inf]);
    const results = [x.isnan(), x.isinf(), x.isfinite(), x.logicalNot()];
    expect(results.map((y) => y.dtype)).toEqual(Array(4).fill('bool'));
    expect(await Promise.all(results.map((y) => y.tolist()))).toEqual([
      [0, 0, 0, 1, 0, 0],
      [0, 0, 0, 0, 1, 1],
      [1, 1, 1, 0, 0, 0],
      [1, 1, 0, 0, 0, 0],
    ]);
    expect(await ints(5, 0).isfinite().tolist()).toEqual([1, 1]);
    const [p, q] = [tensor([true, true, false, false]), ints(2, 0, 3, 0)];
    expect(
      await tensor([nan])
        .logicalAnd(tensor([1]))
        .tolist(),
    ).toEqual([1]);
    const logic = [p.logicalAnd(q), p.logicalOr(q), p.logicalXor(q), p.logicalAnd(1)];
    expect(await Promise.all(logic.map((y) => y.tolist()))).toEqual([
      [1, 0, 0, 0],
      [1, 1, 1, 0],
      [0, 1, 1, 0],
      [1, 1, 0, 0],
    ]);
    expect(logic[0].dtype).toBe('bool');
  });

  here('any and all over dimensions, and over nothing', async () => {
    const x = tensor([
      [0, 0, 0],
      [0, nan, 0],
      [1, 2, -3],
    ]);
    expect(await x.any(1).tolist()).toEqual([0, 1, 1]);
    expect(await x.all(1).tolist()).toEqual([0, 0, 1]);
    expect(await x.any(0, true).tolist()).toEqual([[1, 1, 1]]);
    expect([await x.any().item(), await x.all().item()]).toEqual([1, 0]);
    expect(await ints(1, 2).all().item()).toBe(1);
    const none = w.zeros(0, 2, { device: device! });
    expect([await none.any().item(), await none.all().item()]).toEqual([0, 1]);
    expect(await none.all(0).tolist()).toEqual([1, 1]);
    expect([x.any().dtype, x.all(0).dtype]).toEqual(['bool', 'bool']);
  });

  here('nanToNum, lerp and rsub', async () => {
    const x = tensor([nan, inf, -inf, 2]).requiresGrad_();
    expect(await x.nanToNum(1, 2, 3).tolist()).toEqual([1, 2, 3, 2]);
    const most = Math.fround(3.4028234663852886e38);
    const y = w.nanToNum(x);
    expect(await y.tolist()).toEqual([0, most, -most, 2]);
    y.sum().backward();
    expect(await x.grad!.tolist()).toEqual([0, 0, 0, 1]);
    expect(
      await tensor([0, 4])
        .lerp(tensor([10, 8]), 0.25)
        .tolist(),
    ).toEqual([2.5, 5]);
    expect(
      await tensor([0, 4])
        .lerp(tensor([10, 8]), 1)
        .tolist(),
    ).toEqual([10, 8]);
    expect(
      await tensor([0, 4])
        .lerp(tensor([10, 8]), tensor([0.5]))
        .tolist(),
    ).toEqual([5, 6]);
    expect(await tensor([1, 2]).rsub(2).tolist()).toEqual([1, 0]);
    expect(
      await tensor([1, 2])
        .rsub(tensor([5]), 2)
        .tolist(),
    ).toEqual([3, 1]);
  });

  here('scalars and nothing keep their shape; shapes that do not fit are refused', async () => {
    const calls = [w.floor, w.log1p, w.asin, w.isnan, w.logicalNot, w.elu, w.frac, w.nanToNum];
    for (const call of calls) {
      expect(call(tensor(0.25)).shape).toEqual([]);
      expect(await call(w.zeros(0, 3, { device: device! })).data()).toHaveLength(0);
    }
    const [a, b] = [w.zeros(2, { device: device! }), w.zeros(3, { device: device! })];
    const pairs = [w.remainder, w.fmod, w.floorDivide, w.atan2, w.logicalAnd, w.logicalXor];
    for (const call of pairs) {
      expect(() => call(a, b)).toThrow(ArgumentError);
      expect(() => call(a, b)).toThrow(/shapes \[2\] and \[3\] do not broadcast/);
    }
    for (const call of [w.log2, w.expm1, w.tan, w.acos])
      expect(call(ints(1)).dtype).toBe('float32');
    for (const call of [w.frac, w.elu])
      expect(() => call(ints(1))).toThrow(/expected float32, got int32/);
    expect(() => a.any(1)).toThrow(/dimension 1 is out of range/);
  });

  here('thresholds do not hide NaN, and a beta of 0 does', async () => {
    const x = tensor([nan, -2, 0.5, 3]).requiresGrad_();
    expect(await w.threshold(x, 0.5, 5).tolist()).toEqual([nan, 5, 5, 3]);
    const y = w.hardshrink(x);
    expect(await y.tolist()).toEqual([nan, -2, 0, 3]);
    y.sum().backward();
    expect(await x.grad!.tolist()).toEqual([1, 1, 0, 1]);
    const own = tensor([[nan, inf]]).requiresGrad_();
    const [a, b] = [tensor([[1, 2]]), w.eye(2, 2, { device: device! })];
    const sum = w.addmm(own, a, b, 0, 2);
    expect(await sum.tolist()).toEqual([[2, 4]]);
    sum.sum().backward();
    expect(await own.grad!.tolist()).toEqual([[0, 0]]);
    expect(await w.addmv(tensor([nan]), a, tensor([1, 1]), 0).tolist()).toEqual([3]);
    const [batchA, batchB] = [a.unsqueeze(0), b.unsqueeze(0)];
    expect(await w.baddbmm(tensor([nan]), batchA, batchB, 0).tolist()).toEqual([[[1, 2]]]);
  });

  here('ranks of quantiles are float32, as PyTorch’s', async () => {
    const x = w.arange(101, undefined, { device: device! }).float();
    expect(await x.quantile(0.29, 0, false, { interpolation: 'lower' }).item()).toBe(29);
    expect(await x.quantile(0.29).item()).toBe(29);
  });

  here('a result of operations takes no values from the host', async () => {
    const x = tensor([1, 2]).requiresGrad_();
    const y = x.mul(2);
    expect(() => y.copy_([0, 0])).toThrow(
      /^copy_: .* requires a gradient, which a write would lose/,
    );
    w.noGrad(() => y.copy_([0, 0]));
    expect(await y.tolist()).toEqual([0, 0]);
    expect(await x.copy_([3, 4]).tolist()).toEqual([3, 4]);
  });

  here('words that are no option are refused', async () => {
    const [x, labels] = [w.zeros(2, 2, { device: device! }), ints(0, 1)];
    const calls: [(word: never) => unknown, string][] = [
      [(word) => w.mseLoss(x, x, word), 'mseLoss: `reduction`: expected mean, sum or none'],
      [(reduction) => w.huberLoss(x, x, { reduction }), 'huberLoss: `reduction`'],
      [(reduction) => w.klDiv(x, x, { reduction }), 'klDiv: `reduction`'],
      [(reduction) => w.crossEntropy(x, labels, { reduction }), 'crossEntropy: `reduction`'],
      [(reduction) => w.crossEntropy(x, x, { reduction }), 'crossEntropy: `reduction`'],
      [(reduction) => w.nllLoss(x, labels, { reduction }), 'nllLoss: `reduction`'],
      [(reduction) => w.ctcLoss(x, labels, 2, 2, { reduction }), 'ctcLoss: `reduction`'],
      [(mode) => w.embeddingBag(ints(0, 1), x, { mode }), 'embeddingBag: `mode`'],
      [(word) => w.gelu(x, word), 'gelu: `approximate`: expected none or tanh'],
      [(word) => w.linear(x, x, null, word), 'linear: `activation`: expected none,'],
      [(indexing) => w.meshgrid([x], { indexing }), 'meshgrid: `indexing`: expected ij or xy'],
    ];
    for (const [call, message] of calls) {
      expect(() => call('SUM' as never)).toThrow(ArgumentError);
      expect(() => call('SUM' as never)).toThrow(message);
    }
  });
});
