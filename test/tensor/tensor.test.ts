import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { ArgumentError } from '../../src/platform/errors.ts';
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
      // Φ(-z) by the continued fraction of Mills' ratio (Abramowitz & Stegun 26.2.14) beyond 2, and by a series of φ below.
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
      ['sum', () => ints.sum()],
      ['affine', () => ints.add(1)],
      ['add', () => floats.add(ints)],
      ['mul', () => floats.mul(mask)],
      ['max', () => ints.amax(0)],
      ['argmax', () => ints.argmax(0)],
      ['where', () => w.where(mask, ints, ints)],
      ['where', () => ints.maskedFill(mask, 0)],
      ['gather', () => ints.gather(0, ints)],
      ['embedding', () => ints.indexSelect(0, tensor(Int32Array.of(0)))],
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
    ['a shape', () => w.randn([2, -1]), /\[2, -1\] is no shape of a tensor/],
    ['chunk', () => w.chunk(x, 0), /chunk: expected 1 or more chunks, got 0/],
    ['split', () => w.split(x, 0), /split: expected a size ≥ 1, got 0/],
    ['softmax', () => x.softmax(2), /dimension 2 is out of range/],
    ['backward', () => w.zeros([2]).requiresGrad_().mul(2).backward(), /a gradient must be given/],
    ['tensor', () => w.tensor([[1, 2], [3]]), /ragged/],
    ['requiresGrad_', () => ids.requiresGrad_(), /only float32/],
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
