import type { Device } from '../device/device.ts';
import { OutOfMemoryError } from '../device/errors.ts';
import {
  checkDeviceOptions,
  type DeviceKind,
  type DeviceOptions,
  openDevice,
} from '../device/open.ts';
import { type FoundAdapter, findAdapter, openAdapter } from '../device/webgpu/adapter.ts';
import { matmul } from '../kernels/matmul/index.ts';
import { denseMatmul } from '../kernels/matmul/shape.ts';
import { UsageError } from '../platform/errors.ts';
import { environmentVariable } from '../platform/runtime.ts';
import { fillBuffers, steadyDraws, upload } from './fixtures.ts';
import { recallSeconds, type Seconds, saveSeconds } from './rememberedSeconds.ts';

/** The environment variable that chooses the device that `auto` means. */
const VARIABLE = 'WIGBERT_DEVICE';

/** The device that the environment names, if any. */
export const namedDevice = (): string | undefined => environmentVariable(VARIABLE) || undefined;

/** The product that is timed: some milliseconds, like the larger ones of a training step. */
const SIZE = 512;
/** Launches on each device; the first one compiles, and the smallest time counts. */
const LAUNCHES = 5;

/**
 * Opens the device named by the environment variable `WIGBERT_DEVICE`, else a GPU. A software
 * adapter competes with the wasm device: one product on each decides, and the times are kept for
 * this machine and version. Without an adapter it is the wasm device, and the CPU device in engines
 * without SIMD. `traits` are for WebGPU, so they ask for it where there is an adapter.
 * @throws UsageError if the variable names no device, or webgpu without an adapter; for options as
 * `openDevice`.
 */
export async function openBestDevice(options: DeviceOptions = {}): Promise<Device> {
  checkDeviceOptions(options);
  const named = namedDevice();
  if (named) return openNamed(named, options);
  const found = await findAdapter(options.precision).catch((error) => {
    if (error instanceof UsageError) return undefined;
    throw error;
  });
  if (!found) return (await openWasm(options)) ?? openDevice('cpu', options);
  if (!found.software || options.traits) return openAdapter(found, options);
  return openFaster(found, options);
}

function openNamed(name: string, options: DeviceOptions): Promise<Device> {
  if (!['webgpu', 'wasm', 'cpu'].includes(name))
    throw new UsageError(
      `the environment variable ${VARIABLE}: expected webgpu, wasm or cpu, ` +
        `got ${JSON.stringify(name)}`,
    );
  return openDevice(name as DeviceKind, options);
}

/** The wasm device; undefined in engines without SIMD, or where there is no room for it. */
export function openWasm(options: DeviceOptions): Promise<Device | undefined> {
  return openDevice('wasm', options).catch((error) => {
    if (error instanceof WebAssembly.CompileError || error instanceof OutOfMemoryError)
      return undefined;
    throw error;
  });
}

async function openFaster(found: FoundAdapter, options: DeviceOptions): Promise<Device> {
  const wasm = await openWasm(options);
  if (!wasm) return openAdapter(found, options);
  let webgpu: Device | undefined;
  let faster: Device | undefined;
  try {
    const key = [found.description, wasm.description];
    let seconds = await recallSeconds(key);
    if (!seconds || seconds.webgpu < seconds.wasm) webgpu = await openAdapter(found, options);
    if (!seconds) {
      seconds = await timeProducts(wasm, webgpu!);
      await saveSeconds(key, seconds);
    }
    faster = seconds.webgpu < seconds.wasm ? webgpu! : wasm;
    return faster;
  } finally {
    for (const device of [wasm, webgpu]) if (device !== faster) device?.destroy();
  }
}

/** The smallest time of a product on each device. */
async function timeProducts(wasm: Device, webgpu: Device): Promise<Seconds> {
  const [onWasm, onWebgpu] = [productOn(wasm), productOn(webgpu)];
  const seconds = { wasm: Number.POSITIVE_INFINITY, webgpu: Number.POSITIVE_INFINITY };
  for (let i = 0; i < LAUNCHES; i++) {
    seconds.wasm = Math.min(seconds.wasm, await onWasm.time());
    seconds.webgpu = Math.min(seconds.webgpu, await onWebgpu.time());
  }
  onWasm.free();
  onWebgpu.free();
  return seconds;
}

function productOn(device: Device): { time(): Promise<number>; free(): void } {
  const p = denseMatmul('NN', SIZE, SIZE, SIZE);
  const { bindings, free } = upload(device, fillBuffers(matmul as never, p, steadyDraws()));
  const time = async () => {
    const started = performance.now();
    device.run(matmul, bindings as never, p);
    await device.synchronize();
    return (performance.now() - started) / 1000;
  };
  return { time, free };
}
