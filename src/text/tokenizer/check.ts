import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';

/** Checks of values that a caller gave. Options are named by their field in backticks. */

/** @throws UsageError unless the value is a positive integer. */
export function checkPositiveInteger(value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${name}: expected an integer ≥ 1, got ${formatValue(value)}`);
}

/** @throws UsageError unless the value is a string. */
export function checkString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string')
    throw new UsageError(`${name}: expected a string, got ${formatValue(value)}`);
}

/** @throws UsageError unless the value is an array. */
export function checkArray(value: unknown, name: string): void {
  if (!Array.isArray(value))
    throw new UsageError(`${name}: expected an array, got ${formatValue(value)}`);
}

/** @throws UsageError unless the value is a text, or with `isSplitIntoWords` its words. */
export function checkText(value: unknown, name: string, isSplitIntoWords: boolean): void {
  if (!isSplitIntoWords) {
    if (typeof value === 'string') return;
    const advice = Array.isArray(value)
      ? ': call `encodeBatch` for several texts, or set `isSplitIntoWords` for the words of one'
      : '';
    throw new UsageError(`${name}: expected a string, got ${formatValue(value)}${advice}`);
  }
  if (!Array.isArray(value))
    throw new UsageError(
      `${name}: expected an array of words with \`isSplitIntoWords\`, got ${formatValue(value)}`,
    );
  value.forEach((word, index) => {
    if (typeof word === 'string') return;
    const advice = Array.isArray(word) ? ': call `encodeBatch` for several texts' : '';
    throw new UsageError(
      `${name.slice(0, -1)}[${index}]\`: expected a string, got ${formatValue(word)}${advice}`,
    );
  });
}

/** @throws UsageError unless the value is an array, typed or not. */
export function checkList(value: unknown, name: string): void {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value))
    throw new UsageError(`${name}: expected an array, got ${formatValue(value)}`);
}

/** The result of a function; a UsageError from it names the place first. */
export function within<T>(place: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${place}: ${error.message}`) : error;
  }
}
