import { expect, it } from 'vitest';
import { hostTraits } from '../../src/device/traits.ts';
import { candidates } from '../../src/kernels/matmul/index.ts';
import { denseMatmul } from '../../src/kernels/matmul/shape.ts';

it.each([
  denseMatmul('NT', 640, 128, 512),
  denseMatmul('TN', 37, 64, 35),
  denseMatmul('NN', 3, 300, 5),
])('a software adapter without subgroups takes the variants of GPUs: %#', (p) => {
  const traits = { ...hostTraits, subgroupSize: 0 };
  const onGpu = candidates(p, { ...traits, software: false });
  expect(candidates(p, { ...traits, software: true })).toEqual(onGpu);
  expect(onGpu[0].variant).toMatch(/^(tiled|vector)$/);
});
