import { afterAll, describe, expect, it } from 'vitest';
import type { Device } from '../../../src/device/device.ts';
import { ArgumentError } from '../../../src/platform/errors.ts';
import * as w from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import {
  closeDevices,
  composed,
  cpu,
  devices,
  draw,
  expectClose,
  fused,
  LOWEST,
  results,
  webgpu,
} from './attentionFixtures.ts';

afterAll(closeDevices);

describe.each(devices)('scaledDotProductAttention on %s', (_, device) => {
  const here = it.skipIf(!device);

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

  here.each([4, 12, 3])('a row that sees no key is 0, heads of size %i', async (size) => {
    const sizes = { ...small, size };
    const inputs = draw(sizes);
    inputs.mask.fill(Number.NEGATIVE_INFINITY, 0, small.keys);
    const found = await results(device!, fused, sizes, inputs);
    const [y, ...gradients] = found.map((values) => Array.from(values));
    const half = y.length / 2;
    expect(y.slice(0, half).every((value) => value === 0)).toBe(true);
    expect(y.slice(half).some((value) => value !== 0)).toBe(true);
    for (const gradient of gradients) expect(gradient.every(Number.isFinite)).toBe(true);
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

it('says what does not fit', () => {
  const x = (...shape: number[]) => w.zeros(shape);
  const run = (q: w.Tensor, k: w.Tensor, v: w.Tensor, options?: w.AttentionOptions) => () =>
    w.scaledDotProductAttention(q, k, v, options);
  const q = x(2, 3, 4, 8);
  expect(run(q, x(2, 3, 5, 4), x(2, 3, 5, 8))).toThrow('[2, 3, 4, 8], [2, 3, 5, 4]');
  expect(run(q, x(2, 3, 5, 8), x(2, 3, 6, 8))).toThrow(ArgumentError);
  expect(run(x(3, 4, 8), x(3, 5, 8), x(3, 5, 8))).toThrow(ArgumentError);
  expect(run(q, x(2, 3, 5, 8), x(2, 3, 5, 8), { attnMask: x(2, 2, 4, 5) })).toThrow('[2, 2, 4, 5]');
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
