import { withDefaults } from '../../platform/defaults.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { checkOptions, describeValue } from '../../platform/options.ts';
import { Tensor } from '../../tensor/index.ts';
import { describe } from '../../tensor/print.ts';

/**
 * What was given as a list of parameters, or of groups of them, as an array.
 * @throws ArgumentError for a module or a single tensor.
 */
export function listParams<T extends object>(name: string, params: Iterable<T>): T[] {
  if (params instanceof Tensor || typeof params?.[Symbol.iterator] !== 'function')
    throw new ArgumentError(
      `${name}: expected a list of parameters, such as \`model.parameters()\`, ` +
        `got ${params instanceof Tensor ? describe(params) : describeValue(params)}`,
    );
  return [...params];
}

/** Options over defaults. @throws ArgumentError for an option that the defaults lack. */
export function withKnown<D extends object, O extends object>(defaults: D, options: O): D & O {
  checkOptions('optimizer', options, Object.keys(defaults));
  return withDefaults(defaults, options);
}

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
