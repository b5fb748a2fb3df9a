import { NotFiniteError } from '../platform/errors.ts';
import { noGrad } from './autograd.ts';
import { toFloat } from './ops/elementwise.ts';
import { cat } from './ops/joins.ts';
import { all, isfinite, isnan, logicalNot } from './ops/logical.ts';
import { reshape } from './ops/views.ts';
import { describe } from './print.ts';
import { observeRecords, type RecordObserver, recordObserver } from './recordObserver.ts';
import { keep, scope } from './scope.ts';
import type { Tensor } from './tensor.ts';

/** Operations that write what they are told, such as -Infinity into a mask. */
const FILLS = ['maskedFill', 'where', 'full', 'clamp'];

/** A tensor that was looked at. */
interface Sighting {
  what: string;
  /** On the device: whether all is finite, and whether nothing is NaN. */
  flags: Tensor;
  /** Sightings of what it was made of. */
  from: readonly number[];
  mayBeInfinite: boolean;
}

/** Looks at results and gradients without waiting: what it finds is read at the end. */
class AnomalyWatch implements RecordObserver {
  readonly #sightings: Sighting[] = [];
  readonly #seen = new WeakMap<Tensor, number>();

  onResult(name: string, outputs: readonly Tensor[], inputs: readonly Tensor[]): void {
    const from = inputs.flatMap((input) => this.#sightingOf(input, name) ?? []);
    for (const output of outputs)
      this.#see(output, `the result of ${name}, ${describe(output)},`, from, FILLS.includes(name));
  }

  onGradients(
    name: string,
    gradients: readonly (Tensor | null | undefined)[],
    inputs: readonly Tensor[],
  ): void {
    gradients.forEach((gradient, i) => {
      if (!gradient) return;
      const of = inputs.length > 1 ? ` ${i + 1}` : '';
      const input = describe(inputs[i]);
      this.#see(gradient, `the gradient from ${name} to its input${of}, ${input},`, [], false);
    });
  }

  /** @throws NotFiniteError, naming where NaN or infinity came up first. */
  async check(): Promise<void> {
    const sightings = this.#sightings;
    if (sightings.length === 0) return;
    const flags = noGrad(() => scope(() => cat(sightings.map((one) => one.flags))));
    for (const one of sightings) one.flags.dispose();
    const values = await flags.data();
    flags.dispose();
    /** Those whose infinity was asked for. */
    const excused = new Set<number>();
    for (const [i, { what, from, mayBeInfinite }] of sightings.entries()) {
      const [allFinite, hasNoNaN] = [values[2 * i] === 1, values[2 * i + 1] === 1];
      if (allFinite) continue;
      if (hasNoNaN && (mayBeInfinite || from.some((one) => excused.has(one)))) excused.add(i);
      else
        throw new NotFiniteError(
          `detectAnomaly: ${what} has ${hasNoNaN ? 'infinity' : 'NaN'}; what came before is finite`,
        );
    }
  }

  #sightingOf(tensor: Tensor, by: string): number | undefined {
    if (tensor.dtype !== 'float32') return undefined;
    // A constant may be infinite, such as what a mask is filled with; a parameter may not.
    if (!this.#seen.has(tensor))
      this.#see(tensor, `an input of ${by}, ${describe(tensor)},`, [], !tensor.requiresGrad);
    return this.#seen.get(tensor);
  }

  #see(tensor: Tensor, what: string, from: readonly number[], mayBeInfinite: boolean): void {
    if (tensor.dtype !== 'float32' || tensor.size === 0) return;
    const before = observeRecords(undefined);
    try {
      const flags = noGrad(() =>
        scope(() =>
          cat(
            [isfinite(tensor), logicalNot(isnan(tensor))].map((test) =>
              reshape(toFloat(all(test)), [1]),
            ),
          ),
        ),
      );
      this.#seen.set(
        tensor,
        this.#sightings.push({ what, flags: keep(flags), from, mayBeInfinite }) - 1,
      );
    } finally {
      observeRecords(before);
    }
  }
}

/**
 * Runs `body`, and looks for NaN and infinity in the result of each operation and in each gradient
 * of `backward` (PyTorch's `torch.autograd.detect_anomaly`). Steps are not captured meanwhile. It
 * is slow: for finding a mistake, not for training. Infinity that `maskedFill` or `where` put there
 * is left alone.
 * @returns what `body` returns
 * @throws NotFiniteError, naming the operation where they first come up, and its shapes.
 * @example
 * await detectAnomaly(() => model.forward(x).log().sum().backward());
 */
export async function detectAnomaly<T>(body: () => T | Promise<T>): Promise<T> {
  const watch = new AnomalyWatch();
  const before = observeRecords(watch);
  let result: T;
  try {
    result = await body();
  } finally {
    observeRecords(before);
  }
  await watch.check();
  return result;
}

/**
 * Whether `detectAnomaly` is running (PyTorch's `is_anomaly_enabled`).
 * @example
 * isAnomalyEnabled(); // false
 */
export const isAnomalyEnabled = (): boolean => recordObserver() !== undefined;
