import type { Device, DeviceBuffer } from '../device/device.ts';
import { collectGarbage } from '../platform/garbage.ts';

/**
 * Memory comes back when the storage that holds it is unreachable. JavaScript does not hurry: its
 * collector sees a tensor of a gigabyte as an object of a few bytes. So each device has a budget,
 * relative to what was in use after the last collection; an allocation beyond it collects first.
 */

/** Memory of a device, held by one storage. */
export interface Holding {
  readonly device: Device;
  readonly buffer: DeviceBuffer;
  readonly owner: WeakRef<object>;
  isFree: boolean;
}

/** How far memory in use may grow between collections, as a factor. */
const MAX_GROWTH = 2;
/** New bytes that are worth a collection, and a few that are if many holdings share them. */
const [MANY_BYTES, FEW_BYTES, MANY_HOLDINGS] = [3 << 18, 1 << 17, 96];
/**
 * Collections that take longer than this, in milliseconds, get at most half of the time, as long as
 * memory grows by less than `MAX_EXCESS`.
 */
const CHEAP_COLLECTION = 150;
/** Bytes beyond the budget after which a collection is due at any cost. */
const MAX_EXCESS = 1 << 28;

/** What the storages of one device hold. */
class Holdings {
  readonly #device: Device;
  readonly #held = new Set<Holding>();
  /** Number and bytes after the last collection. */
  #heldBefore = 0;
  #bytesBefore = 0;
  /** When the last collection ended, and about how long one takes, in milliseconds. */
  #collectedAt = 0;
  #duration = 0;

  constructor(device: Device) {
    this.#device = device;
    device.reclaim = () => this.collect();
  }

  add(owner: object, bytes: number): Holding {
    if (this.#isCollectionDue()) this.collect();
    const buffer = this.#device.alloc(bytes);
    const holding = { device: this.#device, buffer, owner: new WeakRef(owner), isFree: false };
    this.#held.add(holding);
    finalizers.register(owner, holding, holding);
    return holding;
  }

  remove(holding: Holding): void {
    if (holding.isFree) return;
    holding.isFree = true;
    this.#held.delete(holding);
    this.#device.free(holding.buffer);
  }

  /** Frees what is unreachable, if the runtime can tell at once; if not, finalizers do later. */
  collect(): void {
    const start = performance.now();
    if (collectGarbage())
      for (const holding of this.#held) if (!holding.owner.deref()) this.remove(holding);
    this.#heldBefore = this.#held.size;
    this.#bytesBefore = this.#device.memory().bytes;
    this.#collectedAt = performance.now();
    // One that took long may only have waited for the processor.
    this.#duration = Math.min(this.#collectedAt - start, Math.max(1, 2 * this.#duration));
  }

  #isCollectionDue(): boolean {
    const { bytes } = this.#device.memory();
    const budget = MAX_GROWTH * this.#bytesBefore;
    if (bytes <= budget) return false;
    const added = bytes - this.#bytesBefore;
    const isWorthIt =
      added >= MANY_BYTES ||
      (added >= FEW_BYTES && this.#held.size - this.#heldBefore >= MANY_HOLDINGS);
    const isCheap = this.#duration <= CHEAP_COLLECTION;
    if (!isWorthIt || isCheap || bytes - budget > MAX_EXCESS) return isWorthIt;
    return performance.now() - this.#collectedAt >= this.#duration;
  }
}

const holdings = new WeakMap<Device, Holdings>();

/** Frees what a storage held that was collected without being disposed. */
const finalizers = new FinalizationRegistry<Holding>((holding) => release(holding));

/** Memory for `owner`, on a device; it is freed by `release`, or once `owner` is unreachable. */
export function hold(owner: object, device: Device, bytes: number): Holding {
  let ofDevice = holdings.get(device);
  if (!ofDevice) holdings.set(device, (ofDevice = new Holdings(device)));
  return ofDevice.add(owner, bytes);
}

/** Frees the memory, if that was not done before. */
export function release(holding: Holding): void {
  if (holding.isFree) return;
  finalizers.unregister(holding);
  holdings.get(holding.device)!.remove(holding);
}
