import { afterAll, describe, expect, it, vi } from 'vitest';
import { DeviceLostError } from '../../../src/device/errors.ts';
import { WasmDevice } from '../../../src/device/wasm/wasmDevice.ts';
import { loadModule } from '../../../src/device/wasm/wasmModule.ts';
import { matmul } from '../../../src/kernels/matmul/index.ts';
import { denseMatmul } from '../../../src/kernels/matmul/shape.ts';
import { fillBuffers, runKernel } from '../../../src/measure/fixtures.ts';
import { Philox } from '../../../src/tensor/random.ts';

/** Text around the source of a thread. */
const wrapper = vi.hoisted(() => ({ wrap: (source: string) => source }));
vi.mock('#platform', async (load) => {
  const platform = await load<typeof import('../../../src/platform/node.ts')>();
  return {
    ...platform,
    startThread: (...[source, data, onEnd]: Parameters<typeof platform.startThread>) =>
      platform.startThread(wrapper.wrap(source), data, onEnd),
  };
});

const module = await loadModule(true);
const opened: WasmDevice[] = [];
afterAll(() => {
  for (const device of opened) device.destroy();
});
const open = (wrap: (source: string) => string) => {
  wrapper.wrap = wrap;
  const device = new WasmDevice(module, 2);
  opened.push(device);
  return device;
};
const p = denseMatmul('NN', 400, 300, 300);
const data = fillBuffers(matmul as never, p as never, new Philox(1, 2));
const run = (device: WasmDevice) => runKernel(device, matmul as never, data, p as never);
/** Runs until the device is lost. */
async function runOn(device: WasmDevice): Promise<unknown> {
  try {
    for (let i = 0; i < 500; i++) {
      await run(device);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a thread that dies', () => {
  it.each([
    ['before it runs', () => '() => { throw new Error("no memory"); }'],
    ['by ending the worker', () => '() => process.exit(3)'],
    [
      'in a kernel',
      (source: string) => `(data) => {
        const { Instance } = WebAssembly;
        WebAssembly.Instance = function (...args) {
          const { exports } = new Instance(...args);
          return { exports: { ...exports, product() { throw new Error('broken'); } } };
        };
        (${source})(data);
      }`,
    ],
  ])('%s is a DeviceLostError', async (_, wrap) => {
    const error = await runOn(open(wrap));
    expect(error).toBeInstanceOf(DeviceLostError);
    expect((error as Error).message).toMatch(/^the wasm device was lost \(/);
  });

  it('so is a launch on a device that was destroyed', async () => {
    const device = open((source) => source);
    await run(device);
    device.destroy();
    await expect(run(device)).rejects.toThrow('the wasm device was lost (destroyed)');
  });
});
