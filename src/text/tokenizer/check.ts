import { UsageError } from '../../platform/errors.ts';

/** A value as a message shows it: short, on one line, strings in quotes. */
export function formatValue(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** @throws UsageError naming the first key that is not an option, and the options there are. */
export function checkKeys(given: object, known: readonly string[], what: string): void {
  for (const key of Object.keys(given))
    if (!known.includes(key))
      throw new UsageError(
        `unknown ${what} ${formatValue(key)}; expected one of ${known.join(', ')}`,
      );
}

/** @throws UsageError unless the value is one of those listed. */
export function checkOneOf(value: unknown, known: readonly unknown[], name: string): void {
  if (!known.includes(value))
    throw new UsageError(
      `${name} is ${formatValue(value)}; expected one of ${known.map(formatValue).join(', ')}`,
    );
}

/** @throws UsageError unless the value is a whole number of at least 1. */
export function checkCount(value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${name} is ${formatValue(value)}; expected a whole number of at least 1`);
}

/** @throws UsageError unless the value is a string. */
export function checkString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string')
    throw new UsageError(
      `${name} is of type ${value === null ? 'null' : typeof value}; expected a string`,
    );
}

/** @throws UsageError unless the value is an array. */
export function checkArray(value: unknown, name: string): void {
  if (!Array.isArray(value))
    throw new UsageError(`${name} is ${formatValue(value)}; expected an array`);
}
