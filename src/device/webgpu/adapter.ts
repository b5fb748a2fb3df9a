import { findWebGPU } from '../../platform/webgpu.ts';
import type { Device } from '../device.ts';
import type { DeviceOptions } from '../deviceOptions.ts';
import type { SubgroupMatrix, Traits } from '../traits.ts';
import { loadTuning } from '../tuning/tuningFile.ts';
import { WebGpuDevice } from './webgpuDevice.ts';

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

/** A WebGPU adapter that was found, which serves one device, and whether it runs on the CPU. */
export interface FoundAdapter {
  gpu: GPU;
  adapter: GPUAdapter;
  description: string;
  software: boolean;
}

/**
 * The adapter that a device is opened on; undefined if there is none.
 * @throws UsageError if the platform has no WebGPU.
 */
export async function findAdapter(
  precision: DeviceOptions['precision'],
): Promise<FoundAdapter | undefined> {
  const gpu = await findWebGPU({ experimental: precision === 'high' });
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!gpu || !adapter) return undefined;
  const { vendor, architecture, description } = adapter.info;
  return {
    gpu,
    adapter,
    description: description || [vendor, architecture].filter(Boolean).join(' '),
    software: isSoftware(adapter),
  };
}

/** Whether an adapter computes on the processor. */
export const isSoftware = ({ info }: GPUAdapter): boolean =>
  info.isFallbackAdapter === true ||
  /llvmpipe|swiftshader|software/i.test(`${info.description} ${info.architecture}`);

/** Opens the WebGPU device of an adapter. */
export async function openAdapter(
  { gpu, adapter, description }: FoundAdapter,
  options: DeviceOptions,
): Promise<Device> {
  const experimental = options.precision === 'high';
  const features = experimental ? [...wantedFeatures, tensorCoreFeature] : wantedFeatures;
  const descriptor = {
    requiredFeatures: features.filter((feature) =>
      adapter.features.has(feature),
    ) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]])),
  };
  const device = await adapter.requestDevice(descriptor);
  const traits = {
    ...traitsOf(adapter),
    subgroupMatrix: experimental ? subgroupMatrixOf(adapter) : undefined,
    ...options.traits,
  };
  const openSecondDevice = async () => (await gpu.requestAdapter())!.requestDevice(descriptor);
  const opened = new WebGpuDevice(
    device,
    description,
    traits,
    sharesShaderCache(adapter) ? openSecondDevice : undefined,
    options.memoryLimit,
  );
  try {
    await loadTuning(opened);
  } catch (error) {
    opened.destroy();
    throw error;
  }
  return opened;
}

function traitsOf(adapter: GPUAdapter): Traits {
  const { info, limits } = adapter;
  const hasFixedSubgroups =
    adapter.features.has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize;
  return {
    subgroupSize: hasFixedSubgroups ? (info.subgroupMinSize ?? 0) : 0,
    software: isSoftware(adapter),
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
