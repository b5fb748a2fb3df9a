import { StateError } from '../../platform/errors.ts';
import type { HostArray } from '../kernel.ts';
import type { ResolvedLaunch } from '../webgpu/launches.ts';
import type { BufferPool, GpuBuffer } from '../webgpu/pool.ts';
import { type Trace, writeKey } from './trace.ts';

/**
 * Everything that the host writes in a step, in one block of bytes that goes up in one write.
 * Buffers of the step that only the host writes live in the block itself. For other targets
 * (memory that outlives the step, or that its launches overwrite), the bytes are copied there.
 */
export class UploadBlock {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #gpuBuffer: GpuBuffer | undefined;
  /** Where each host write lies in the block. */
  readonly #targets = new Map<string, { at: number; length: number }>();
  readonly #copies: { at: number; buffer: GpuBuffer; offset: number; size: number }[] = [];
  /** Buffers that live in the block, and where. */
  readonly #residents = new Map<GpuBuffer, number>();

  /** Buffers in the block start at multiples of `alignment` bytes. */
  constructor(
    trace: Trace<GpuBuffer>,
    launches: readonly ResolvedLaunch[],
    pool: BufferPool,
    alignment: number,
  ) {
    this.#bytes = new Uint8Array(this.#layOut(trace, launches, alignment));
    this.#gpuBuffer = this.#bytes.length > 0 ? pool.acquire(this.#bytes.length) : undefined;
    for (const [key, { data }] of trace.writes) this.#bytes.set(data, this.#targets.get(key)!.at);
    for (const [buffer, base] of this.#residents)
      Object.assign(buffer, { gpu: this.#gpuBuffer!.gpu, base });
  }

  /** Whether a buffer of the step lives in the block. */
  holds(buffer: GpuBuffer): boolean {
    return this.#residents.has(buffer);
  }

  /** The buffers outside the block to which parts of it are copied. */
  get copyTargets(): GpuBuffer[] {
    return this.#copies.map(({ buffer }) => buffer);
  }

  get allocationFailed(): boolean {
    return this.#gpuBuffer?.allocationFailed === true;
  }

  /**
   * Replaces what the host wrote there; false if it wrote nothing there at the capture.
   * @throws StateError if it wrote another number of bytes.
   */
  write(buffer: GpuBuffer, offset: number, data: HostArray): boolean {
    const target = this.#targets.get(writeKey(buffer, offset));
    if (target === undefined) return false;
    if (data.byteLength !== target.length)
      throw new StateError(
        `replay: expected a host write of ${target.length} bytes, as at the capture, ` +
          `got ${data.byteLength}`,
      );
    this.#bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), target.at);
    return true;
  }

  /** Sends the block and adds its copies to the commands, which must be the first of a submit. */
  upload(queue: GPUQueue, encoder: GPUCommandEncoder): void {
    if (!this.#gpuBuffer) return;
    queue.writeBuffer(this.#gpuBuffer.gpu, 0, this.#bytes);
    for (const { at, buffer, offset, size } of this.#copies)
      encoder.copyBufferToBuffer(this.#gpuBuffer.gpu, at, buffer.gpu, buffer.base + offset, size);
  }

  dispose(pool: BufferPool): void {
    if (this.#gpuBuffer) pool.release(this.#gpuBuffer);
  }

  /** Decides where each host write lies. Returns the size of the block. */
  #layOut(trace: Trace<GpuBuffer>, launches: readonly ResolvedLaunch[], alignment: number): number {
    const written = new Set(
      launches.flatMap(({ bindings }) =>
        bindings.filter(({ writes }) => writes).map(({ buffer }) => buffer),
      ),
    );
    let size = 0;
    const reserve = (bytes: number) => {
      const at = size;
      size += Math.ceil(bytes / alignment) * alignment;
      return at;
    };
    for (const [key, { buffer, offset, data }] of trace.writes) {
      const { length } = data;
      if (trace.owns(buffer) && !written.has(buffer)) {
        if (!this.#residents.has(buffer)) this.#residents.set(buffer, reserve(buffer.bytes));
        this.#targets.set(key, { at: this.#residents.get(buffer)! + offset, length });
      } else {
        const at = reserve(length);
        this.#targets.set(key, { at, length });
        this.#copies.push({ at, buffer, offset, size: Math.ceil(length / 4) * 4 });
      }
    }
    return size;
  }
}
