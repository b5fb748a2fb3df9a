import { StateError } from '../platform/errors.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';

/**
 * The state in which a captured step found the tensors that it did not make: parameters and their
 * gradients. A replay is right only as long as running the step again would launch the same, that
 * is, as long as this state holds.
 */
export class CaptureGuard {
  readonly #usedLeaves = new Map<Tensor, { storage: Storage; requiresGrad: boolean }>();
  /** Gradients before the step changed them, and whether its launches depend on them. */
  readonly #gradients = new Map<Tensor, { before: Tensor | null; needed: boolean }>();
  /** Where the step left the gradients that it changed; undefined if it dropped them. */
  readonly finalGradients = new Map<Tensor, Storage | undefined>();

  guardUse(leaf: Tensor): void {
    if (!this.#usedLeaves.has(leaf))
      this.#usedLeaves.set(leaf, { storage: leaf.storage, requiresGrad: leaf.requiresGrad });
  }

  /** `needed`: the step adds to the gradient or reads it; otherwise it drops or replaces it. */
  guardGradient(leaf: Tensor, needed: boolean): void {
    if (!this.#gradients.has(leaf)) this.#gradients.set(leaf, { before: leaf.grad, needed });
  }

  /**
   * Notes where the step leaves gradients.
   * @throws StateError if the next run would add to a gradient that this one made: a replay
   *   overwrites it.
   */
  finish(): void {
    for (const [leaf, { before, needed }] of this.#gradients) {
      this.finalGradients.set(leaf, leaf.grad?.storage);
      if (!needed || before || !leaf.grad || leaf.isDisposed) continue;
      throw new StateError(
        `capture: the step leaves a gradient on ${leaf}, which the next run would add to: ` +
          'call zeroGrad in the step',
      );
    }
  }

  /** Whether the leaves are as the step found them. Disposed ones cannot have changed. */
  get isValid(): boolean {
    for (const [leaf, { storage, requiresGrad }] of this.#usedLeaves) {
      if (!leaf.isDisposed && (leaf.storage !== storage || leaf.requiresGrad !== requiresGrad))
        return false;
    }
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

/** Runs `body`, and notes in `guard` what it does to leaves. */
export function withGuard<T>(guard: CaptureGuard, body: () => T): T {
  activeGuard = guard;
  try {
    return body();
  } finally {
    activeGuard = undefined;
  }
}

export function guardUse(tensor: Tensor): void {
  if (!tensor.gradFn) activeGuard?.guardUse(tensor);
}

export const guardGradient = (leaf: Tensor, needed: boolean): void =>
  activeGuard?.guardGradient(leaf, needed);
