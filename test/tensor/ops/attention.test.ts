import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { ArgumentError } from '../../../src/platform/errors.ts';
import * as w from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { tryWebGpu } from '../../support/devices.ts';

const cpu = new CpuDevice();
// Takes the fused kernels' references where a processor had better not: for gradients.
const fusing = Object.assign(new CpuDevice(), { traits: { ...cpu.traits, software: false } });
const webgpu = await tryWebGpu();
// What browsers' GPUs run: tiles in workgroup memory.
const portable = await tryWebGpu({ subgroupSize: 0, software: false });
afterAll(() => {
  webgpu?.destroy();
  portable?.destroy();
});

/** The lowest finite float32, which masks what BERT must not see. */
const LOWEST = -3.4028234663852886e38;

interface Sizes {
  batch: number;
  heads: number;
  length: number;
  keys: number;
  size: number;
}
type Inputs = {
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  dy: Float32Array;
  mask: Float32Array;
};

/** Random rows [batch, rows, heads · size], and a mask that hides about a quarter of the keys. */
function draw({ batch, heads, length, keys, size }: Sizes, seed = 1): Inputs {
  const random = new Philox(seed);
  const normal = (n: number) => Float32Array.from({ length: n }, () => random.normal());
  const [ofQueries, ofKeys] = [batch * length * heads * size, batch * keys * heads * size];
  const mask = Float32Array.from({ length: batch * keys }, (_, i) =>
    i % keys > 0 && random.randint(4) === 0 ? LOWEST : 0,
  );
  return {
    q: normal(ofQueries),
    k: normal(ofKeys),
    v: normal(ofKeys),
    dy: normal(ofQueries),
    mask,
  };
}

const fused = (
  q: w.Tensor,
  k: w.Tensor,
  v: w.Tensor,
  attnMask: w.Tensor,
  dropoutP: number,
): w.Tensor => w.scaledDotProductAttention(q, k, v, { attnMask, dropoutP });
const composed = (q: w.Tensor, k: w.Tensor, v: w.Tensor, mask: w.Tensor, rate: number): w.Tensor =>
  w.matmul(
    w.dropout(
      w.maskedSoftmax(w.matmul(q, k.transpose(-1, -2)), mask, 1 / Math.sqrt(q.shape[3])),
      rate,
    ),
    v,
  );

const causal: typeof fused = (q, k, v, attnMask, dropoutP) =>
  w.scaledDotProductAttention(q, k, v, { attnMask, dropoutP, isCausal: true });
/** The same of operations that know nothing of it. */
const composedCausal: typeof fused = (q, k, v, mask, rate) => {
  const [length, keys] = [q.shape[2], k.shape[2]];
  const ahead = Array.from({ length }, (_, r) => Array.from({ length: keys }, (_, c) => c > r));
  const scores = w
    .matmul(q, k.transpose(-1, -2))
    .mul(1 / Math.sqrt(q.shape[3]))
    .add(mask);
  return w.matmul(
    w.dropout(scores.maskedFill(w.tensor(ahead, { device: q.device }), LOWEST).softmax(-1), rate),
    v,
  );
};

/**
 * The result as [batch, length, heads · size] and the gradients of q, k and v, by one of the two.
 */
async function results(
  device: Device,
  how: typeof fused,
  sizes: Sizes,
  inputs: Inputs,
  rate = 0,
): Promise<ArrayLike<number>[]> {
  const { batch, heads, length, keys, size } = sizes;
  w.manualSeed(3);
  const all = w.scope(() => {
    const rows = (values: Float32Array, n: number) =>
      w.tensor(values, { shape: [batch, n, heads * size], device });
    const leaves = [rows(inputs.q, length), rows(inputs.k, keys), rows(inputs.v, keys)].map((x) =>
      x.requiresGrad_(),
    );
    const [q, k, v] = leaves.map((x) =>
      x.reshape([batch, x.shape[1], heads, size]).permute([0, 2, 1, 3]),
    );
    const mask = w.tensor(inputs.mask, { shape: [inputs.mask.length / keys, 1, 1, keys], device });
    const y = how(q, k, v, mask, rate)
      .permute([0, 2, 1, 3])
      .reshape([batch, length, heads * size]);
    w.backward(y, rows(inputs.dy, length));
    return [y, ...leaves.map(({ grad }) => grad!)];
  });
  const values = await Promise.all(all.map((x) => x.data()));
  for (const x of all) x.dispose();
  return values;
}

