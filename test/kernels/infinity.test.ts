import { afterAll, describe, expect, it } from 'vitest';
import { definedKernels } from '../../src/device/kernel.ts';
import { mapParams } from '../../src/kernels/kit/map.ts';
import type { MapKernel } from '../../src/kernels/kit/mapSpec.ts';
import { runKernel } from '../../src/measure/fixtures.ts';
import '../../src/nn/index.ts';
import { allDevices } from '../support/devices.ts';

const devices = (await allDevices()).flatMap(([name, device]) =>
  device ? [[name, device] as const] : [],
);
const [[, cpu], ...others] = devices;
afterAll(() => {
  for (const [, device] of devices) device.destroy();
});

/** Beyond which the slopes of functions that level off vanish, on both sides. */
const points = [Infinity, -Infinity, 1e20, -1e20, 100, -100, 20, -20, 1, -1, 0, NaN];
const gradients = [1, Infinity, -Infinity, 0, NaN];
const pairs = points.flatMap((x) => gradients.map((dy) => [dy, x]));

const names = ['erfBackward', 'geluBackward', 'clampBackward', 'reluBackward', 'sigmoidBackward'];
const kernels = definedKernels().filter(({ name }) => names.includes(name)) as MapKernel[];

describe.each(others.map(([name, device]) => ({ name, device })))('on $name', ({ device }) => {
  it.each(kernels.map((kernel) => [kernel.name, kernel] as const))(
    '%s at infinities is the reference',
    async (_, kernel) => {
      const { inputs, scalars = [] } = kernel.spec;
      const flat = Object.fromEntries(inputs.map((name) => [name, { strides: [1], offset: 0 }]));
      const p = mapParams(
        [pairs.length],
        flat,
        Object.fromEntries(scalars.map((name) => [name, 1])),
      );
      const columns = inputs.map((_name, i) => Float32Array.from(pairs, (pair) => pair[i]));
      const data = Object.fromEntries(inputs.map((name, i) => [`in_${name}`, columns[i]]));
      const contents = { ...data, out: new Float32Array(pairs.length) };
      const expected = (await runKernel(cpu, kernel, contents, p)).out;
      const actual = (await runKernel(device, kernel, contents, p)).out;
      for (const [i, value] of expected.entries())
        if (Number.isFinite(value)) expect(actual[i], `at ${pairs[i]}`).toBeCloseTo(value, 5);
        else expect(actual[i], `at ${pairs[i]}`).toBe(value);
    },
  );
});
