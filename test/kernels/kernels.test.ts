import { afterAll, describe, expect, it } from 'vitest';
import type { Kernel } from '../../src/device/kernel.ts';
import { definedKernels, defineKernel } from '../../src/device/kernel.ts';
// Defines the kernels.
import '../../src/measure/peaks.ts';
import '../../src/nn/index.ts';
import '../../src/nn/optim/index.ts';
import { openDevice } from '../../src/device/open.ts';
import { checkKernel } from '../../src/tensor/checkKernel.ts';
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

describe.each([
  ['this adapter', native],
  ['an adapter without fixed subgroups', portable],
  ['the wasm device', wasm],
] as const)('on %s', (_, device) => {
  // Workgroup memory is very slow on a software adapter: large cases are left to the other device.
  const casesOf = (kernel: Kernel) =>
    kernel.cases
      .map((p, i) => [i, p] as const)
      .filter(([, p]) =>
        device === wasm
          ? kernel.wasm?.(p)
          : device === native || !(kernel.flops && kernel.flops(p) > 5e7),
      );
  const tested = allKernels.filter((kernel) => casesOf(kernel).length > 0);
  describe.skipIf(!device).each(tested.map((kernel) => [kernel.name, kernel] as const))(
    '%s',
    (_, kernel) => {
      it.each(casesOf(kernel))('equals its reference in case %i', (_, p) =>
        checkKernel(kernel, device!, [p]),
      );
    },
  );
});
