import { waitForDevice } from '../../platform/waiting.ts';
import type { Binding } from '../device.ts';
import type { CommandStream } from './commandStream.ts';
import type { ErrorWatch } from './errorWatch.ts';
import { BufferUsage, MAP_MODE_READ } from './flags.ts';
import type { GpuBuffer } from './pool.ts';

/** Bytes of the smallest staging buffer. */
const MIN_STAGING = 4096;
/** Larger staging buffers (for whole weights) are destroyed after use, in bytes. */
const MAX_POOLED_STAGING = 1 << 24;

/** Copies results to the host through staging buffers, several at a time if nobody waits. */
export class Readback {
  readonly #device: GPUDevice;
  readonly #stream: CommandStream;
  readonly #errors: ErrorWatch;
  readonly #idle: GPUBuffer[] = [];

  constructor(device: GPUDevice, stream: CommandStream, errors: ErrorWatch) {
    this.#device = device;
    this.#stream = stream;
    this.#errors = errors;
  }

  /** Submits all commands so far, and resolves with the bytes as these leave them. */
  async read({ buffer, offset, size }: Binding): Promise<ArrayBuffer> {
    const bytes = Math.ceil(size / 4) * 4;
    const staging = this.#acquire(bytes);
    const { gpu, base } = buffer as GpuBuffer;
    this.#stream.encoder().copyBufferToBuffer(gpu, base + offset, staging, 0, bytes);
    this.#stream.submit();
    try {
      await waitForDevice(staging.mapAsync(MAP_MODE_READ, 0, bytes));
    } catch (error) {
      await this.#errors.settle();
      throw error;
    }
    const copy = staging.getMappedRange(0, bytes).slice(0, size);
    staging.unmap();
    if (bytes <= MAX_POOLED_STAGING) this.#idle.push(staging);
    else staging.destroy();
    await this.#errors.settle();
    return copy;
  }

  #acquire(bytes: number): GPUBuffer {
    const at = this.#idle.findIndex((staging) => staging.size >= bytes);
    if (at >= 0) return this.#idle.splice(at, 1)[0];
    return this.#device.createBuffer({
      size: Math.max(MIN_STAGING, bytes),
      usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST,
    });
  }
}
