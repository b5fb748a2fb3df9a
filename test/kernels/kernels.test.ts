import { afterAll, describe, expect, it } from 'vitest';
import type { Kernel } from '../../src/device/kernel.ts';
import { definedKernels, defineKernel } from '../../src/device/kernel.ts';
// Defines the kernels.
import '../../src/measure/peaks.ts';
import '../../src/nn/index.ts';
import '../../src/nn/optim/index.ts';
import { openDevice } from '../../src/device/open.ts';
import { checkCase, referenceCase } from '../../src/tensor/checkKernel.ts';
import { tryWebGpu } from '../support/devices.ts';

const allKernels = definedKernels();
const native = await tryWebGpu();
// What kernels do where subgroups are not of one size and workgroups have memory of their own: most
// GPUs in browsers.
const portable = await tryWebGpu({ subgroupSize: 0, software: false });
const wasm = await openDevice('wasm', { threads: 2 });

afterAll(() => {
  native?.destroy();
  portable?.destroy();
  wasm.destroy();
});

it('a name stands for one kernel', () => {
  expect(allKernels.length).toBeGreaterThan(70);
  const [{ name }] = allKernels;
  expect(() => defineKernel({ ...allKernels[0], name })).toThrow(name);
});

const devices = [
  ['this adapter', native],
  ['an adapter without fixed subgroups', portable],
  ['the wasm device', wasm],
] as const;

/** Large cases are left to one device: workgroup memory is very slow on a software adapter. */
const devicesFor = (kernel: Kernel, p: Kernel['cases'][number]) =>
  devices.filter(([, device]) =>
    device === wasm
      ? kernel.wasm?.(p)
      : device === native || !(kernel.flops && kernel.flops(p) > 5e7),
  );

const tested = allKernels.filter(({ cases }) => cases.length > 0);
describe.each(tested.map((kernel) => [kernel.name, kernel] as const))('%s', (_, kernel) => {
  describe.each(kernel.cases.map((p, i) => [i, p] as const))('in case %i', (_, p) => {
    // The reference is what takes longest: it runs once for all devices.
    let reference: ReturnType<typeof referenceCase> | undefined;
    afterAll(() => {
      reference = undefined;
    });
    for (const [name, device] of devicesFor(kernel, p))
      it.skipIf(!device)(`equals its reference on ${name}`, async () => {
        reference ??= referenceCase(kernel, p);
        await checkCase(kernel, device!, await reference);
      });
  });
});
