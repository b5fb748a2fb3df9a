import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import * as w from '../../src/tensor/index.ts';
import { Philox } from '../../src/tensor/random.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
const devices = [
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const;
const sizes = fc.integer({ min: 1, max: 41 });
const random = new Philox(5);
const values = (n: number) => Float32Array.from({ length: n }, () => random.normal());
const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) => {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i] - expected[i]), `element ${i}`).toBeLessThanOrEqual(tolerance);
};

describe.each(devices)('on %s', (_, device) => {
  const here = it.skipIf(!device);
  const tensor = (data: w.NestedArray, shape?: number[]) =>
    w.tensor(data, { shape, device: device! });

  here('matmul of any shapes and layouts is the sum of products', async () => {
    const shapes = fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      sizes,
      sizes,
      sizes,
      fc.boolean(),
      fc.boolean(),
    );
    await fc.assert(
      fc.asyncProperty(shapes, async ([batch, m, k, n, transposeA, transposeB]) => {
        const [a, b] = [values(batch * m * k), values(batch * k * n)];
        const expected = new Float64Array(batch * m * n);
        for (let i = 0; i < batch; i++)
          for (let r = 0; r < m; r++)
            for (let c = 0; c < n; c++)
              for (let x = 0; x < k; x++) {
                const fromA = transposeA ? a[i * m * k + x * m + r] : a[i * m * k + r * k + x];
                const fromB = transposeB ? b[i * k * n + c * k + x] : b[i * k * n + x * n + c];
                expected[(i * m + r) * n + c] += fromA * fromB;
              }
        const product = w.scope(() => {
          const ta = transposeA
            ? tensor(a, [batch, k, m]).transpose(1, 2)
            : tensor(a, [batch, m, k]);
          const tb = transposeB
            ? tensor(b, [batch, n, k]).transpose(1, 2)
            : tensor(b, [batch, k, n]);
          return ta.matmul(tb);
        });
        close(await product.data(), expected, 1e-5 * (k + 1));
        product.dispose();
      }),
      { numRuns: 60 },
    );
  });

  here('broadcasting, permuting and slicing read the right elements', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, sizes, fc.integer({ min: 1, max: 5 }), async (rows, cols, step) => {
        const [a, b] = [values(rows * cols), values(cols)];
        const x = tensor(a, [rows, cols]);
        const result = w.scope(() =>
          x
            .add(tensor(b))
            .transpose(0, 1)
            .slice([[0, null, step]])
            .mul(2),
        );
        const expected: number[] = [];
        for (let c = 0; c < cols; c += step)
          for (let r = 0; r < rows; r++) expected.push(2 * (a[r * cols + c] + b[c]));
        close(await result.data(), expected, 1e-5);
        result.dispose();
        x.dispose();
      }),
      { numRuns: 40 },
    );
  });

  here('sums over any dimensions', async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        sizes,
        sizes,
        fc.subarray([0, 1, 2], { minLength: 1 }),
        async (a, b, c, dims) => {
          const data = values(a * b * c);
          const totals = new Map<string, number>();
          data.forEach((value, i) => {
            const index = [Math.floor(i / (b * c)), Math.floor(i / c) % b, i % c]
              .filter((_, d) => !dims.includes(d))
              .join();
            totals.set(index, (totals.get(index) ?? 0) + value);
          });
          const sum = w.scope(() => tensor(data, [a, b, c]).sum(dims));
          close(await sum.data(), [...totals.values()], 1e-5 * Math.sqrt(data.length));
          sum.dispose();
        },
      ),
      { numRuns: 40 },
    );
  });

  const functions: Record<string, (x: w.Tensor) => w.Tensor> = {
    gelu: (x) => w.gelu(x),
    'gelu by tanh': (x) => w.gelu(x, 'tanh'),
    tanh: (x) => x.tanh(),
    softmax: (x) => x.softmax(0),
    logSoftmax: (x) => x.logSoftmax(-1),
    layerNorm: (x) => w.layerNorm(x, [x.shape[1]]),
    variance: (x) => x.var(1),
    logsumexp: (x) => x.logsumexp(1),
    attention: (x) => x.matmul(x.transpose(0, 1)).softmax(-1).matmul(x),
    'sliced, padded and joined': (x) =>
      w.cat([w.pad(x.slice([null, [1, null]]), [1, 0]), x.square()], 0).tanh(),
    division: (x) => x.div(x.square().add(1)),
    'cross-entropy': (x) =>
      w.crossEntropy(x, w.arange(x.shape[0], undefined, { device: x.device }), {
        labelSmoothing: 0.1,
      }),
  };
  here.each(Object.entries(functions))(
    'the gradient of %s agrees with finite differences',
    async (_, f) => {
      const [rows, cols] = [5, 7];
      const draws = new Philox(7);
      const [at, along, weights] = [rows * cols, rows * cols, 200].map((n) =>
        Float32Array.from({ length: n }, () => draws.normal()),
      );
      const weighed = (data: Float32Array) => {
        const x = tensor(data, [rows, cols]).requiresGrad_();
        const y = f(x);
        return { x, y: y.mul(tensor(weights.slice(0, y.size), [...y.shape])).sum() };
      };
      const { x, y } = weighed(at);
      y.backward();
      const gradient = Array.from(await x.grad!.data());
      const slope = gradient.reduce((sum, g, i) => sum + g * along[i], 0);
      const value = (step: number) => weighed(at.map((v, i) => v + step * along[i])).y.item();
      const difference = async (step: number) =>
        ((await value(step)) - (await value(-step))) / (2 * step);
      // Two steps combined, so that the curvature cancels (Richardson).
      const measured = (4 * (await difference(1e-2)) - (await difference(2e-2))) / 3;
      expect(Math.abs(measured - slope)).toBeLessThan(3e-3 * Math.max(1, Math.abs(slope)));
    },
  );

  here('dropout keeps the stated share, scales it, and masks the gradient alike', async () => {
    w.manualSeed(3);
    const x = w.ones([100, 1000], { device: device! }).requiresGrad_();
    const y = w.dropout(x, 0.3);
    const kept = Array.from(await y.data());
    expect(kept.reduce((n, v) => n + Number(v !== 0), 0) / kept.length).toBeCloseTo(0.7, 2);
    expect(new Set(kept)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
    y.sum().backward();
    expect(Array.from(await x.grad!.data())).toEqual(kept);
  });

  here(
    'backward adds to what is there, and not through detached or untracked tensors',
    async () => {
      const x = tensor([1, 2, 3]).requiresGrad_();
      x.mul(2).sum().backward();
      x.mul(x.detach()).sum().backward();
      expect([...(await x.grad!.data())]).toEqual([3, 4, 5]);
      expect(w.noGrad(() => x.mul(2)).requiresGrad).toBe(false);
      const used = x.square().sum();
      used.backward();
      expect(() => used.backward()).toThrow(/used before/);
    },
  );

  here('lets no NaN pass silently', async () => {
    const x = tensor([Number.NaN, -1, 2]);
    for (const f of [
      w.relu,
      (t: w.Tensor) => t.clamp(-1, 1),
      (t: w.Tensor) => t.maximum(0),
      (t: w.Tensor) => tensor([0, 0, 0]).minimum(t),
      (t: w.Tensor) => t.softmax(0),
    ]) {
      expect(Number.isNaN((await f(x).data())[0])).toBe(true);
    }
    expect(
      Number.isNaN(
        await w
          .linear(x, w.ones([2, 3], { device: device! }), w.ones([2], { device: device! }), 'relu')
          .sum()
          .item(),
      ),
    ).toBe(true);
  });

  here('scope frees all but what it returns', async () => {
    const before = device!.memory().buffers;
    const kept = w.scope(() => {
      const x = tensor([1, 2]);
      return [x.add(1).mul(3), x.exp()][0];
    });
    expect(device!.memory().buffers).toBe(before + 1);
    expect([...(await kept.data())]).toEqual([6, 9]);
    kept.dispose();
    expect(device!.memory().buffers).toBe(before);
    await expect(kept.data()).rejects.toThrow(/disposed/);
  });
});

