import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../src/gpu/cpu.ts';
import { partsOf } from '../src/gpu/windows.ts';
import { allKernels } from '../src/kernels/index.ts';
import { Philox } from '../src/tensor/random.ts';
import { tryWebGpu } from './support/devices.ts';
import { randomBuffer, runKernel } from './support/kernels.ts';

/** Buffers larger than an adapter binds at once: here it is told a small limit, so that small tensors are cut into windows. */

const cpu = new CpuDevice();
const webgpu = await tryWebGpu({ bindingAlignment: 64 });
afterAll(() => webgpu?.destroy());

const bytesOf = (kernel: (typeof allKernels)[number], p: never): number =>
  Math.max(...Object.values(kernel.buffers).map(({ size }) => size(p) * 4));
const cases = allKernels
  .filter(({ axes }) => axes)
  .flatMap((kernel) => kernel.cases.map((p, i) => [kernel.name, i, kernel, p as never] as const))
  .filter(([, , kernel, p]) => bytesOf(kernel, p) >= 1 << 18 && !((kernel.flops?.(p) ?? 0) > 5e7));

describe.skipIf(!webgpu)('kernels on windows of their buffers', () => {
  it.each(cases)('%s equals its reference in case %i', async (name, i, kernel, p) => {
    webgpu!.traits.maxBinding = Math.floor(bytesOf(kernel, p) / 3.5);
    expect(partsOf(kernel, p, webgpu!.traits).length).toBeGreaterThan(3);
    const random = new Philox(i, name.length);
    const data = Object.fromEntries(
      Object.entries(kernel.buffers).map(([buffer, spec]) => [buffer, randomBuffer(spec as never, p, random)]),
    );
    const expected = await runKernel(cpu, kernel, data, p);
    const actual = await runKernel(webgpu!, kernel, data, p);
    for (const [output, values] of Object.entries(expected)) {
      let [scale, worst] = [1e-6, 0];
      for (let k = 0; k < values.length; k++) {
        scale = Math.max(scale, Math.abs(values[k]));
        const error = Math.abs(values[k] - actual[output][k]);
        if (!(error <= worst)) worst = error;
      }
      expect(worst, output).toBeLessThanOrEqual((kernel.tolerance ?? 1e-5) * scale);
    }
  });
});
