/** A kernel that the adapter refused: names the kernel and, for WGSL errors, quotes the line. */
export class KernelError extends Error {
  override name = 'KernelError';
  readonly kernel: string;
  constructor(kernel: string, reason: string) {
    super(`kernel ${kernel}: ${reason}`);
    this.kernel = kernel;
  }
}

/** The device is gone (destroyed, driver reset, adapter removed): what it held is lost and pending reads reject with this. */
export class DeviceLostError extends Error {
  override name = 'DeviceLostError';
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(
      `the WebGPU device was lost (${reason}): ${message || 'no reason given'}; open a new device and load the model again`,
    );
    this.reason = reason;
  }
}

/** The device could not allocate: says what was asked for and what is in use. */
export class OutOfMemoryError extends Error {
  override name = 'OutOfMemoryError';
}
