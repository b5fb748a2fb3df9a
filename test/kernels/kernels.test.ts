import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Kernel } from '../../src/device/kernel.ts';
import { definedKernels, defineKernel } from '../../src/device/kernel.ts';
// Defines the kernels.
import '../../src/measure/peaks.ts';
import '../../src/nn/index.ts';
import '../../src/nn/optim/index.ts';
import { fillBuffers, runKernel } from '../../src/measure/fixtures.ts';
import { Philox } from '../../src/tensor/random.ts';
import { tryWebGpu } from '../support/devices.ts';

const allKernels = definedKernels();
const cpu = new CpuDevice();
const native = await tryWebGpu();
// What kernels do where subgroups are not of one size and workgroups have memory of their own: most
// GPUs in browsers.
const portable = await tryWebGpu({ subgroupSize: 0, software: false });

afterAll(() => {
  native?.destroy();
  portable?.destroy();
});

it('a name stands for one kernel', () => {
  expect(allKernels.length).toBeGreaterThan(70);
  const [{ name }] = allKernels;
  expect(() => defineKernel({ ...allKernels[0], name })).toThrow(name);
});

describe.each([
  ['this adapter', native],
  ['an adapter without fixed subgroups', portable],
] as const)('on %s', (_, device) => {
  const tested = allKernels.filter((kernel) => kernel.cases.length > 0);
  // Workgroup memory is very slow on a software adapter: large cases are left to the other device.
  const casesOf = (kernel: Kernel) =>
    kernel.cases
      .map((p, i) => [i, p] as const)
      .filter(([, p]) => device === native || !(kernel.flops && kernel.flops(p) > 5e7));
  describe.skipIf(!device).each(tested.map((kernel) => [kernel.name, kernel] as const))(
    '%s',
    (name, kernel) => {
      it.each(casesOf(kernel))('equals its reference in case %i', async (i, p) => {
        const random = new Philox(
          i,
          [...name].reduce((sum, c) => sum + c.charCodeAt(0), 0),
        );
        const data = fillBuffers(kernel, p, random);
        const expected = await runKernel(cpu, kernel, data, p);
        const actual = await runKernel(device!, kernel, data, p);
        for (const [output, values] of Object.entries(expected)) {
          const scale = Array.from(values).reduce(
            (most, value) => Math.max(most, Math.abs(value)),
            1e-6,
          );
          const tolerance =
            kernel.buffers[output].type === 'u32' ? 0 : (kernel.tolerance ?? 1e-5) * scale;
          let worst = 0;
          for (let k = 0; k < values.length; k++) {
            const error = Math.abs(values[k] - actual[output][k]);
            worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
          }
          expect(worst, `${output}: largest error, against ${scale} at most`).toBeLessThanOrEqual(
            tolerance,
          );
        }
      });
    },
  );
});
