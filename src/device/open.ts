import { UsageError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { canShareMemory, countCores } from '../platform/threads.ts';
import { checkKeys, checkOneOf } from '../platform/usage.ts';
import { CpuDevice } from './cpu.ts';
import type { Device } from './device.ts';
import type { DeviceKind, DeviceOptions } from './deviceOptions.ts';
import { WasmDevice } from './wasm/wasmDevice.ts';
import { loadModule } from './wasm/wasmModule.ts';
import { findAdapter, openAdapter } from './webgpu/adapter.ts';

export type { DeviceKind, DeviceOptions } from './deviceOptions.ts';

/**
 * Opens a device. An adapter serves one device, so each call requests a new adapter. Choices that
 * `wigbert tune` saved for the adapter apply.
 * @throws UsageError for an option that there is not or out of range, and if `kind` is `webgpu` and
 * no adapter is found.
 * @example
 * const gpu = await openDevice('webgpu');
 * const x = tensor([1, 2, 3], { device: gpu });
 */
export async function openDevice(kind: DeviceKind, options: DeviceOptions = {}): Promise<Device> {
  checkDeviceOptions(options);
  if (kind === 'cpu') return new CpuDevice(options.memoryLimit);
  if (kind === 'wasm') return openWasm(options);
  if (kind !== 'webgpu')
    throw new UsageError(`\`device\`: expected webgpu, wasm or cpu, got ${JSON.stringify(kind)}`);
  const found = await findAdapter(options.precision);
  if (!found)
    throw new UsageError(
      'no WebGPU adapter found: install a Vulkan driver, or set `device` to wasm',
    );
  return openAdapter(found, options);
}

/** More threads than this gain little: memory is the limit. */
const MAX_DEFAULT_THREADS = 16;
const MAX_THREADS = 256;

async function openWasm({ precision, threads, memoryLimit }: DeviceOptions): Promise<Device> {
  const module = await loadModule(precision === 'strict');
  const wanted = threads ?? Math.min(countCores(), MAX_DEFAULT_THREADS);
  const mayShare = canShareMemory();
  if (!mayShare && wanted > 1) noteOneThread();
  return new WasmDevice(module, mayShare ? wanted : 1, memoryLimit);
}

let isNoted = false;
/** Says once why there is one thread, and how a page gets more. */
function noteOneThread(): void {
  if (isNoted) return;
  isNoted = true;
  console.info(
    'wigbert: the wasm device computes on one thread, since ' +
      ('location' in globalThis
        ? 'this page is not cross-origin isolated: serve it with the headers ' +
          'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
        : 'Node may not start others: give it --allow-worker'),
  );
}

/** @throws UsageError for an option that there is not, or out of range. */
export function checkDeviceOptions(options: DeviceOptions): void {
  checkKeys(options, ['precision', 'threads', 'traits', 'memoryLimit'], 'option of a device');
  const { precision = 'highest', threads = 1, memoryLimit = 1 } = options;
  checkOneOf(precision, ['highest', 'high', 'strict'], '`precision`');
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS))
    throw new UsageError(
      `\`threads\`: expected a whole number from 1 to ${MAX_THREADS}, got ${formatValue(threads)}`,
    );
  if (!(memoryLimit > 0))
    throw new UsageError(
      `\`memoryLimit\`: expected a number of bytes above 0, got ${formatValue(memoryLimit)}`,
    );
}
