/** Tensor cores: a subgroup multiplies float16 matrices (m × k by k × n) and sums in float32. */
export interface SubgroupMatrix {
  m: number;
  n: number;
  k: number;
  subgroupSize: number;
}

/** What kernels know of an adapter when they choose a variant. */
export interface Traits {
  /** Lanes of a subgroup if all subgroups of the adapter have one size, else 0. */
  subgroupSize: number;
  /** Whether shaders run on the CPU: barriers and shared memory are slow there. */
  software: boolean;
  /** Set if the device was opened with precision 'high' and the adapter has tensor cores. */
  subgroupMatrix?: SubgroupMatrix;
  /** Set if the wasm device rounds products before it adds them: see `DeviceOptions.precision`. */
  strict?: boolean;
  maxWorkgroupSize: number;
  maxWorkgroupStorage: number;
  /** Largest part of a buffer that a kernel can bind, in bytes. */
  maxBinding: number;
  maxStorageBuffers: number;
  maxGroupsPerDimension: number;
  /** Bindings start at multiples of this, in bytes. */
  bindingAlignment: number;
}

/** Of devices that compute on the processor, with no limit but memory. */
export const hostTraits: Traits = {
  subgroupSize: 0,
  software: true,
  maxWorkgroupSize: 256,
  maxWorkgroupStorage: 16384,
  maxBinding: Number.MAX_SAFE_INTEGER,
  maxStorageBuffers: 16,
  maxGroupsPerDimension: 65535,
  bindingAlignment: 4,
};
