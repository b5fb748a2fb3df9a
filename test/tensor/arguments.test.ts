import { beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { ArgumentError } from '../../src/platform/errors.ts';
import * as wigbert from '../../src/tensor/index.ts';
import { setDevice, type Tensor, tensor } from '../../src/tensor/index.ts';

beforeEach(() => setDevice(new CpuDevice()));
type Loose = (...args: unknown[]) => unknown;
const matrix = () =>
  tensor([
    [1, 2],
    [3, 4],
  ]);

describe('keyword arguments', () => {
  it.each<[string, (x: never) => unknown]>([
    ['topk', (x: Tensor) => x.topk(1, 1, { largest: false } as never)],
    ['sort', (x: Tensor) => x.sort(1, { descending: true } as never)],
    ['sum', (x: Tensor) => x.sum(1, { keepdim: true } as never)],
    ['sum', (x: Tensor) => x.sum({ dim: 1 } as never)],
    ['amax', (x: Tensor) => wigbert.amax(x, { dim: 1 } as never)],
    ['dropout', (x: Tensor) => wigbert.dropout(x, 0.5, { training: false } as never)],
    ['multinomial', (x: Tensor) => x.multinomial(5, { replacement: true } as never)],
    ['add', (x: Tensor) => (x.add as Loose).call(x, x, { alpha: 2 })],
    ['div', (x: Tensor) => (x.div as Loose).call(x, 2, { roundingMode: 'floor' })],
    ['pad', (x: Tensor) => wigbert.pad(x, [1, 1], { value: 9 } as never)],
    ['softmax', (x: Tensor) => x.softmax({ dim: 0 } as never)],
  ])('of %s are refused where it has none', (name, call) => {
    expect(() => call(matrix() as never)).toThrow(ArgumentError);
    expect(() => call(matrix() as never)).toThrow(
      new RegExp(`^${name}: expected its arguments one after the other, .*got \\{"`),
    );
  });

  it.each<[string, string, (x: never) => unknown]>([
    ['std', 'unbiased', (x: Tensor) => x.std(1, { unbiased: true } as never)],
    ['var', 'dof', (x: Tensor) => x.var(1, { dof: 1 } as never)],
    ['crossEntropy', 'weights', (x: Tensor) => wigbert.crossEntropy(x, x, { weights: x } as never)],
    ['maxPool1d', 'pad', (x: Tensor) => wigbert.maxPool1d(x, 1, { pad: 1 } as never)],
    ['isclose', 'tolerance', (x: Tensor) => x.isclose(x, { tolerance: 1 } as never)],
  ])('of %s are refused if it has others', (name, option, call) => {
    expect(() => call(matrix() as never)).toThrow(
      new RegExp(`^${name}: unknown option "${option}": expected one of `),
    );
  });

  it('are taken where there are some', async () => {
    expect(await matrix().var(1, { correction: 0 }).tolist()).toEqual([0.25, 0.25]);
    expect(await matrix().std(1, { correction: 0, keepdim: true }).tolist()).toEqual([
      [0.5],
      [0.5],
    ]);
    const y = wigbert.maxPool1d(matrix().reshape([1, 2, 2]), 2, { stride: 1 });
    expect(await y.tolist()).toEqual([[[2], [4]]]);
  });
});

it('norm has no order: the second argument of numbers is none of its own', () => {
  expect(() => matrix().norm(2, 1 as never)).toThrow(
    'norm: `keepdim`: expected true or false, got 1: norm takes dimensions, and no order, which ' +
      '`vectorNorm` takes',
  );
});