describe('what does not fit is refused by name', () => {
  const x = w.zeros([2, 3]);
  const ids = w.tensor([0, 7], { dtype: 'int32' });
  it.each<[string, () => unknown, RegExp]>([
    ['matmul', () => x.matmul(w.zeros([2, 3])), /matmul: inner sizes differ: \[2, 3\] × \[2, 3\]/],
    ['add', () => x.add(w.zeros([2])), /add: shapes \[2, 3\] and \[2\] do not broadcast/],
    [
      'reshape',
      () => x.reshape([4, -1]),
      /reshape: \[2, 3\] has 6 elements, which do not fit \[4, -1\]/,
    ],
    [
      'embedding',
      () => w.embedding(ids, w.zeros([5, 4])),
      /embedding: index 7 is out of range: there are 5 rows \(0 to 4\)/,
    ],
    [
      'crossEntropy',
      () => w.crossEntropy(x, w.tensor([0, 3], { dtype: 'int32' })),
      /label 3 is out of range: there are 3 classes/,
    ],
    [
      'linear',
      () => w.linear(x, w.zeros([4, 5]), w.zeros([4])),
      /linear: expected an input of last size 5, as the weight \[4, 5\], got \[2, 3\]/,
    ],
    [
      "linear's bias",
      () => w.linear(x, w.zeros([4, 3]), w.zeros([1])),
      /linear: expected a bias of shape \[4\], got \[1\]/,
    ],
    ['cat', () => w.cat([x, w.zeros([2, 4])]), /cat: .*does not fit/],
    [
      'cat of scalars',
      () => w.cat([w.tensor(1), w.tensor(2)]),
      /cat: a scalar has no dimension: reshape it to \[1\]/,
    ],
    ['flip of a scalar', () => w.tensor(1).flip([0]), /flip: a scalar has no dimension/],
    ['a shape', () => w.randn([2, -1]), /invalid shape \[2, -1\]/],
    ['chunk', () => w.chunk(x, 0), /chunk: expected a whole number of chunks ≥ 1, got 0/],
    ['split', () => w.split(x, 0), /split: expected sizes ≥ 1, got 0/],
    ['softmax', () => x.softmax(2), /dimension 2 is out of range/],
    [
      'backward',
      () => w.zeros([2]).requiresGrad_().mul(2).backward(),
      /expected a gradient for a tensor of shape/,
    ],
    ['tensor', () => w.tensor([[1, 2], [3]]), /ragged/],
    ['requiresGrad_', () => ids.requiresGrad_(), /expected a float32 tensor, got int32/],
    ['scope', () => w.scope(async () => 1), /must not be async/],
  ])('%s', (_, attempt, message) => {
    expect(attempt).toThrow(message);
  });
});

describe.skipIf(!webgpu)('both devices', () => {
  afterEach(() => w.setDevice(new CpuDevice()));
  it('draw the same random numbers and masks', async () => {
    const draw = async (device: NonNullable<typeof webgpu> | CpuDevice) => {
      w.manualSeed(11);
      const x = w.randn([33, 5], { device });
      return [await x.data(), await w.dropout(x, 0.5).data()];
    };
    expect(await draw(webgpu!)).toEqual(await draw(new CpuDevice()));
  });
});
