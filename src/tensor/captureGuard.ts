import type { Binding, Device } from '../device/device.ts';
import { StateError } from '../platform/errors.ts';
import type { DType } from './elements.ts';
import { noteIndexRange } from './indexRange.ts';
import { describe } from './print.ts';
import type { Shape } from './shape.ts';
import { type Storage, tick } from './storage.ts';

/** What the guard sees of a tensor. */
interface Leaf {
  readonly storage: Storage;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly device: Device;
  readonly requiresGrad: boolean;
  readonly isDisposed: boolean;
  readonly gradFn: unknown;
  grad: Leaf | null;
  dispose(): void;
}

/**
 * The state in which a captured step found the tensors that it did not make: parameters and their
 * gradients. A replay is right only as long as running the step again would launch the same, that
 * is, as long as this state holds.
 */
export class CaptureGuard {
  readonly #startedAt = tick();
  readonly #usedLeaves = new Map<Leaf, { binding: Binding; requiresGrad: boolean }>();
  /** Values outside the tensors that the step depends on, such as the mode of a module. */
  readonly #usedValues = new Map<object, { read: () => unknown; value: unknown }>();
  /** What the step writes over, and by which function. */
  readonly #written = new Map<Storage, string>();
  /** Gradients before the step changed them, and whether its launches depend on them. */
  readonly #gradients = new Map<Leaf, { before: Leaf | null; needed: boolean }>();
  /** What the step read on the host, which a replay would not read. */
  #read: string | undefined;
  /** Number of changes to hooks when the step was captured. */
  #hookChanges = 0;
  /** Where the step left the gradients that it changed; undefined if it dropped them. */
  readonly finalGradients = new Map<Leaf, Storage | undefined>();

  guardUse(leaf: Leaf): void {
    if (!this.#usedLeaves.has(leaf))
      this.#usedLeaves.set(leaf, {
        binding: leaf.storage.binding,
        requiresGrad: leaf.requiresGrad,
      });
  }

  guardValue(owner: object, read: () => unknown): void {
    if (!this.#usedValues.has(owner)) this.#usedValues.set(owner, { read, value: read() });
  }

  guardWrite(storage: Storage, by: string): void {
    if (storage.createdAt < this.#startedAt) this.#written.set(storage, by);
  }

  guardRead(tensor: Leaf): void {
    this.#read ??= describe(tensor);
  }

  /** Notes that the step was replayed. */
  noteReplay(): void {
    for (const [storage, by] of this.#written) {
      storage.noteWrite(by);
      noteIndexRange(storage, undefined);
    }
  }

  /** `needed`: the step adds to the gradient or reads it; otherwise it drops or replaces it. */
  guardGradient(leaf: Leaf, needed: boolean): void {
    if (!this.#gradients.has(leaf)) this.#gradients.set(leaf, { before: leaf.grad, needed });
  }

  /**
   * Notes where the step leaves gradients.
   * @throws StateError if the next run would add to a gradient that this one made: a replay
   *   overwrites it. If the step, or a hook in it, reads values on the host.
   */
  finish(): void {
    if (this.#read)
      throw new StateError(
        `capture: the step, or a hook in it, reads the values of ${this.#read} on the host, ` +
          'which a replay would not: return the tensor from the step, or read it after the step',
      );
    this.#hookChanges = hookChanges;
    for (const [leaf, { before, needed }] of this.#gradients) {
      this.finalGradients.set(leaf, leaf.grad?.storage);
      if (!needed || before || !leaf.grad || leaf.isDisposed) continue;
      throw new StateError(
        `capture: the step leaves a gradient on ${describe(leaf)}, which the next run would ` +
          'add to: call zeroGrad in the step',
      );
    }
  }

  /**
   * Whether all is as the step found it. Disposed tensors cannot have changed: the step keeps their
   * memory.
   */
  get isValid(): boolean {
    for (const [leaf, { binding, requiresGrad }] of this.#usedLeaves) {
      if (leaf.isDisposed) continue;
      if (leaf.storage.binding !== binding || leaf.requiresGrad !== requiresGrad) return false;
    }
    if (this.#hookChanges !== hookChanges) return false;
    for (const { read, value } of this.#usedValues.values()) if (read() !== value) return false;
    for (const [leaf, { before, needed }] of this.#gradients) {
      if (needed && leaf.grad?.storage !== before?.storage) return false;
    }
    return true;
  }

  /** Restores the gradients after a step that failed. */
  restoreGradients(): void {
    for (const [leaf, { before }] of this.#gradients)
      leaf.grad = before?.isDisposed ? null : before;
  }
}

let activeGuard: CaptureGuard | undefined;
let hookChanges = 0;

/** Notes that a hook came or went: steps captured before are captured again. */
export const noteHookChange = (): void => {
  hookChanges++;
};

/** Runs `body`, and notes in `guard` what it does to leaves. */
export function withGuard<T>(guard: CaptureGuard, body: () => T): T {
  activeGuard = guard;
  try {
    return body();
  } finally {
    activeGuard = undefined;
  }
}

export function guardUse(tensor: Leaf): void {
  if (!tensor.gradFn) activeGuard?.guardUse(tensor);
}

/** A captured step is traced again once `read` gives another value. */
export const guardValue = (owner: object, read: () => unknown): void =>
  activeGuard?.guardValue(owner, read);

/** Notes that `by` writes over elements of a tensor: backward may not use them any more. */
export function noteWrite({ storage }: Pick<Leaf, 'storage'>, by: string): void {
  storage.noteWrite(by);
  activeGuard?.guardWrite(storage, by);
  storage.onWrite?.();
}

/** Notes that values go to the host. */
export const guardRead = (tensor: Leaf): void => activeGuard?.guardRead(tensor);

export const guardGradient = (leaf: Leaf, needed: boolean): void =>
  activeGuard?.guardGradient(leaf, needed);
