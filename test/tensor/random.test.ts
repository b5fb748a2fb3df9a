import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/platform/errors.ts';
import { Philox, philox4x32 } from '../../src/tensor/random.ts';

const hex = (words: Iterable<number>) =>
  [...words].map((w) => w.toString(16).padStart(8, '0')).join(' ');

describe('philox4x32', () => {
  // The known-answer vectors of Random123, the authors' own library.
  it.each([
    ['zeros', [0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [
      'ones',
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
    ],
    [
      'digits of pi',
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ],
  ])('answers the known vector of %s', (_, c, k, expected) => {
    const out = new Uint32Array(4);
    philox4x32(c[0], c[1], c[2], c[3], k[0], k[1], out);
    expect(hex(out)).toBe(expected);
  });

  it('agrees with the definition in big integers', () => {
    const draw = new Philox(5);
    const out = new Uint32Array(4);
    for (let i = 0; i < 200; i++) {
      const [c0, c1, c2, c3, k0, k1] = Array.from({ length: 6 }, () => draw.nextUint32());
      philox4x32(c0, c1, c2, c3, k0, k1, out);
      expect([...out]).toEqual(philoxOfBigInts([c0, c1, c2, c3], [k0, k1]));
    }
  });
});

/** Philox4x32-10 written out in arbitrary precision. */
function philoxOfBigInts(counter: number[], key: number[]): number[] {
  const mask = 0xffffffffn;
  let [c0, c1, c2, c3] = counter.map(BigInt);
  let [k0, k1] = key.map(BigInt);
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2511f53n * c0;
    const p1 = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [c0, c1, c2, c3].map(Number);
}

describe('Philox', () => {
  it('streams the blocks of its counter, keyed by the seed', () => {
    const stream = new Philox(0);
    const words = Array.from({ length: 8 }, () => stream.nextUint32());
    const second = new Uint32Array(4);
    philox4x32(1, 0, 0, 0, 0, 0, second);
    expect(hex(words.slice(0, 4))).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    expect(words.slice(4)).toEqual([...second]);
  });

  it('takes all bits of a seed and of a stream, negative ones too', () => {
    const block = new Uint32Array(4);
    philox4x32(0, 0, 0xfffffffe, 0xffffffff, 0x9abcdef0, 0x5678, block);
    expect(new Philox(0x56789abcdef0, -2).nextUint32()).toBe(block[0]);
    philox4x32(0, 0, 0, 0, 0xffffffff, 0xffffffff, block);
    expect(new Philox(-1).nextUint32()).toBe(block[0]);
    const firsts = [1, 2, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map((seed) =>
      new Philox(seed).nextUint32(),
    );
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  it('rejects a seed that is no safe integer', () => {
    expect(() => new Philox(0.5)).toThrow('seed: expected a safe integer, got 0.5');
    expect(() => new Philox(2 ** 53)).toThrow(ArgumentError);
    expect(() => new Philox(1, Number.NaN)).toThrow('stream: expected a safe integer');
  });

  it('draws uniforms with the mean, variance and range of [0, 1)', () => {
    const philox = new Philox(1);
    const draws = Array.from({ length: 100_000 }, () => philox.uniform());
    const { mean, variance } = moments(draws);
    expect(Math.min(...draws.slice(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(draws.every((x) => x < 1)).toBe(true);
    // Four standard errors: 0.289 / sqrt(n) for the mean, 0.0745 / sqrt(n) for the variance.
    expect(Math.abs(mean - 0.5)).toBeLessThan((4 * 0.289) / Math.sqrt(100_000));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan((4 * 0.0745) / Math.sqrt(100_000));
    expect(draws.some((x) => (x * 2 ** 32) % 1 !== 0)).toBe(true);
  });

  it('draws normals with the moments and tails of the normal distribution', () => {
    const philox = new Philox(2);
    const n = 200_000;
    const draws = Array.from({ length: n }, () => philox.normal());
    const { mean, variance } = moments(draws);
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(variance - 1)).toBeLessThan((4 * Math.SQRT2) / Math.sqrt(n));
    const beyond = (limit: number) => draws.filter((x) => Math.abs(x) > limit).length / n;
    expect(beyond(1)).toBeCloseTo(0.3173, 2);
    expect(beyond(2)).toBeCloseTo(0.0455, 2);
    // The two of a pair are independent of each other.
    let product = 0;
    for (let i = 0; i < n; i += 2) product += draws[i] * draws[i + 1];
    expect(Math.abs(product / (n / 2))).toBeLessThan(4 / Math.sqrt(n / 2));
  });

  it('draws integers without the bias of a remainder', () => {
    const philox = new Philox(4);
    const n = 30_000;
    // By remainder alone, half of the draws would fall into the first third.
    const draws = Array.from({ length: n }, () => philox.randint(3 * 2 ** 30));
    const low = draws.filter((x) => x < 2 ** 30).length;
    expect(Math.abs(low / n - 1 / 3)).toBeLessThan((4 * 0.471) / Math.sqrt(n));
    expect(philox.randint(1)).toBe(0);
    expect(philox.randint(2 ** 32)).toBeLessThan(2 ** 32);
  });

  it('shuffles without losing anything, every order equally often', () => {
    const philox = new Philox(3);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = philox.shuffle(['a', 'b', 'c', 'd']).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquare = [...counts.values()].reduce(
      (sum, count) => sum + (count - 1000) ** 2 / 1000,
      0,
    );
    expect(chiSquare).toBeLessThan(49.7); // 23 degrees of freedom, p = 0.001
  });

  it('permutes 0 to n - 1, the same way for the same seed', () => {
    const order = new Philox(7).permutation(1000);
    expect(order).toEqual(new Philox(7).permutation(1000));
    expect(order).not.toEqual(new Philox(8).permutation(1000));
    expect(order).not.toEqual(new Philox(7, 1).permutation(1000));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(new Philox(7).permutation(0)).toHaveLength(0);
  });

  it.each([0, 1, 3, 4, 5])('goes on after %i words where its state was taken', (words) => {
    const philox = new Philox(11, 4);
    for (let i = 0; i < words; i++) philox.nextUint32();
    philox.normal();
    const restored = Philox.restore(JSON.parse(JSON.stringify(philox.state)));
    const next = (p: Philox) => [p.normal(), p.nextUint32(), p.uniform(), p.normal()];
    expect(next(restored)).toEqual(next(philox));
  });
});

function moments(values: number[]) {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return { mean, variance };
}
