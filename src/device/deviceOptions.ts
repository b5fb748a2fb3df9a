import type { Traits } from './traits.ts';

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
   * Bytes of memory in use (on webgpu and cpu also those kept for reuse) beyond which an allocation
   * fails with an OutOfMemoryError. Default: what the device has.
   */
  memoryLimit?: number;
}
