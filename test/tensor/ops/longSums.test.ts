import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import * as w from '../../../src/tensor/index.ts';
import { tryWebGpu } from '../../support/devices.ts';

/**
 * Long sums lose no more than three times what PyTorch's lose. Its errors were measured with
 * PyTorch 1.13 on a CPU, one thread: the root of the mean square of the difference from float64,
 * relative to that of the results, for 8 sums or 16 × 16 products of k = 4096, 65,536 and 500,000
 * terms. An error of half a unit in the last place always counts as allowed.
 */
const lengths = [4096, 65_536, 500_000];
const HALF_UNIT = 6e-8;
type Kind = 'normal' | 'positive' | 'equal';
type Bounds = Record<Kind, readonly number[]>;
const bounds = {
  sum: {
    normal: [1.1e-7, 1.1e-7, 1.5e-7],
    positive: [5.8e-8, 4.7e-8, 6e-8],
    equal: [1.5e-7, 1.5e-7, 2.5e-7],
  },
  product: {
    normal: [2.9e-7, 3.7e-7, 7.7e-7],
    positive: [7.8e-8, 1.9e-7, 5.5e-7],
    equal: [8.9e-7, 1.9e-6, 2e-6],
  },
  running: { normal: [0, 0, 0], positive: [0, 0, 0], equal: [0, 0, 0] },
  normalized: { normal: [0, 0, 7.1e-8], positive: [1.1e-7, 7.5e-8, 1.2e-7], equal: [] },
} as const satisfies Record<string, Bounds>;

const webgpu = await tryWebGpu();
const portable = await tryWebGpu({ subgroupSize: 0, software: false });
afterAll(() => {
  webgpu?.destroy();
  portable?.destroy();
});

/** Numbers of a kind: about zero, from 0 to 1, or all 0.1. */
function draw(kind: Kind, count: number, seed: number): Float32Array {
  if (kind === 'equal') return new Float32Array(count).fill(0.1);
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return kind === 'positive' ? state / 2 ** 32 : (state / 2 ** 32 - 0.5) * 3.4;
  });
}

function expectError(actual: w.TensorData, expected: Float64Array, most: number): void {
  let [error, size] = [0, 0];
  expected.forEach((value, i) => {
    error += (actual[i] - value) ** 2;
    size += value ** 2;
  });
  expect(actual.length).toBe(expected.length);
  expect(Math.sqrt(error / size)).toBeLessThanOrEqual(3 * Math.max(most, HALF_UNIT));
}

/** [m, k] times [k, n], in float64. */
function multiply(a: Float32Array, b: Float32Array, [m, k, n]: readonly number[]): Float64Array {
  const y = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let d = 0; d < k; d++) {
      const [x, at] = [a[i * k + d], d * n];
      for (let j = 0; j < n; j++) y[i * n + j] += x * b[at + j];
    }
  return y;
}

const rowsOf = (x: Float32Array, k: number, f: (row: Float32Array) => number) =>
  Float64Array.from({ length: x.length / k }, (_, r) => f(x.subarray(r * k, (r + 1) * k)));
const add = (row: Float32Array) => row.reduce((total, value) => total + value, 0);

