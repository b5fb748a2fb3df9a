import { StateError } from '../platform/errors.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';

/** What a captured step found of the leaves it works on: as long as they are so, running it anew would launch the same. */
export class CaptureGuard {
  readonly #usedLeaves = new Map<Tensor, { storage: Storage; requiresGrad: boolean }>();
  /** Gradients before the step touched them, and whether what it does depends on them. */
  readonly #gradients = new Map<Tensor, { before: Tensor | null; needed: boolean }>();
  /** Where the step left the gradients that it touched; undefined: nowhere. */
  readonly finalGradients = new Map<Tensor, Storage | undefined>();

  guardUse(leaf: Tensor): void {
    if (!this.#usedLeaves.has(leaf))
      this.#usedLeaves.set(leaf, { storage: leaf.storage, requiresGrad: leaf.requiresGrad });
  }

  /** `needed`: the step adds to the gradient or reads it; else it drops or replaces it. */
  guardGradient(leaf: Tensor, needed: boolean): void {
    if (!this.#gradients.has(leaf)) this.#gradients.set(leaf, { before: leaf.grad, needed });
  }

  /**
   * Notes what the step leaves of gradients.
   * @throws Error where running it once more would add to one that it made: a replay makes it anew.
   */
  finish(): void {
    for (const [leaf, { before, needed }] of this.#gradients) {
      this.finalGradients.set(leaf, leaf.grad?.storage);
      if (!needed || before || !leaf.grad || leaf.isDisposed) continue;
      throw new StateError(
        `capture: the step leaves a gradient on ${leaf}, which the next run would add to: call zeroGrad in the step`,
      );
    }
  }

  /** Whether the leaves are as the step found them; what was disposed of since cannot have changed. */
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

  /** Takes back what a step that failed did to gradients. */
  restoreGradients(): void {
    for (const [leaf, { before }] of this.#gradients)
      leaf.grad = before?.isDisposed ? null : before;
  }
}

let activeGuard: CaptureGuard | undefined;

/** Runs `body` with what it does to leaves noted. */
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
