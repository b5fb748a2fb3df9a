import { ArgumentError } from '../../platform/errors.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { squeeze, unsqueeze } from './views.ts';

/** A value for the height and one for the width. */
export type Pair = readonly [number, number];

export const pairOf = (value: number | Pair): Pair =>
  typeof value === 'number' ? [value, value] : value;

/** @throws ArgumentError unless every number is a whole one of at least `least`. */
export function checkAtLeast(
  operation: string,
  least: number,
  options: Record<string, number | Pair>,
): void {
  for (const [name, value] of Object.entries(options)) {
    const wrong = pairOf(value).find((n) => !Number.isInteger(n) || n < least);
    if (wrong !== undefined)
      throw new ArgumentError(
        `${operation}: \`${name}\`: expected a whole number ≥ ${least}, got ${wrong}`,
      );
  }
}

/** @throws ArgumentError unless a bias, if there is one, has a number for each channel. */
export function checkBias(
  operation: string,
  bias: Tensor | null | undefined,
  channels: number,
): void {
  if (bias && (bias.ndim !== 1 || bias.size !== channels))
    throw new ArgumentError(
      `${operation}: expected a bias of shape [${channels}], got ${formatShape(bias.shape)}`,
    );
}

export const rankError = (operation: string, what: string, rank: number, got: Tensor) =>
  new ArgumentError(
    `${operation}: expected ${what} of ${rank} dimensions, got ${formatShape(got.shape)}`,
  );

/**
 * Runs `f` on a batch. An input of `rank` dimensions has none: it is a batch of one.
 * @throws ArgumentError if the input has neither `rank` dimensions nor one more.
 */
export function batched(
  operation: string,
  x: Tensor,
  rank: number,
  f: (x: Tensor) => Tensor,
): Tensor {
  if (x.ndim === rank + 1) return f(x);
  if (x.ndim === rank) return squeeze(f(unsqueeze(x, 0)), 0);
  throw rankError(operation, 'an input', rank + 1, x);
}
