import { ArgumentError } from '../../platform/errors.ts';

/** @throws ArgumentError unless every number is ≥ 0. */
export function checkNonNegative(numbers: Record<string, number>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value >= 0))
      throw new ArgumentError(`optimizer: \`${name}\`: expected a number ≥ 0, got ${value}`);
  }
}

/** @throws ArgumentError unless every decay is ≥ 0 and < 1. */
export function checkBetas(betas: readonly [number, number]): void {
  if (!betas.every((beta) => beta >= 0 && beta < 1))
    throw new ArgumentError(
      `optimizer: \`betas\`: expected two numbers ≥ 0 and < 1, got ${betas.join(' and ')}`,
    );
}
