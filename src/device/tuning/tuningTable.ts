import type { Constants, Kernel, ParamTypes, ParamValues } from '../kernel.ts';
import type { Traits } from '../traits.ts';

/** A launch whose variant can be chosen by measurement. */
export interface Tunable {
  kernel: Kernel;
  params: ParamValues<ParamTypes>;
}

/**
 * The variant that each class of launches takes on one adapter. Kernels offer candidates, best
 * guess first; an entry of the table wins. Entries that are no longer candidates are ignored, so an
 * old file does no harm.
 */
export class TuningTable {
  readonly #chosen = new Map<string, Constants>();
  /** One launch of each class seen so far. */
  readonly seen = new Map<string, Tunable>();
  /** Changes with each choice: what depends on earlier ones is out of date. */
  version = 0;

  constants<T extends ParamTypes>(
    kernel: Kernel<T>,
    params: ParamValues<T>,
    traits: Traits,
  ): Constants {
    const candidates = kernel.candidates?.(params, traits);
    if (!candidates) return kernel.specialize?.(params, traits) ?? { width: 1 };
    if (candidates.length === 1) return candidates[0];
    const key = tuningKey(kernel as unknown as Kernel, params);
    if (!this.seen.has(key)) this.seen.set(key, { kernel: kernel as unknown as Kernel, params });
    const chosen = this.#chosen.get(key);
    return (
      (chosen && candidates.find((candidate) => sameConstants(candidate, chosen))) ?? candidates[0]
    );
  }

  choose(key: string, constants: Constants): void {
    this.#chosen.set(key, constants);
    this.version++;
  }

  /** What was chosen, as plain JSON. */
  get entries(): Record<string, Constants> {
    return Object.fromEntries(this.#chosen);
  }
}

/**
 * The class of a launch. Kernels round sizes up to powers of two, so that nearly equal shapes share
 * a choice.
 */
export function tuningKey(kernel: Kernel, params: ParamValues<ParamTypes>): string {
  return `${kernel.name} ${kernel.tuningClass?.(params) ?? ''}`;
}

const sameConstants = (a: Constants, b: Constants): boolean => {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
};
