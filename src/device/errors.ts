import { WigbertError } from '../platform/errors.ts';
/** A kernel that the adapter refused: names the kernel and, for WGSL errors, quotes the line. */
export class KernelError extends WigbertError {
  override name = 'KernelError';
  readonly code = 'ERR_KERNEL';
  readonly kernel: string;
  constructor(kernel: string, reason: string) {
    super(`kernel ${kernel}: ${reason}`);
    this.kernel = kernel;
  }
}

/** The device is gone (destroyed, driver reset, adapter removed): what it held is lost and pending reads reject with this. */
export class DeviceLostError extends WigbertError {
  override name = 'DeviceLostError';
  readonly code = 'ERR_DEVICE_LOST';
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(
      `the WebGPU device was lost (${reason}): ${message || 'no reason given'}; open a new device and load the model again`,
    );
    this.reason = reason;
  }
}

/** The device could not allocate: says what was asked for and what is in use. */
export class OutOfMemoryError extends WigbertError {
  override name = 'OutOfMemoryError';
  readonly code = 'ERR_OUT_OF_MEMORY';
}
