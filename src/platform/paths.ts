/** The path that stands for standard input. */
export const STANDARD_INPUT = '-';

/** Joins path parts with `/`, which Node accepts on every platform. */
export function joinPath(...parts: string[]): string {
  return parts.filter((part) => part !== '').join('/');
}
