import { UsageError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { canShareMemory, countCores } from '../platform/threads.ts';
import { findWebGPU } from '../platform/webgpu.ts';
import { CpuDevice } from './cpu.ts';
import type { Device } from './device.ts';
import type { SubgroupMatrix, Traits } from './traits.ts';
import { loadTuning } from './tuning/tuningFile.ts';
import { WasmDevice } from './wasm/wasmDevice.ts';
import { loadModule } from './wasm/wasmModule.ts';
import { WebGpuDevice } from './webgpu/webgpuDevice.ts';

export type DeviceKind = 'webgpu' | 'wasm' | 'cpu';

/** Options of `openDevice` and `useDevice`. */
export interface DeviceOptions {
  /**
   * `highest` computes in float32. `high` lets matrix products round their operands to float16
   * (11 bits, magnitudes from 6e-8 to 65504) and sum in float32, if the platform offers the
   * adapter's tensor cores; otherwise it changes nothing. These names are those of PyTorch's
   * `set_float32_matmul_precision`. `strict` is `highest`, and on the wasm device it rounds each
   * product before it is added: the bits are then those of any processor and any engine.
   */
  precision?: 'highest' | 'high' | 'strict';
  /**
   * Threads of the wasm device; default: one for each core, at most 16. Results are the same, bit
   * for bit. In browsers one, unless the page is cross-origin isolated.
   */
  threads?: number;
  /** Overrides what kernels know of the adapter, to run the variants meant for another one. */
  traits?: Partial<Traits>;
  /**
   * Bytes of memory, in use and kept for reuse, beyond which an allocation fails with an
   * OutOfMemoryError. Default: what the device has.
   */
  memoryLimit?: number;
}

const tensorCoreFeature = 'chromium-experimental-subgroup-matrix';
const wantedFeatures = ['shader-f16', 'subgroups', 'timestamp-query'] as const;
const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBuffersPerShaderStage',
  'minStorageBufferOffsetAlignment',
  'minUniformBufferOffsetAlignment',
] as const;

/**
 * Opens a device. An adapter serves one device, so each call requests a new adapter. Choices that
 * `wigbert tune` saved for the adapter apply.
 * @throws UsageError if `kind` is `webgpu` and no adapter is found.
 * @example
 * const gpu = await openDevice('webgpu');
 * const x = tensor([1, 2, 3], { device: gpu });
 */
export async function openDevice(kind: DeviceKind, options: DeviceOptions = {}): Promise<Device> {
  checkMemoryLimit(options.memoryLimit);
  if (kind === 'cpu') return new CpuDevice(options.memoryLimit);
  if (kind === 'wasm') return openWasm(options);
  if (kind !== 'webgpu')
    throw new UsageError(`\`device\`: expected webgpu, wasm or cpu, got ${JSON.stringify(kind)}`);
  const experimental = options.precision === 'high';
  const gpu = await findWebGPU({ experimental });
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new UsageError(
      'no WebGPU adapter found: install a Vulkan driver, or set `device` to wasm',
    );
  }
  const features = experimental ? [...wantedFeatures, tensorCoreFeature] : wantedFeatures;
  const descriptor = {
    requiredFeatures: features.filter((feature) =>
      adapter.features.has(feature),
    ) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]])),
  };
  const device = await adapter.requestDevice(descriptor);
  const { vendor, architecture, description } = adapter.info;
  const traits = {
    ...traitsOf(adapter),
    subgroupMatrix: experimental ? subgroupMatrixOf(adapter) : undefined,
    ...options.traits,
  };
  const openSecondDevice = async () => (await gpu!.requestAdapter())!.requestDevice(descriptor);
  const name = description || [vendor, architecture].filter(Boolean).join(' ');
  const opened = new WebGpuDevice(
    device,
    name,
    traits,
    sharesShaderCache(adapter) ? openSecondDevice : undefined,
    options.memoryLimit,
  );
  await loadTuning(opened);
  return opened;
}

/** More threads than this gain little: memory is the limit. */
const MAX_DEFAULT_THREADS = 16;
const MAX_THREADS = 256;

async function openWasm({ precision, threads, memoryLimit }: DeviceOptions): Promise<Device> {
  if (
    threads !== undefined &&
    !(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)
  )
    throw new UsageError(
      `\`threads\`: expected a whole number from 1 to ${MAX_THREADS}, got ${formatValue(threads)}`,
    );
  const module = await loadModule(precision === 'strict');
  const wanted = threads ?? Math.min(countCores(), MAX_DEFAULT_THREADS);
  return new WasmDevice(module, canShareMemory() ? wanted : 1, memoryLimit);
}

/**
 * Opens the WebGPU device if there is an adapter, else the wasm device, else (in engines without
 * SIMD) the CPU device.
 */
export async function openBestDevice(options: DeviceOptions = {}): Promise<Device> {
  return openDevice('webgpu', options).catch((error) => {
    if (error instanceof UsageError) return openDeviceWithoutGpu(options);
    throw error;
  });
}

function openDeviceWithoutGpu(options: DeviceOptions): Promise<Device> {
  return openDevice('wasm', options).catch((error) => {
    if (error instanceof WebAssembly.CompileError) return openDevice('cpu', options);
    throw error;
  });
}

function checkMemoryLimit(bytes: number | undefined): void {
  if (bytes !== undefined && !(bytes > 0))
    throw new UsageError(
      `\`memoryLimit\`: expected a number of bytes above 0, got ${formatValue(bytes)}`,
    );
}

function traitsOf(adapter: GPUAdapter): Traits {
  const { info, limits } = adapter;
  const hasFixedSubgroups =
    adapter.features.has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize;
  return {
    subgroupSize: hasFixedSubgroups ? (info.subgroupMinSize ?? 0) : 0,
    software: /llvmpipe|swiftshader|software/i.test(`${info.description} ${info.architecture}`),
    maxWorkgroupSize: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
    maxBinding: limits.maxStorageBufferBindingSize,
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
    maxGroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    bindingAlignment: limits.minStorageBufferOffsetAlignment,
  };
}

/** Mesa's software driver compiles at the first launch, and caches the result on disk. */
const sharesShaderCache = ({ info }: GPUAdapter): boolean => /llvmpipe/i.test(info.description);

interface SubgroupMatrixConfig {
  componentType: string;
  resultComponentType: string;
  M: number;
  N: number;
  K: number;
}

/**
 * The adapter's first tensor-core shape with float16 operands and float32 sums; undefined if there
 * is none or its subgroups vary in size.
 */
function subgroupMatrixOf({ features, info }: GPUAdapter): SubgroupMatrix | undefined {
  const { subgroupMatrixConfigs = [] } = info as {
    subgroupMatrixConfigs?: readonly SubgroupMatrixConfig[];
  };
  const config = subgroupMatrixConfigs.find(
    (one) => one.componentType === 'f16' && one.resultComponentType === 'f32',
  );
  const usable =
    features.has(tensorCoreFeature) &&
    features.has('shader-f16') &&
    info.subgroupMinSize === info.subgroupMaxSize;
  if (!config || !usable) return undefined;
  return { m: config.M, n: config.N, k: config.K, subgroupSize: info.subgroupMinSize! };
}
