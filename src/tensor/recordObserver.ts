import type { Tensor } from './tensor.ts';

/** Sees operations and the gradients of their inputs as they are made. */
export interface RecordObserver {
  onResult(name: string, outputs: readonly Tensor[], inputs: readonly Tensor[]): void;
  /** `gradients` of the inputs; null or undefined where there is none, or a sparse one. */
  onGradients(
    name: string,
    gradients: readonly (Tensor | null | undefined)[],
    inputs: readonly Tensor[],
  ): void;
}

let observer: RecordObserver | undefined;

export const recordObserver = (): RecordObserver | undefined => observer;

/** Replaces the observer; returns the one before. */
export function observeRecords(next: RecordObserver | undefined): RecordObserver | undefined {
  const before = observer;
  observer = next;
  return before;
}
