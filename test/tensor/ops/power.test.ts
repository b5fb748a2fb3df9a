import { afterAll, describe, expect, it } from 'vitest';
import { ArgumentError } from '../../../src/platform/errors.ts';
import { gradCheck } from '../../../src/tensor/gradCheck.ts';
import { type Tensor, tensor, zeros } from '../../../src/tensor/index.ts';
import { allDevices } from '../../support/devices.ts';
import { seeded } from '../../support/mutants.ts';

const devices = await allDevices();
afterAll(() => {
  for (const [, device] of devices) device?.destroy();
});
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe.each(devices)('on %s', (_, device) => {
  const here = it.skipIf(!device);
  const ints = (values: number[]) => tensor(Int32Array.from(values), { device });
  const close = async (y: Tensor, expected: readonly number[]) => {
    expect(y.dtype).toBe('float32');
    for (const [i, value] of [...(await y.data())].entries()) {
      const wanted = Math.fround(expected[i]);
      if (!Number.isFinite(wanted)) expect(value, `${i}`).toBe(wanted);
      else
        expect(Math.abs(value - wanted), `${i}`).toBeLessThanOrEqual(
          3e-5 * Math.abs(wanted) + 1e-7,
        );
    }
  };

  here('pow of tensors broadcasts, over signs and whole exponents', async () => {
    const random = seeded(4);
    for (const [rows, cols] of [
      [3, 5],
      [1, 1],
      [7, 64],
    ]) {
      const x = Array.from({ length: rows * cols }, () => (random() - 0.5) * 6);
      const e = Array.from({ length: cols }, () => Math.floor(random() * 9) - 4);
      const y = tensor(Float32Array.from(x), { shape: [rows, cols], device }).pow(
        tensor(Float32Array.from(e), { device }),
      );
      expect(y.shape).toEqual([rows, cols]);
      await close(
        y,
        x.map((value, i) => Math.fround(value) ** e[i % cols]),
      );
    }
    expect(
      (
        await zeros([0, 3], { device })
          .pow(zeros([3], { device }))
          .data()
      ).length,
    ).toBe(0);
  });

  here('pow at the edges is that of C', async () => {
    const cases: [x: number, e: number, y: number][] = [
      [0, 0, 1],
      [0, 2, 0],
      [0, -1, inf],
      [-8, 1 / 3, nan],
      [-2, 3, -8],
      [-2, -2, 0.25],
      [1, inf, 1],
      [2, inf, inf],
      [0.5, inf, 0],
      [2, -inf, 0],
      [nan, 0, 1],
      [-1, inf, 1],
      [3, 1, 3],
      [-3, 2, 9],
      [4, 0.5, 2],
    ];
    const [x, e, expected] = [0, 1, 2].map((i) => cases.map((one) => one[i]));
    await close(tensor(x, { device }).pow(tensor(e, { device })), expected);
  });

  here('pow of integers is exact, wraps, and knows exponents below 0', async () => {
    const [a, b] = [
      [3, -3, 2, 7, 10, 1, -1, -1, 2, 0],
      [19, 5, 31, 0, 12, -4, -3, -2, -1, 0],
    ];
    const y = ints(a).pow(ints(b));
    expect(y.dtype).toBe('int32');
    const exact = a.map((x, i) =>
      b[i] < 0 ? Math.trunc(x ** b[i]) : Number(BigInt.asIntN(32, BigInt(x) ** BigInt(b[i]))),
    );
    expect(await y.tolist()).toEqual(exact.map((value) => value + 0));
    expect(await ints([3, -2, 46341]).pow(2).tolist()).toEqual([9, 4, -2147479015]);
    await close(ints([4, 9]).pow(0.5), [2, 3]);
    await close(ints([2, 3]).pow(tensor([0.5, -1], { device })), [Math.SQRT2, 1 / 3]);
    await close(tensor([2, 3], { device }).pow(ints([3, 2])), [8, 9]);
    expect(() => ints([2]).pow(-1)).toThrow('pow: expected an exponent ≥ 0 for integers, got -1');
  });

  here('pow has gradients of both, also at 0', async () => {
    const x = tensor(
      [
        [0.5, 2, 3],
        [1.5, 0.7, 1],
      ],
      { device, requiresGrad: true },
    );
    const e = tensor([2, -1, 0.5], { device, requiresGrad: true });
    await gradCheck((a: Tensor, b: Tensor) => a.pow(b), [x, e]);
    const [base, exponent] = [
      [0, 0, -2, 2],
      [2, 0, 3, 0],
    ].map((values) => tensor(values, { device, requiresGrad: true }));
    base.pow(exponent).sum().backward();
    expect(await base.grad!.tolist()).toEqual([0, 0, 12, 0]);
    const [first, second, third, fourth] = (await exponent.grad!.tolist()) as number[];
    expect([first, second, third]).toEqual([0, 0, nan]);
    expect(fourth).toBeCloseTo(Math.log(2), 5);
  });

  here.each([
    ['sqrt', Math.sqrt],
    ['exp', Math.exp],
    ['log', Math.log],
    ['sin', Math.sin],
    ['tanh', Math.tanh],
    ['reciprocal', (x: number) => 1 / x],
    ['log1p', Math.log1p],
    ['atan', Math.atan],
    ['expm1', Math.expm1],
    ['sigmoid', (x: number) => 1 / (1 + Math.exp(-x))],
  ] as const)('%s of integers is float32', async (name, reference) => {
    const values = [1, 2, 3, 7];
    await close(ints(values)[name](), values.map(reference));
    await close(ints([1, 0]).bool()[name](), [1, 0].map(reference));
  });

  here('abs and relu of integers are integers', async () => {
    const x = ints([-3, 0, 16777217, -16777217]);
    expect([x.abs().dtype, x.relu().dtype]).toEqual(['int32', 'int32']);
    expect(await x.abs().tolist()).toEqual([3, 0, 16777217, 16777217]);
    expect(await x.relu().tolist()).toEqual([0, 0, 16777217, 0]);
    await close(ints([1, 2]).atan2(ints([2, 1])), [Math.atan2(1, 2), Math.atan2(2, 1)]);
  });
});

it('refuses what does not fit', () => {
  const x = tensor([1, 2, 3]);
  expect(() => x.pow(tensor([1, 2]))).toThrow(ArgumentError);
  expect(() => x.pow(tensor([1, 2]))).toThrow(/^pow: /);
  expect(() => x.pow('2' as never)).toThrow('pow: expected a tensor or a number, got "2"');
});
