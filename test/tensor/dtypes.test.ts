import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { ArgumentError, StateError } from '../../src/platform/errors.ts';
import * as w from '../../src/tensor/index.ts';
import { Philox } from '../../src/tensor/random.ts';
import { allDevices } from '../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices[1][1]?.destroy());
const guide = readFileSync(new URL('../../docs/dtypes.md', import.meta.url), 'utf8');
/** The rows of the table of results. */
const rows = [...guide.matchAll(/^\| ([^|]+), ([^|]+) \| (\w+) \| (\w+) \|$/gm)].map((match) =>
  match.slice(1),
);

/** A number rounded to 16 bits in plain arithmetic. */
function rounded(value: number, dtype: 'float16' | 'bfloat16'): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const [bits, least] = dtype === 'float16' ? [11, -24] : [8, -133];
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const step = 2 ** Math.max(exponent - bits + 1, least);
  const [low, rest] = [Math.floor(value / step), value / step - Math.floor(value / step)];
  const up = rest > 0.5 || (rest === 0.5 && low % 2 !== 0);
  const result = (low + Number(up)) * step;
  const most = dtype === 'float16' ? 65504 : 3.3895313892515355e38;
  const size = Math.abs(result) > most ? Number.POSITIVE_INFINITY : Math.abs(result);
  return Math.sign(value) * size;
}

describe.each(devices)('dtypes on %s', (_, device) => {
  const here = it.skipIf(!device);
  const tensor = (values: w.NestedArray, dtype?: w.DType) =>
    w.tensor(values, { dtype, device: device! });
  const operand = (text: string): w.Tensor | number => {
    if (/number/.test(text)) return 2;
    if (/float32 scalar/.test(text)) return tensor(1.5);
    return tensor([1, 2, 3], text.split(' ')[0] as w.DType);
  };

  here.each(rows)('%s and %s compute in %s and give %s', async (a, b, _computed, result) => {
    const x = operand(a) as w.Tensor;
    for (const one of b.split(' or ')) {
      const y = operand(one.replace(/^a /, ''));
      expect(x.mul(y).dtype).toBe(result);
      if (typeof y !== 'number') expect(w.cat([x, x]).dtype).toBe(x.dtype);
    }
  });

  here('masks stay masks where their elements are chosen', async () => {
    const mask = tensor([true, false, true], 'bool');
    const other = tensor([false, false, true], 'bool');
    const square = w.ones([2, 2], { dtype: 'bool', device: device! });
    const found = {
      tril: w.tril(square),
      triu: w.triu(square),
      where: w.where(mask, other, mask),
      number: w.where(mask, 1, other),
      filled: mask.maskedFill(other, 0),
      full: other.maskedFill(mask, 7),
      larger: mask.maximum(other),
      smaller: mask.minimum(other),
    };
    for (const [name, x] of Object.entries(found)) expect([name, x.dtype]).toEqual([name, 'bool']);
    expect(await found.tril.bitwiseNot().tolist()).toEqual([
      [0, 1],
      [0, 0],
    ]);
    expect(await found.where.tolist()).toEqual([0, 0, 1]);
    expect(await found.number.tolist()).toEqual([1, 0, 1]);
    expect(await found.filled.tolist()).toEqual([1, 0, 0]);
    expect(await found.full.tolist()).toEqual([1, 0, 1]);
    expect(w.where(mask, 2, other).dtype).toBe('int32');
    expect(mask.maximum(1).dtype).toBe('int32');
    const ints = tensor([1, 2, 3], 'int32');
    expect((await ints.maskedFill(mask, 9).tolist()) as number[]).toEqual([9, 2, 9]);
    expect(() => ints.maskedFill(mask, 1.5)).toThrow('expected an integer of 32 bits');
  });

  here('what is written in place fits the dtype, or is refused', async () => {
    const mask = tensor([true, false, true], 'bool');
    expect(await mask.copy_(tensor([0.5, 2, 0])).tolist()).toEqual([1, 1, 0]);
    expect(await mask.add_(mask.to('bool')).tolist()).toEqual([1, 1, 0]);
    expect(mask.dtype).toBe('bool');
    const ints = tensor([3, 5, -7], 'int32');
    for (const write of [
      () => ints.mul_(0.5),
      () => ints.div_(2),
      () => ints.add_(tensor([1.5, 0, 0])),
      () => mask.mul_(0.5),
    ])
      expect(write).toThrow(/the result is float32, which .* cannot hold/);
    expect(await ints.mul_(2).tolist()).toEqual([6, 10, -14]);
    // As in PyTorch, copy_ converts.
    expect(await ints.copy_(tensor([1.5, -1.5, 0])).tolist()).toEqual([1, -1, 0]);
  });

  here.each(['float16', 'bfloat16'] as const)('%s rounds to nearest, even', async (dtype) => {
    const random = new Philox(3);
    const values = Float32Array.from({ length: 301 }, (_v, i) =>
      i < 40 ? (i - 20) * 2 ** -25 : random.normal() * 10 ** (random.uniform() * 14 - 8),
    );
    const more = [0, -0, 1 / 0, -1 / 0, 65504, 65519, 65520, 1 + 2 ** -11, 1 + 3 * 2 ** -11];
    const all = Float32Array.of(...values, ...more, 3.4e38);
    const expected = Array.from(all, (v) => rounded(v, dtype));
    const [made, converted] = [tensor(all, dtype), tensor(all).to(dtype)];
    expect(made.dtype).toBe(dtype);
    expect(Array.from(await made.data())).toEqual(expected);
    expect(Array.from(await converted.data())).toEqual(expected);
    expect(Array.from(await converted.float().data())).toEqual(expected);
    expect(await tensor([Number.NaN]).to(dtype).tolist()).toEqual([Number.NaN]);
    expect(made.storage.bytes).toBe(4 * Math.ceil(all.length / 2));
  });

  here('halves are viewed, joined, looked up and written', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]).half();
    expect(
      await x
        .transpose(0, 1)
        .slice([[1, 3]])
        .tolist(),
    ).toEqual([
      [2, 5],
      [3, 6],
    ]);
    expect(
      await w
        .cat([x, x.add(0.5)])
        .select(0, 3)
        .tolist(),
    ).toEqual([4.5, 5.5, 6.5]);
    const ids = tensor(Int32Array.of(1, 0));
    expect(w.embedding(ids, x).dtype).toBe('float16');
    expect(await w.embedding(ids, x).tolist()).toEqual([
      [4, 5, 6],
      [1, 2, 3],
    ]);
    expect(await x.matmul(x.transpose(0, 1)).tolist()).toEqual([
      [14, 32],
      [32, 77],
    ]);
    expect(await x.add_(1).tolist()).toEqual([
      [2, 3, 4],
      [5, 6, 7],
    ]);
    expect(await w.onesLike(x).mul(3).tolist()).toEqual(Array(2).fill([3, 3, 3]));
    expect(() => x.slice([[0, 1]]).zero_()).toThrow(/^zero_: expected a whole float16 tensor/);
    expect(x.max(1).values.dtype).toBe('float16');
    expect(x.max(1).indices.dtype).toBe('int32');
  });

  here('gradients pass through conversions in float32', async () => {
    const x = tensor([1, 2]).requiresGrad_();
    x.bfloat16().square().sum().backward();
    expect([x.grad!.dtype, await x.grad!.tolist()]).toEqual(['float32', [2, 4]]);
    expect(() => tensor([1]).half().requiresGrad_()).toThrow(
      /expected a float32 tensor, got float16/,
    );
  });

  here('integers of 64 bits become int32, or throw', async () => {
    const ids = w.tensor(BigInt64Array.of(5n, -7n), { device: device! });
    expect([ids.dtype, await ids.tolist()]).toEqual(['int32', [5, -7]]);
    const large = /^tensor: expected integers of 32 bits, got 3000000000/;
    expect(() => w.tensor(BigInt64Array.of(3_000_000_000n))).toThrow(large);
    expect(() => w.tensor([3e9], { dtype: 'int32' })).toThrow(large);
    expect(() => w.tensor(Uint32Array.of(3e9))).toThrow(large);
    expect(() => w.tensor([1], { dtype: 'int64' as w.DType })).toThrow(/got "int64": integers are/);
    expect(() => tensor([1]).to('long' as w.DType)).toThrow(/^to: expected float32, float16/);
    expect(w.tensor(Uint8Array.of(200)).dtype).toBe('int32');
    expect(w.tensor(Float64Array.of(0.5)).dtype).toBe('float32');
  });
});

