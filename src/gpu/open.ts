import { UsageError } from '../platform/errors.ts';
import { findWebGPU } from '../platform/webgpu.ts';
import { CpuDevice } from './cpu.ts';
import type { Device } from './device.ts';
import type { Traits } from './traits.ts';
import { WebGpuDevice } from './webgpu.ts';

export type DeviceKind = 'webgpu' | 'cpu';

const wantedFeatures = ['shader-f16', 'subgroups', 'timestamp-query'] as const;
const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxStorageBuffersPerShaderStage',
  'minStorageBufferOffsetAlignment',
  'minUniformBufferOffsetAlignment',
] as const;

/**
 * Opens a device. An adapter serves one device, so each call asks for a new adapter.
 * `traits` overrides what kernels are told of the adapter, to run the variants meant for another one.
 * @throws UsageError when `webgpu` is asked for and there is no adapter.
 */
export async function openDevice(kind: DeviceKind, traits: Partial<Traits> = {}): Promise<Device> {
  if (kind === 'cpu') return new CpuDevice();
  if (kind !== 'webgpu') throw new UsageError(`unknown device ${JSON.stringify(kind)}: expected webgpu or cpu`);
  const gpu = await findWebGPU();
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new UsageError(
      'no WebGPU adapter was found: install a Vulkan driver (`npm run setup` tries to), or use the cpu device',
    );
  }
  const device = await adapter.requestDevice({
    requiredFeatures: wantedFeatures.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]])),
  });
  const { vendor, architecture, description } = adapter.info;
  return new WebGpuDevice(device, description || [vendor, architecture].filter(Boolean).join(' '), {
    ...traitsOf(adapter),
    ...traits,
  });
}

/** Opens the WebGPU device where there is an adapter, else the CPU device. */
export async function openBestDevice(): Promise<Device> {
  return openDevice('webgpu').catch((error) => {
    if (error instanceof UsageError) return new CpuDevice();
    throw error;
  });
}

function traitsOf(adapter: GPUAdapter): Traits {
  const { info, limits } = adapter;
  const fixed = adapter.features.has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize;
  return {
    subgroupSize: fixed ? (info.subgroupMinSize ?? 0) : 0,
    software: /llvmpipe|swiftshader|software/i.test(`${info.description} ${info.architecture}`),
    maxWorkgroupSize: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
    maxBinding: limits.maxStorageBufferBindingSize,
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
    maxGroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    bindingAlignment: limits.minStorageBufferOffsetAlignment,
  };
}
