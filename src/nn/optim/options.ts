import { ArgumentError } from '../../platform/errors.ts';

/** @throws ArgumentError unless every number is ≥ 0. */
export function checkNonNegative(numbers: Record<string, number>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value >= 0))
      throw new ArgumentError(`optimizer: \`${name}\`: expected a number ≥ 0, got ${value}`);
  }
}
