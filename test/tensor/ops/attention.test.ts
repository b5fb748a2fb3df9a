import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  causal,
  closeDevices,
  composed,
  composedCausal,
  cpu,
  devices,
  draw,
  expectClose,
  fused,
  fusing,
  LOWEST,
  results,
} from './attentionFixtures.ts';

afterAll(closeDevices);

describe.each(devices)('scaledDotProductAttention on %s', (_, device) => {
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
    'looking back only, rows do not depend on what comes later, even if padding hides the rest',
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
