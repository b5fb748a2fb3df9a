import { afterAll, describe, expect, it, vi } from 'vitest';
import type { Kernel } from '../../../src/device/kernel.ts';
import type { Traits } from '../../../src/device/traits.ts';
import { pipelineText } from '../../../src/device/webgpu/pipelines.ts';
import { precompile } from '../../../src/device/webgpu/precompile.ts';
import { WebGpuDevice } from '../../../src/device/webgpu/webgpuDevice.ts';
import { add, mul, where } from '../../../src/kernels/elementwise/arithmetic.ts';
import { findWebGPU } from '../../../src/platform/webgpu.ts';
import { capture, setDevice, type Tensor } from '../../../src/tensor/index.ts';
import { tryWebGpu } from '../../support/devices.ts';

const native = await tryWebGpu();
afterAll(() => native?.destroy());

const gpu = await findWebGPU({ experimental: false });
const openDevice = async () => (await gpu!.requestAdapter())!.requestDevice();
const constants = { flat: true, width: 4, lanes: 8, elementsPerLane: 256, interleave: 1 };
const textOf = (kernel: typeof add, traits: Traits) =>
  pipelineText(kernel as unknown as Kernel, constants, traits);

describe.skipIf(!native)('compileAhead', () => {
  const opened = async () => {
    const device = await openDevice();
    const errors: string[] = [];
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      errors.push(event.error.message);
    });
    return { device, errors, modules: vi.spyOn(device, 'createShaderModule') };
  };
  const labels = (modules: Awaited<ReturnType<typeof opened>>['modules']) =>
    modules.mock.calls.map(([{ label }]) => label!.split(' ')[0]);

  it('launches all kernels, the last first, and gives its device back', async () => {
    const { device, errors, modules } = await opened();
    const texts = [add, where, mul].map((kernel) => textOf(kernel, native!.traits));
    await precompile(
      async () => device,
      texts,
      () => false,
    );
    expect(labels(modules)).toEqual(['mul', 'where', 'add']);
    expect(errors).toEqual([]);
    expect((await device.lost).reason).toBe('destroyed');
  });

  it('stops when it is late', async () => {
    const { device, modules } = await opened();
    const texts = [add, where, mul].map((kernel) => textOf(kernel, native!.traits));
    await precompile(
      async () => device,
      texts,
      () => modules.mock.calls.length === 1,
    );
    expect(labels(modules)).toEqual(['mul']);
    expect((await device.lost).reason).toBe('destroyed');
  });

  it('is begun once for each step, and not missed where it fails', async () => {
    const openTwin = vi.fn(() => Promise.reject(new Error('no second adapter')));
    const device = new WebGpuDevice(
      await openDevice(),
      'a device without a twin',
      { ...native!.traits, subgroupSize: 0, bindingAlignment: 256 },
      openTwin,
    );
    setDevice(device);
    const timer = vi.spyOn(globalThis, 'setTimeout').mockImplementation((help) => {
      help();
      return setInterval(() => {}, 1 << 30).unref();
    });
    const step = capture(device, ({ x }: { x: Tensor }) => x.mul(2).flip([0]).sum());
    const x = { x: { data: Float32Array.of(1, 2, 3), shape: [3] } };
    expect(await step.run(x)).toEqual(Float32Array.of(12));
    expect(openTwin).toHaveBeenCalledTimes(1);
    expect(await step.run(x)).toEqual(Float32Array.of(12));
    expect(openTwin).toHaveBeenCalledTimes(1);
    timer.mockRestore();
    step.dispose();
    device.destroy();
  });
});
