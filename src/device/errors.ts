import { WigbertError } from '../platform/errors.ts';

/**
 * The adapter refused a kernel. Names the kernel and, for WGSL errors, quotes the line.
 * @example
 * catch (error) {
 *   if (error instanceof KernelError) console.error(error.message); // the line of WGSL
 * }
 */
export class KernelError extends WigbertError {
  override name = 'KernelError';
  readonly code = 'ERR_KERNEL';
  readonly kernel: string;
  constructor(kernel: string, reason: string) {
    super(`kernel ${kernel}: ${reason}`);
    this.kernel = kernel;
  }
}

/**
 * The device is gone (destroyed, driver reset, adapter removed). What it held is lost; pending
 * reads reject with this.
 * @example
 * try {
 *   await loss.item();
 * } catch (error) {
 *   if (error instanceof DeviceLostError) await useDevice('webgpu');
 * }
 */
export class DeviceLostError extends WigbertError {
  override name = 'DeviceLostError';
  readonly code = 'ERR_DEVICE_LOST';
  readonly reason: string;
  constructor(reason: string, message: string, kind = 'WebGPU') {
    super(
      `the ${kind} device was lost (${reason}): ${message || 'no reason given'}; ` +
        'open a new device and load the model again',
    );
    this.reason = reason;
  }
}

/**
 * An allocation failed. Says how much was requested, and how much is in use.
 * @example
 * catch (error) {
 *   if (error instanceof OutOfMemoryError) batchSize /= 2;
 * }
 */
export class OutOfMemoryError extends WigbertError {
  override name = 'OutOfMemoryError';
  readonly code = 'ERR_OUT_OF_MEMORY';
}
