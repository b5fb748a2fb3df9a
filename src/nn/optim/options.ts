import { withDefaults } from '../../platform/defaults.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { Tensor } from '../../tensor/index.ts';
import { describe } from '../../tensor/print.ts';

/**
 * Options of PyTorch's that are off (`maximize: false`, `foreach: null`) are as good as absent.
 * @throws ArgumentError if a key is none of `known`.
 */
export function checkKnown(options: object, known: readonly string[]): void {
  const given = Object.entries(options).filter(([, value]) => (value ?? false) !== false);
  const unknown = given.map(([key]) => key).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new ArgumentError(
      `optimizer: unknown option ${formatValue(unknown)}: expected one of ${known.join(', ')}`,
    );
}

const kindOf = (value: object | undefined) => value?.constructor?.name ?? String(value);

/**
 * What was given as a list of parameters, or of groups of them, as an array.
 * @throws ArgumentError for a module or a single tensor.
 */
export function listParams<T extends object>(name: string, params: Iterable<T>): T[] {
  if (params instanceof Tensor || typeof params?.[Symbol.iterator] !== 'function')
    throw new ArgumentError(
      `${name}: expected a list of parameters, such as \`model.parameters()\`, ` +
        `got ${params instanceof Tensor ? describe(params) : kindOf(params)}`,
    );
  return [...params];
}

/** Options over defaults. @throws ArgumentError for an option that the defaults lack. */
export function withKnown<D extends object, O extends object>(defaults: D, options: O): D & O {
  checkKnown(options, Object.keys(defaults));
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