const kinds = ['normal', 'positive', 'equal'] as const;
const cases = kinds
  .flatMap((kind) => lengths.map((k, i) => [kind, k, i] as const))
  .filter(([kind, k]) => kind === 'equal' || k < lengths[2]);

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
  ['webgpu without subgroups', portable],
] as const)('on %s', (_, device) => {
  const here = it.skipIf(!device);
  const on = (data: Float32Array, shape: number[]) => w.tensor(data, { shape, device: device! });

  here.each(cases)('sums of %s numbers, %i of them', async (kind, k, i) => {
    const data = draw(kind, 4 * k, k);
    const expected = rowsOf(data, k, add);
    const x = on(data, [4, k]);
    const columns = x.transpose(0, 1).contiguous();
    for (const y of [x.sum(1), columns.sum(0)])
      expectError(await y.data(), expected, bounds.sum[kind][i]);
    const means = expected.map((value) => value / k);
    expectError(await columns.mean(0).data(), means, bounds.sum[kind][i]);
  });

  here.each(cases)('running sums of %s numbers, %i of them', async (kind, k, i) => {
    const data = draw(kind, 2 * k, k);
    let total = 0;
    const expected = Float64Array.from(data, (value, at) => {
      total = at % k ? total + value : value;
      return total;
    });
    const found = await on(data, [2, k]).cumsum(1).data();
    expectError(found, expected, bounds.running[kind][i]);
  });

  const products = ['NN', 'NT', 'TN'] as const;
  here.each(cases.filter(([, k]) => k < 100_000))(
    'products of %s numbers, %i of them',
    async (kind, k, i) => {
      // Compiling a text takes a software adapter longest.
      const isSmall = k > 4096 || device === portable;
      const sizes = isSmall
        ? [[16, 16]]
        : [
            [16, 16],
            [5, 3],
            [9, 11],
          ];
      for (const [m, n] of sizes) {
        const [a, b] = [draw(kind, m * k, 1), draw(kind, k * n, 2)];
        const expected = multiply(a, b, [m, k, n]);
        const [x, y] = [on(a, [m, k]), on(b, [k, n])];
        const turned = (z: w.Tensor) => z.transpose(0, 1).contiguous().transpose(0, 1);
        for (const layout of device === portable ? products.slice(0, 1) : products) {
          const product = (layout === 'TN' ? turned(x) : x).matmul(layout === 'NT' ? turned(y) : y);
          expectError(await product.data(), expected, bounds.product[kind][i]);
        }
      }
    },
  );

  here.each(kinds)('vectors of 500,000 %s numbers', async (kind) => {
    const k = lengths[2];
    const [a, b] = [draw(kind, 8 * k, 1), draw(kind, k, 2)];
    const expected = multiply(a, b, [8, k, 1]);
    expectError(
      await on(a, [8, k])
        .matmul(on(b, [k]))
        .data(),
      expected,
      bounds.product[kind][2],
    );
  });

  here.each(cases.filter(([kind, k]) => kind !== 'equal' && k < 100_000))(
    'layers that normalise %s numbers, %i of them',
    async (kind, k, i) => {
      const data = draw(kind, 2 * k, k);
      const expected = new Float64Array(2 * k);
      for (let r = 0; r < 2; r++) {
        const row = data.subarray(r * k, (r + 1) * k);
        const mean = add(row) / k;
        const squares = row.reduce((total, value) => total + (value - mean) ** 2, 0);
        const rstd = 1 / Math.sqrt(squares / k + 1e-5);
        row.forEach((value, c) => {
          expected[r * k + c] = (value - mean) * rstd;
        });
      }
      const found = await w.layerNorm(on(data, [2, k]), [k]).data();
      expectError(found, expected, bounds.normalized[kind as 'normal'][i]);
    },
  );

  here('attention over 4,096 keys, without and with gradients', async () => {
    const keys = 4096;
    const [k, v] = [draw('normal', keys * 8, 3), draw('positive', keys * 8, 4)];
    // A query of 0 weighs all keys alike.
    const expected = Float64Array.from(
      { length: 8 },
      (_, d) => v.reduce((total, value, at) => total + (at % 8 === d ? value : 0), 0) / keys,
    );
    const shape = [1, 1, keys, 8];
    if ((device as Device).traits.software)
      for (const needsGrad of [false, true]) {
        const query = w.zeros([1, 1, 1, 8], { device: device! }).requiresGrad_(needsGrad);
        const y = w.scaledDotProductAttention(query, on(k, shape), on(v, shape));
        expectError(await y.data(), expected, 1.7e-7);
      }
  });
});
