import { describe, expect, it } from 'vitest';
import { nn } from '../../src/index.ts';
import { type Tensor, zeros } from '../../src/tensor/index.ts';
import { Philox } from '../../src/tensor/random.ts';

const { init } = nn;
const random = () => new Philox(11);
const statistics = async (tensor: Tensor) => {
  const values = [...(await tensor.data())];
  const mean = values.reduce((a, b) => a + b) / values.length;
  const std = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
  return { mean, std, min: Math.min(...values), max: Math.max(...values) };
};

describe('initialisers', () => {
  // A weight of a convolution: fanIn 200, fanOut 400.
  const weight = () => zeros([80, 40, 5]);

  it.each<[string, (t: Tensor) => Tensor, number]>([
    ['xavierUniform_', (t) => init.xavierUniform_(t, 2, random()), 2 * Math.sqrt(2 / 600)],
    ['xavierNormal_', (t) => init.xavierNormal_(t, 1, random()), Math.sqrt(2 / 600)],
    ['kaimingUniform_', (t) => init.kaimingUniform_(t, { random: random() }), Math.sqrt(2 / 200)],
    [
      'kaimingNormal_',
      (t) => init.kaimingNormal_(t, { mode: 'fanOut', nonlinearity: 'tanh', random: random() }),
      5 / 3 / Math.sqrt(400),
    ],
    ['normal_', (t) => init.normal_(t, 0, 3, random()), 3],
    ['uniform_', (t) => init.uniform_(t, -1, 1, random()), 1 / Math.sqrt(3)],
  ])('%s has its standard deviation', async (name, fill, std) => {
    const found = await statistics(fill(weight()));
    expect(found.std / std).toBeCloseTo(1, 1);
    expect(Math.abs(found.mean)).toBeLessThan(0.05 * std);
    if (name.includes('niform')) {
      expect(found.max).toBeLessThanOrEqual(Math.sqrt(3) * std * 1.0001);
      expect(found.max).toBeGreaterThan(0.99 * Math.sqrt(3) * std);
    }
  });

  it('uniform_ leaves its upper bound out after rounding to float32', async () => {
    // The greatest number that a generator gives.
    const greatest = () => Object.assign(new Philox(0), { uniform: () => 1 - 2 ** -53 });
    const last = async (a: number, b: number) =>
      (await init.uniform_(zeros([1]), a, b, greatest()).data())[0];
    expect(await last(0, 1)).toBe(1 - 2 ** -24);
    expect(await last(-3, -1)).toBe(-1 - 2 ** -23);
    expect(await last(-1, 0)).toBeLessThan(0);
    expect(await last(0, 0.1)).toBeLessThan(0.1);
    expect(await last(2, 2)).toBe(2);
  });

  it('truncNormal_ stays between its bounds, with the moments of a cut normal', async () => {
    const cut = await statistics(init.truncNormal_(weight(), { random: random() }));
    expect(cut.min).toBeGreaterThanOrEqual(-2);
    expect(cut.max).toBeLessThanOrEqual(2);
    // Variance of a normal cut at two standard deviations: 1 - 4 φ(2) / (2 Φ(2) - 1).
    expect(cut.std).toBeCloseTo(Math.sqrt(0.7737), 1);
    const far = await statistics(init.truncNormal_(weight(), { a: 3, b: 4, random: random() }));
    expect(far.min).toBeGreaterThanOrEqual(3);
    expect(far.mean).toBeCloseTo(3.26, 1);
    expect(() => init.truncNormal_(weight(), { a: 2, b: 1 })).toThrow('expected a < b');
  });

  it('gains are PyTorch’s; vectors have no fans', async () => {
    expect(init.calculateGain('leakyRelu', 2)).toBeCloseTo(Math.sqrt(0.4), 12);
    expect(init.calculateGain('relu')).toBe(Math.SQRT2);
    expect(init.calculateGain('linear')).toBe(1);
    expect(init.calculateGain('selu')).toBe(0.75);
    const unknown = 'leaky_relu' as 'leakyRelu';
    expect(() => init.calculateGain(unknown)).toThrow('`nonlinearity`: expected linear, sigmoid');
    expect(() => init.kaimingUniform_(zeros([2, 2]), { mode: 'fan_out' as 'fanOut' })).toThrow(
      'kaimingUniform_: `mode`: expected fanIn or fanOut, got "fan_out"',
    );
    expect(() => init.xavierUniform_(zeros([3]))).toThrow('two dimensions or more, got [3]');
    expect(await init.ones_(zeros([2])).tolist()).toEqual([1, 1]);
    expect(await init.zeros_(init.ones_(zeros([2]))).tolist()).toEqual([0, 0]);
  });

  it.each([[[4, 6]], [[6, 4]], [[4, 3, 2]]])(
    'orthogonal_ makes rows or columns of %j orthonormal, times a gain',
    async (shape) => {
      const matrix = init.orthogonal_(zeros(shape), 2, random()).reshape([shape[0], -1]);
      const [rows, cols] = matrix.shape;
      const short = rows <= cols ? matrix : matrix.t();
      const product = (await short.mm(short.t()).tolist()) as number[][];
      for (const [i, row] of product.entries())
        for (const [j, value] of row.entries()) expect(value).toBeCloseTo(i === j ? 4 : 0, 5);
      expect(() => init.orthogonal_(zeros(3))).toThrow('two dimensions or more, got [3]');
    },
  );

  it('eye_ is ones on the diagonal', async () => {
    expect(await init.eye_(zeros(2, 3)).tolist()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(() => init.eye_(zeros(3))).toThrow('two dimensions, got [3]');
  });
});
