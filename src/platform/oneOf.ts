import { ArgumentError } from './errors.ts';
import { formatValue } from './format.ts';

/** `name`: the option. @throws ArgumentError unless the value is one of the words. */
export function requireOneOf(value: unknown, words: readonly string[], name: string): void {
  if (!words.includes(value as string))
    throw new ArgumentError(
      `${name}: expected ${words.slice(0, -1).join(', ')} or ${words.at(-1)}, ` +
        `got ${formatValue(value)}`,
    );
}