/**
 * Errors are relative to the largest magnitude of the result or of the inputs: cancelling terms
 * keep their rounding.
 */
function expectClose(
  actual: ArrayLike<number>[],
  expected: ArrayLike<number>[],
  tolerance = 1e-5,
): void {
  for (const [i, name] of ['y', 'dq', 'dk', 'dv'].entries()) {
    expect(actual[i].length).toBe(expected[i].length);
    const scale = Array.from(expected[i]).reduce(
      (most, value) => Math.max(most, Math.abs(value)),
      1,
    );
    let worst = 0;
    for (let e = 0; e < expected[i].length; e++) {
      const error = Math.abs(actual[i][e] - expected[i][e]);
      if (!(error <= worst)) worst = error;
    }
    expect(worst, `${name}: largest error, against ${scale} at most`).toBeLessThanOrEqual(
      tolerance * scale,
    );
  }
}

describe.each([
  ['cpu', cpu],
  ['cpu, always fused', fusing],
  ['webgpu', webgpu],
  ['webgpu without fixed subgroups', portable],
] as const)('scaledDotProductAttention on %s', (_, device) => {
  const here = it.skipIf(!device);

  here.each([
    ['BERT’s heads', { batch: 2, heads: 3, length: 40, keys: 40, size: 64 }, 0],
    ['BERT’s heads with dropout', { batch: 2, heads: 3, length: 37, keys: 37, size: 64 }, 0.1],
    ['more keys than queries', { batch: 2, heads: 2, length: 5, keys: 66, size: 12 }, 0.3],
    ['the largest heads', { batch: 1, heads: 2, length: 33, keys: 17, size: 128 }, 0.5],
    [
      'heads that the kernels are not made for',
      { batch: 2, heads: 2, length: 9, keys: 11, size: 6 },
      0.2,
    ],
    ['nothing kept', { batch: 1, heads: 1, length: 4, keys: 5, size: 12 }, 1],
  ])('equals its composition, gradients too: %s', async (_, sizes, rate) => {
    const inputs = draw(sizes);
    expectClose(
      await results(device!, fused, sizes, inputs, rate),
      await results(cpu, composed, sizes, inputs, rate),
    );
  });

  here('equals its composition for any shapes', async () => {
    const any = (max: number) => fc.integer({ min: 1, max });
    const shapes = fc.record({
      batch: any(3),
      heads: any(3),
      length: any(70),
      keys: any(70),
      size: fc.constant(12),
    });
    await fc.assert(
      fc.asyncProperty(shapes, fc.boolean(), async (sizes, drops) => {
        const inputs = draw(sizes, sizes.length);
        const rate = drops ? 0.4 : 0;
        expectClose(
          await results(device!, fused, sizes, inputs, rate),
          await results(cpu, composed, sizes, inputs, rate),
        );
      }),
      { numRuns: 15 },
    );
  });

  here.each([
    ['usual heads', { batch: 2, heads: 3, length: 40, keys: 40, size: 36 }, 0],
    ['usual heads with dropout', { batch: 2, heads: 3, length: 37, keys: 37, size: 36 }, 0.1],
    ['several tiles', { batch: 1, heads: 2, length: 131, keys: 131, size: 12 }, 0.3],
    ['keys that no query sees', { batch: 2, heads: 2, length: 5, keys: 66, size: 12 }, 0.3],
    ['queries that see all keys', { batch: 1, heads: 2, length: 66, keys: 33, size: 12 }, 0],
    [
      'heads that the kernels are not made for',
      { batch: 2, heads: 2, length: 9, keys: 11, size: 6 },
      0.2,
    ],
  ])('looking back only, equals its composition, gradients too: %s', async (_, sizes, rate) => {
    const inputs = draw(sizes);
    expectClose(
      await results(device!, causal, sizes, inputs, rate),
      await results(cpu, composedCausal, sizes, inputs, rate),
    );
  });

  here(
    'causal rows do not depend on later keys, even if padding hides all earlier ones',
    async () => {
      const any = (max: number) => fc.integer({ min: 2, max });
      const shapes = fc.record({
        batch: any(3),
        heads: any(3),
        length: any(60),
        size: fc.constantFrom(6, 12),
      });
      await fc.assert(
        fc.asyncProperty(
          shapes,
          fc.boolean(),
          fc.nat(),
          fc.boolean(),
          async ({ length, ...rest }, drops, at, padsLeft) => {
            const sizes = { ...rest, length, keys: length };
            const [inputs, others] = [draw(sizes, 1), draw(sizes, 2)];
            const cut = 1 + (at % (length - 1));
            const width = sizes.heads * sizes.size;
            if (padsLeft) inputs.mask.fill(LOWEST, 0, cut);
            const mix = (one: Float32Array, other: Float32Array, wide: number) =>
              one.map((value, i) => (Math.floor(i / wide) % length < cut ? value : other[i]));
            const changed = {
              ...{
                q: mix(inputs.q, others.q, width),
                k: mix(inputs.k, others.k, width),
                v: mix(inputs.v, others.v, width),
              },
              ...{ dy: mix(inputs.dy, others.dy, width), mask: mix(inputs.mask, others.mask, 1) },
            };
            const rate = drops ? 0.4 : 0;
            const [y] = await results(device!, causal, sizes, inputs, rate);
            const [later] = await results(device!, causal, sizes, changed, rate);
            const kept = (values: ArrayLike<number>) =>
              Array.from(values).filter((_, i) => Math.floor(i / width) % length < cut);
            expect(kept(later)).toEqual(kept(y));
            expect(Array.from(later)).not.toEqual(Array.from(y));
          },
        ),
        { numRuns: 12 },
      );
    },
  );

  const small = { batch: 2, heads: 2, length: 6, keys: 7, size: 12 };

  here('a mask of one row serves the whole batch; without one nothing is masked', async () => {
    const inputs = draw(small);
    const one = { ...inputs, mask: inputs.mask.slice(0, small.keys) };
    const both = {
      ...inputs,
      mask: Float32Array.from({ length: 14 }, (_, i) => inputs.mask[i % small.keys]),
    };
    expectClose(
      await results(device!, fused, small, one),
      await results(cpu, composed, small, both),
    );
    const unmasked: typeof fused = (q, k, v) => w.scaledDotProductAttention(q, k, v);
    const zeros = { ...inputs, mask: new Float32Array(14) };
    expectClose(
      await results(device!, unmasked, small, inputs),
      await results(cpu, composed, small, zeros),
    );
  });

  here('where every key is masked, all count alike', async () => {
    const inputs = { ...draw(small), mask: new Float32Array(14).fill(LOWEST) };
    const actual = await results(device!, fused, small, inputs);
    expectClose(actual, await results(cpu, composed, small, inputs));
    let mean = 0;
    for (let c = 0; c < small.keys; c++) mean += inputs.v[c * 24] / small.keys;
    expect(actual[0][0]).toBeCloseTo(mean, 5);
  });

  here.each(['q', 'k', 'v', 'dy', 'mask'] as const)(
    'NaN in %s comes out where the composition has it',
    async (name) => {
      const inputs = draw(small);
      inputs[name][5] = Number.NaN;
      const expected = await results(cpu, composed, small, inputs);
      const actual = await results(device!, fused, small, inputs);
      const places = (values: ArrayLike<number>) => Array.from(values, Number.isNaN);
      expect(places(expected.flatMap((values) => Array.from(values))).some(Boolean)).toBe(true);
      expected.forEach((values, i) => {
        expect(places(actual[i]), ['y', 'dq', 'dk', 'dv'][i]).toEqual(places(values));
      });
    },
  );

  here(
    'draws what dropout draws at the same call, and the same again from the same seed',
    async () => {
      const sizes = { ...small, keys: 9 };
      const inputs = { ...draw(sizes), mask: new Float32Array(18) };
      const second =
        (how: typeof fused): typeof fused =>
        (q, k, v, mask, rate) => {
          w.dropout(q, 0.5);
          return how(q, k, v, mask, rate);
        };
      const first = await results(device!, fused, sizes, inputs, 0.5);
      const later = await results(device!, second(fused), sizes, inputs, 0.5);
      expect(first).not.toEqual(later);
      expect(await results(device!, second(fused), sizes, inputs, 0.5)).toEqual(later);
      expectClose(later, await results(cpu, second(composed), sizes, inputs, 0.5));
    },
  );

  here('draws anew in each replay of a captured step', async () => {
    const inputs = { x: { data: draw(small).q, shape: [2, 6, 2, 12] } };
    const losses = async (on: Device): Promise<Float32Array[]> => {
      w.manualSeed(5);
      const step = w.capture(on, ({ x }: { x: w.Tensor }) => {
        const heads = x.detach().requiresGrad_().permute([0, 2, 1, 3]);
        return w.scaledDotProductAttention(heads, heads, heads, { dropoutP: 0.5 });
      });
      const results = [await step.run(inputs), await step.run(inputs), await step.run(inputs)];
      step.dispose();
      return results;
    };
    const [actual, expected] = [await losses(device!), await losses(cpu)];
    expect(actual[1]).not.toEqual(actual[2]);
    expectClose([...actual, []], [...expected, []]);
  });

  here('reads slices of one tensor in place, and copies what it cannot read', async () => {
    const { batch, heads, length, size } = small;
    const random = new Philox(8);
    const values = Float32Array.from({ length: batch * length * 3 * heads * size + 1 }, () =>
      random.normal(),
    );
    const mask = w.zeros([1, 1, 1, length], { device: device! });
    const gradients = await Promise.all(
      [fused, composed].map((how) => {
        const leaf = w.tensor(values, { device: device! }).requiresGrad_();
        const together = leaf.slice([[1, null]]).reshape([batch, length, 3, heads, size]);
        const [q, k, v] = [0, 1, 2].map((i) => together.select(2, i).permute([0, 2, 1, 3]));
        w.backward(how(q, k, v, mask, 0).square().sum());
        return leaf.grad!.data();
      }),
    );
    expectClose([gradients[0], [], [], []], [gradients[1], [], [], []]);
  });

  here('takes one tensor for its keys and values', async () => {
    const { batch, heads, length, size } = small;
    const random = new Philox(12);
    const values = Float32Array.from({ length: batch * length * heads * size }, () =>
      random.normal(),
    );
    const mask = w.zeros([1, 1, 1, length], { device: device! });
    const gradients = await Promise.all(
      [fused, composed].map((how) => {
        const leaf = w
          .tensor(values, { shape: [batch, length, heads, size], device: device! })
          .requiresGrad_();
        const rows = () => leaf.permute([0, 2, 1, 3]);
        w.backward(how(rows(), rows(), rows(), mask, 0).square().sum());
        return leaf.grad!.data();
      }),
    );
    expectClose([gradients[0], [], [], []], [gradients[1], [], [], []]);
  });

  here('keeps no scores for the gradient, save where that is slower', () => {
    const [heads, length] = [8, 512];
    const stored = (keys: number): number => {
      const before = device!.memory().bytes;
      return w.scope(() => {
        const rows = (n: number) => w.zeros([1, heads, n, 4], { device: device! }).requiresGrad_();
        w.scaledDotProductAttention(rows(length), rows(keys), rows(keys), { dropoutP: 0.1 });
        return device!.memory().bytes - before;
      });
    };
    const scores = (keys: number) => heads * length * keys * 4;
    if (device !== cpu) expect(stored(48)).toBeLessThan(scores(48) / 2);
    if (device === cpu || device === webgpu) expect(stored(256)).toBeGreaterThan(scores(256));
    else expect(stored(256)).toBeLessThan(scores(256) / 4);
  });
});

