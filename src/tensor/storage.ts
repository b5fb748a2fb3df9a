import type { Binding, Device, DeviceBuffer } from '../device/device.ts';

/** Frees memory when its last tensor is garbage-collected, if no scope or `dispose` freed it. */
const finalizers = new FinalizationRegistry<() => void>((free) => free());

/** Memory of a tensor and its views. It is freed when the last of them is disposed. */
export class Storage {
  readonly device: Device;
  readonly binding: Binding;
  /** As requested; the device may have allocated more. */
  readonly bytes: number;
  /** The storage that this one is a part of. */
  readonly parent: Storage | undefined;
  #refCount = 0;
  readonly #free: (() => void) | undefined;

  /** `memory`: bytes of new memory, or a part of another storage (in bytes). */
  constructor(device: Device, memory: number | { parent: Storage; offset: number; size: number }) {
    this.device = device;
    this.bytes = typeof memory === 'number' ? memory : memory.size;
    if (typeof memory === 'number') {
      const buffer = device.alloc(Math.max(16, memory));
      this.binding = { buffer, offset: 0, size: buffer.bytes };
      this.#free = freeOnce(device, buffer);
      finalizers.register(this, this.#free, this);
    } else {
      const { parent, offset, size } = memory;
      this.parent = parent;
      this.binding = {
        buffer: parent.binding.buffer,
        offset: parent.binding.offset + offset,
        size,
      };
    }
  }

  /** Whether only one tensor uses this memory. */
  get isExclusive(): boolean {
    return this.#refCount === 1;
  }

  retain(): void {
    if (this.#refCount++ === 0) this.parent?.retain();
  }

  release(): void {
    if (--this.#refCount > 0) return;
    this.parent?.release();
    if (!this.#free) return;
    finalizers.unregister(this);
    this.#free();
  }
}

function freeOnce(device: Device, buffer: DeviceBuffer): () => void {
  let freed = false;
  return () => {
    if (!freed) device.free(buffer);
    freed = true;
  };
}
