import { StateError } from '../platform/errors.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';

/** What a captured step found of the leaves it works on: as long as they are so, running it anew would launch the same. */
export class LeafWatch {
  readonly #used = new Map<Tensor, { storage: Storage; requiresGrad: boolean }>();
  /** Gradients before the step touched them, and whether what it does depends on them. */
  readonly #gradients = new Map<Tensor, { before: Tensor | null; needed: boolean }>();
  /** Where the step left the gradients that it touched; undefined: nowhere. */
  readonly left = new Map<Tensor, Storage | undefined>();

  use(leaf: Tensor): void {
    if (!this.#used.has(leaf))
      this.#used.set(leaf, { storage: leaf.storage, requiresGrad: leaf.requiresGrad });
  }

  /** `needed`: the step adds to the gradient or reads it; else it drops or replaces it. */
  gradient(leaf: Tensor, needed: boolean): void {
    if (!this.#gradients.has(leaf)) this.#gradients.set(leaf, { before: leaf.grad, needed });
  }

  /**
   * Notes what the step leaves of gradients.
   * @throws Error where running it once more would add to one that it made: a replay makes it anew.
   */
  end(): void {
    for (const [leaf, { before, needed }] of this.#gradients) {
      this.left.set(leaf, leaf.grad?.storage);
      if (!needed || before || !leaf.grad || leaf.isDisposed) continue;
      throw new StateError(
        `capture: the step leaves a gradient on ${leaf}, which the next run would add to: call zeroGrad in the step`,
      );
    }
  }

  /** Whether the leaves are as the step found them; what was disposed of since cannot have changed. */
  get areAsFound(): boolean {
    for (const [leaf, { storage, requiresGrad }] of this.#used) {
      if (!leaf.isDisposed && (leaf.storage !== storage || leaf.requiresGrad !== requiresGrad))
        return false;
    }
    for (const [leaf, { before, needed }] of this.#gradients) {
      if (needed && leaf.grad?.storage !== before?.storage) return false;
    }
    return true;
  }

  /** Takes back what a step that failed did to gradients. */
  restore(): void {
    for (const [leaf, { before }] of this.#gradients)
      leaf.grad = before?.isDisposed ? null : before;
  }
}

let current: LeafWatch | undefined;

/** Runs `body` with what it does to leaves noted. */
export function watchLeaves<T>(watch: LeafWatch, body: () => T): T {
  current = watch;
  try {
    return body();
  } finally {
    current = undefined;
  }
}

export function noteUse(tensor: Tensor): void {
  if (!tensor.node) current?.use(tensor);
}

export const noteGradient = (leaf: Tensor, needed: boolean): void =>
  current?.gradient(leaf, needed);
