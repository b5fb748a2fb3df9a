import { UsageError } from './errors.ts';
import { formatValue } from './format.ts';

/**
 * For a list of all options by name: the compiler finds one that is missing, which would be
 * refused, and one that there is not.
 * @example
 * const known = Object.keys({ model: true, out: true } satisfies NamesOf<MergeOptions>);
 */
export type NamesOf<T> = Record<keyof Required<T>, true>;

/** Checks of options that people gave. They are named by their field in backticks. */

/** @throws UsageError naming the first unknown key, and the known ones. */
export function checkKeys(given: object, known: readonly string[], what: string): void {
  for (const key of Object.keys(given))
    if (!known.includes(key))
      throw new UsageError(
        `unknown ${what} ${formatValue(key)}: expected one of ${known.join(', ')}`,
      );
}

/** @throws UsageError unless the value is one of `allowed`. */
export function checkOneOf(value: unknown, allowed: readonly unknown[], name: string): void {
  const list = () => allowed.map((item) => formatValue(item)).join(', ');
  if (!allowed.includes(value))
    throw new UsageError(`${name}: expected one of ${list()}, got ${formatValue(value)}`);
}