describe('printing', () => {
  it('shows values as PyTorch does, with shape, dtype and device', () => {
    const shown = (values: w.NestedArray, dtype?: w.DType) => String(w.tensor(values, { dtype }));
    expect(
      shown([
        [0.1, -1.2],
        [0.3, 4],
      ]),
    ).toBe(
      'tensor([[ 0.1000, -1.2000],\n        [ 0.3000,  4.0000]], shape=[2, 2], dtype=float32, ' +
        'device=cpu)',
    );
    expect(shown(Int32Array.of(1, -20))).toMatch(
      /^tensor\(\[ {2}1, -20\], shape=\[2\], dtype=int32/,
    );
    expect(shown([1, 2, 1 / 0])).toMatch(/^tensor\(\[ 1\., {2}2\., inf\],/);
    expect(shown([1e-6, 1])).toMatch(/^tensor\(\[1\.0000e-06, 1\.0000e\+00\],/);
    expect(shown(0.5)).toMatch(/^tensor\(0\.5000, shape=\[\],/);
    expect(shown([])).toMatch(/^tensor\(\[\], shape=\[0\],/);
    expect(shown([true, false])).toMatch(/^tensor\(\[ true, false\], shape=\[2\], dtype=bool/);
    expect(shown([1.5], 'float16')).toMatch(/^tensor\(\[1\.5000\], shape=\[1\], dtype=float16/);
    expect(`${w.ones(2).requiresGrad_()}`).toMatch(/requiresGrad=true\)$/);
  });

  it('shortens more than 1,000 elements and wraps lines', () => {
    const text = String(w.arange(0, 1001).reshape([7, 11, 13]));
    expect(text).toMatch(/^tensor\(\[\[\[ {3}0, {4}1, {4}2, {2}\.\.\., {3}10, {3}11, {3}12\],\n/);
    expect(text).toContain('\n         ...,\n');
    expect(String(w.arange(0, 40)).split('\n').length).toBeGreaterThan(1);
  });

  it('is what console.log shows in Node, and says so where values are elsewhere', async () => {
    const { inspect } = await import('node:util');
    const x = w.tensor([1]);
    expect(inspect(x)).toBe(String(x));
    const [, [, gpu]] = devices;
    if (gpu) expect(String(w.ones(2, { device: gpu }))).toMatch(/await x\.print\(\)/);
    x.dispose();
    expect(String(x)).toMatch(/disposed$/);
    await expect(x.data()).rejects.toThrow(StateError);
    expect(() => w.square('x' as unknown as w.Tensor)).toThrow(ArgumentError);
  });
});
