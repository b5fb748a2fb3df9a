/** Tensor cores: subgroups multiply float16 matrices (m × k by k × n) and add up in float32. */
export interface SubgroupMatrix {
  m: number;
  n: number;
  k: number;
  subgroupSize: number;
}

/** What kernels may know of an adapter when they choose a variant. */
export interface Traits {
  /** Lanes of a subgroup where the adapter has subgroups of one fixed size, else 0. */
  subgroupSize: number;
  /** Whether shaders run on the processor: barriers and shared memory are slow there. */
  software: boolean;
  /** Set where the device was opened with precision 'high' and the adapter has them. */
  subgroupMatrix?: SubgroupMatrix;
  maxWorkgroupSize: number;
  maxWorkgroupStorage: number;
  /** Largest part of a buffer that a kernel can see, in bytes. */
  maxBinding: number;
  maxStorageBuffers: number;
  maxGroupsPerDimension: number;
  /** Where a binding may start, in bytes. */
  bindingAlignment: number;
}
