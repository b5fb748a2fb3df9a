import type { Binding, Device } from '../device/device.ts';
import { type Holding, hold, release } from './reclaim.ts';

let clock = 0;

/** The next point in time: writes, allocations and recorded operations are ordered by it. */
export const tick = (): number => ++clock;

/** A write over existing elements. */
export interface Write {
  at: number;
  /** The function that wrote. */
  by: string;
}

/** Memory of a tensor and its views. It is freed when the last of them is disposed. */
export class Storage {
  /** Another object once the memory has moved to another device. */
  device: Device;
  /** Another object once the memory has moved. */
  binding: Binding;
  /** As requested; the device may have allocated more. */
  bytes: number;
  /** The storage that this one is a part of. */
  parent: Storage | undefined;
  /** Runs at each write over elements, but not where `backward` and optimisers write. */
  onWrite: (() => void) | undefined;
  readonly createdAt = tick();
  #lastWrite: Write | undefined;
  #refCount = 0;
  /** Its memory; undefined if that is a part of another storage, or freed. */
  #holding: Holding | undefined;

  /** `memory`: bytes of new memory, or a part of another storage (in bytes). */
  constructor(device: Device, memory: number | { parent: Storage; offset: number; size: number }) {
    this.device = device;
    this.bytes = typeof memory === 'number' ? memory : memory.size;
    if (typeof memory === 'number') {
      this.#holding = hold(this, device, Math.max(16, memory));
      const { buffer } = this.#holding;
      this.binding = { buffer, offset: 0, size: buffer.bytes };
    } else {
      this.parent = memory.parent;
      this.binding = partOf(memory);
    }
  }

  /** The latest write over elements, if there was one; one to the parent is one to its parts. */
  get lastWrite(): Write | undefined {
    const ofParent = this.parent?.lastWrite;
    return ofParent && ofParent.at > (this.#lastWrite?.at ?? 0) ? ofParent : this.#lastWrite;
  }

  noteWrite(by: string): void {
    this.#lastWrite = { at: tick(), by };
  }

  /** Moves to a part of another storage, which holds the same elements. Views follow. */
  moveInto(part: { parent: Storage; offset: number; size: number }): void {
    part.parent.retain();
    this.#letGo();
    this.parent = part.parent;
    this.binding = partOf(part);
    this.bytes = part.size;
  }

  /** Moves to new memory on a device, whose contents are undefined. Views follow. */
  moveToDevice(device: Device, bytes: number): void {
    const holding = hold(this, device, Math.max(16, bytes));
    this.#letGo();
    this.parent = undefined;
    this.#holding = holding;
    this.device = device;
    this.bytes = bytes;
    this.binding = { buffer: holding.buffer, offset: 0, size: holding.buffer.bytes };
  }

  /** Whether only one tensor uses this memory. */
  get isExclusive(): boolean {
    return this.#refCount === 1;
  }

  retain(): void {
    if (this.#refCount++ === 0) this.parent?.retain();
  }

  release(): void {
    if (--this.#refCount === 0) this.#letGo();
  }

  #letGo(): void {
    this.parent?.release();
    if (this.#holding) release(this.#holding);
    this.#holding = undefined;
  }
}

const partOf = ({ parent, offset, size }: { parent: Storage; offset: number; size: number }) => ({
  buffer: parent.binding.buffer,
  offset: parent.binding.offset + offset,
  size,
});
