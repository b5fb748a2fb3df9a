import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../../src/platform/errors.ts';
import { arange, ones, type Tensor, zeros } from '../../../src/tensor/index.ts';

const numbers = (...shape: number[]): Tensor =>
  arange(shape.reduce((a, b) => a * b, 1)).reshape(shape);

describe('Tensor.view', () => {
  it.each<[string, Tensor, number[], number[]]>([
    ['contiguous memory', numbers(2, 6), [3, -1], [4, 1]],
    ['a transposed matrix, split', numbers(4, 6).transpose(0, 1), [2, 3, 4], [3, 1, 6]],
    [
      'a slice with gaps, split',
      numbers(4, 6).slice([
        [0, 4],
        [0, 4],
      ]),
      [2, 2, 2, 2],
      [12, 6, 2, 1],
    ],
    ['dimensions of 1', numbers(4, 6).transpose(0, 1), [1, 6, 1, 4, 1], [6, 1, 6, 6, 6]],
    ['an expanded scalar', ones([1, 1]).expand([3, 4]), [12], [0]],
    ['no elements', zeros([0, 3]), [3, 0], [1, 1]],
    ['a scalar', numbers(1).reshape([]), [1, 1], [1, 1]],
  ])('is a view of %s', async (_, x, shape, strides) => {
    const y = x.view(shape);
    expect(y.storage).toBe(x.storage);
    expect(y.strides.filter((_, d) => y.shape[d] !== 1)).toEqual(
      strides.filter((_, d) => y.shape[d] !== 1),
    );
    expect(await y.data()).toEqual(await x.reshape(shape).data());
  });

  it.each([
    ['a transposed matrix', numbers(2, 3).transpose(0, 1), [6]],
    [
      'a slice with gaps',
      numbers(4, 6).slice([
        [0, 4],
        [0, 4],
      ]),
      [16],
    ],
    ['a split across both', numbers(4, 6).transpose(0, 1), [4, 6]],
  ])('refuses %s, and advises reshape', (_, x, shape) => {
    expect(() => x.view(shape)).toThrow(ArgumentError);
    expect(() => x.view(shape)).toThrow(/cannot be seen as .* use reshape/);
  });

  it('refuses another size', () => {
    expect(() => numbers(2, 3).view([4, -1])).toThrow(/^view: \[2, 3\] has 6 elements/);
  });

  it('passes the gradient on', async () => {
    const x = ones([2, 3]).requiresGrad_();
    x.transpose(0, 1)
      .view([3, 2, 1])
      .mul(numbers(3, 2, 1).toFloat())
      .sum()
      .backward();
    expect(await x.grad!.tolist()).toEqual([
      [0, 2, 4],
      [1, 3, 5],
    ]);
  });
});

describe('sizes of methods', () => {
  it.each<[string, (x: Tensor) => [Tensor, Tensor]]>([
    ['view', (x) => [x.view(3, -1), x.view([3, -1])]],
    ['reshape', (x) => [x.reshape(6), x.reshape([6])]],
    ['permute', (x) => [x.permute(1, 0), x.permute([1, 0])]],
    ['expand', (x) => [x.expand(2, 2, 3), x.expand([2, 2, 3])]],
    ['broadcastTo', (x) => [x.broadcastTo(2, 2, 3), x.broadcastTo([2, 2, 3])]],
    ['repeat', (x) => [x.repeat(1, 2), x.repeat([1, 2])]],
    ['tile', (x) => [x.tile(2), x.tile([2])]],
    ['flip', (x) => [x.flip(0, 1), x.flip([0, 1])]],
  ])('%s takes them one by one, or as a list', async (_, call) => {
    const [one, other] = call(numbers(2, 3));
    expect(await one.tolist()).toEqual(await other.tolist());
  });
});
