/** A word as a POSIX shell takes it: in quotes unless it needs none. */
export const shellQuote = (word: string): string =>
  /^[\p{L}\p{N}\p{M}_%+,./:=@-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A command to be printed, ready to be pasted into a shell. */
export const wigbertCommand = (...words: readonly string[]): string =>
  ['npx', 'wigbert', ...words.map(shellQuote)].join(' ');