it.each([
  ['both ways', fused],
  ['back only', causal],
])('its gradients are the slopes: %s', async (_, how) => {
  const sizes = { batch: 1, heads: 2, length: 5, keys: 6, size: 8 };
  const inputs = draw(sizes);
  const directions = draw(sizes, 2);
  const value = async (step: number) => {
    const moved = { ...inputs };
    for (const name of ['q', 'k', 'v'] as const)
      moved[name] = inputs[name].map((x, i) => x + step * directions[name][i]);
    const [y] = await results(fusing, how, sizes, moved, 0.2);
    return inputs.dy.reduce((sum, dy, i) => sum + dy * y[i], 0);
  };
  // Two steps, so that the curvature of the third order cancels (Richardson).
  const slope = async (step: number) => ((await value(step)) - (await value(-step))) / (2 * step);
  const measured = (4 * (await slope(0.01)) - (await slope(0.02))) / 3;
  const [, dq, dk, dv] = await results(fusing, how, sizes, inputs, 0.2);
  let told = 0;
  for (const [name, gradient] of Object.entries({ q: dq, k: dk, v: dv })) {
    directions[name as 'q'].forEach((direction, i) => {
      told += direction * gradient[i];
    });
  }
  expect(Math.abs(told - measured)).toBeLessThan(1e-3 * Math.abs(measured));
});

