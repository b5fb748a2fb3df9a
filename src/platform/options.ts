import { ArgumentError } from './errors.ts';
import { formatValue, isObject } from './format.ts';

/** A value for a message; of an instance, the name of its class. */
export const describeValue = (value: unknown): string =>
  isObject(value) && !isPlain(value) ? value.constructor.name : formatValue(value);

/** Whether an object is no instance of a class. */
export const isPlain = (value: object): boolean =>
  [Object.prototype, null].includes(Object.getPrototypeOf(value));

/**
 * Options of PyTorch's that are off (`maximize: false`, `foreach: null`) are as good as absent.
 * @throws ArgumentError unless they are an object, and for a key that is none of `known`.
 */
export function checkOptions(name: string, options: object, known: readonly string[]): void {
  const given = Object.entries(options ?? {}).filter(([, value]) => (value ?? false) !== false);
  const unknown = given.map(([key]) => key).find((key) => !known.includes(key));
  if (!isObject(options) || (unknown !== undefined && !isPlain(options)))
    throw new ArgumentError(
      `${name}: expected options as an object, { ${known.join(', ')} }, ` +
        `got ${describeValue(options)}`,
    );
  if (unknown !== undefined)
    throw new ArgumentError(
      `${name}: unknown option ${formatValue(unknown)}: expected one of ${known.join(', ')}`,
    );
}

/** @throws ArgumentError unless each of the values, by its name, is a number. */
export function checkNumbers(name: string, values: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(values))
    if (typeof value !== 'number')
      throw new ArgumentError(
        `${name}: \`${key}\`: expected a number, got ${describeValue(value)}`,
      );
}
