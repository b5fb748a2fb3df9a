import { type Method, methodsOn, type Pretraining } from './methods.ts';

/** A classifier that a study trains. */
export interface PlannedCell {
  seed: number;
  method: Method;
  /** Labelled rows. */
  size: number;
}

/**
 * What a study trains, in this order: each method on each size with each seed. All `trainRows` take
 * long and leave nothing to draw, so they are trained on with the first seed alone.
 */
export function studyCells(settings: {
  pretrainings: Pretraining[];
  sizes: number[];
  seeds: number;
  trainRows: number;
}): PlannedCell[] {
  const { pretrainings, sizes, seeds, trainRows } = settings;
  return Array.from({ length: seeds }, (_, i) => i + 1).flatMap((seed) =>
    methodsOn(pretrainings).flatMap((method) =>
      sizes
        .filter((size) => size < trainRows || seed === 1)
        .map((size) => ({ seed, method, size })),
    ),
  );
}
