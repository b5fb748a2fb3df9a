import { ArgumentError } from '../../platform/errors.ts';

/** Options over defaults; an undefined option means the default. */
export function withDefaults<D extends object, O extends object>(defaults: D, options: O): D & O {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...(Object.fromEntries(given) as O) };
}

/** @throws ArgumentError unless every number is ≥ 0. */
export function checkNonNegative(numbers: Record<string, number>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value >= 0))
      throw new ArgumentError(`optimizer: \`${name}\`: expected a number ≥ 0, got ${value}`);
  }
}
