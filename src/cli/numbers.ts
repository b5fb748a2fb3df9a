import { InvalidArgumentError } from 'commander';

/** Parsers of options that are numbers. `--help` loads them, and no option of a command. */

const parsedNumber = (check: (value: number) => boolean, expected: string) => (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !check(value)) throw new InvalidArgumentError(`Expected ${expected}.`);
  return value;
};
export const positiveInteger = parsedNumber(
  (n) => Number.isInteger(n) && n >= 1,
  'a whole number of at least 1',
);
export const nonNegativeInteger = parsedNumber(
  (n) => Number.isSafeInteger(n) && n >= 0,
  'a whole number of at least 0',
);
export const finiteNumber = parsedNumber((n) => Number.isFinite(n), 'a number');
export const positiveNumber = parsedNumber((n) => Number.isFinite(n) && n > 0, 'a number above 0');
export const nonNegativeNumber = parsedNumber(
  (n) => Number.isFinite(n) && n >= 0,
  'a number of at least 0',
);
export const closedShare = parsedNumber((n) => n >= 0 && n <= 1, 'a number from 0 to 1');
export const factor = parsedNumber((n) => n > 0 && n <= 1, 'a number above 0 to 1');
export const validShare = parsedNumber(
  (n) => n >= 0 && n < 1,
  'a number of at least 0 and below 1',
);
export const openShare = parsedNumber((n) => n > 0 && n < 1, 'a number above 0 and below 1');