it('says what does not fit', () => {
  const x = (...shape: number[]) => w.zeros(shape);
  const run = (q: w.Tensor, k: w.Tensor, v: w.Tensor, options?: w.AttentionOptions) => () =>
    w.scaledDotProductAttention(q, k, v, options);
  const q = x(2, 3, 4, 8);
  expect(run(q, x(2, 3, 5, 4), x(2, 3, 5, 8))).toThrow('[2, 3, 4, 8], [2, 3, 5, 4]');
  expect(run(q, x(2, 3, 5, 8), x(2, 3, 6, 8))).toThrow(ArgumentError);
  expect(run(x(3, 4, 8), x(3, 5, 8), x(3, 5, 8))).toThrow(ArgumentError);
  expect(run(q, x(2, 3, 5, 8), x(2, 3, 5, 8), { attnMask: x(2, 1, 4, 5) })).toThrow('[2, 1, 4, 5]');
  expect(run(q, x(2, 3, 5, 8), x(2, 3, 5, 8), { attnMask: x(3, 1, 1, 5) })).toThrow(ArgumentError);
  expect(run(q, q, q, { dropoutP: 1.5 })).toThrow('a rate from 0 to 1');
});

it('takes what PyTorch takes: values of another size, and no queries at all', () => {
  expect(
    w.scaledDotProductAttention(w.ones([1, 1, 2, 4]), w.ones([1, 1, 3, 4]), w.ones([1, 1, 3, 5]))
      .shape,
  ).toEqual([1, 1, 2, 5]);
  expect(
    w.scaledDotProductAttention(w.ones([1, 1, 0, 4]), w.ones([1, 1, 3, 4]), w.ones([1, 1, 3, 4]))
      .shape,
  ).toEqual([1, 1, 0, 4]);
});
