import type { Binding, Device, DeviceBuffer } from '../device/device.ts';
import type { Tensor } from './tensor.ts';

/** Frees memory whose last tensor was collected: a net under scopes and `dispose`, which act at once. */
const finalizers = new FinalizationRegistry<() => void>((free) => free());

/** Memory that tensors share: views of one tensor have one storage. It is freed when its last tensor is disposed. */
export class Storage {
  readonly device: Device;
  readonly binding: Binding;
  /** As asked for; the device may have given more. */
  readonly bytes: number;
  /** The memory this is a part of, if it is one. */
  readonly parent: Storage | undefined;
  /**
   * Of integers that came from the host, to the first `count` elements: the two least and the two greatest that differ, or fewer
   * where there are fewer. Look-ups check their indices with it.
   */
  hostIndexRange: { readonly extremes: readonly number[]; readonly count: number } | undefined;
  /** For an optimiser's slot of a gradient that comes by rows: 0 where a row is known to hold zeros. */
  touchedRows: Tensor | undefined;
  #refCount = 0;
  readonly #free: (() => void) | undefined;

  /** New memory of so many bytes, or a part of another storage. */
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

  /** Whether one tensor alone sees this memory. */
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
