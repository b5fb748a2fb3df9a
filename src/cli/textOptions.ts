import { UsageError } from '../platform/errors.ts';

/**
 * Checks the options of a command that reads texts, or with `--input` files of them.
 * @param ofFiles options beside those of columns that only a file has
 * @throws UsageError for options of files beside texts, and the reverse.
 */
export function checkTextOptions(
  texts: readonly string[],
  options: Record<string, unknown>,
  ofFiles: readonly string[] = [],
): void {
  const { input, pairs, encoding } = options;
  if (input !== undefined && texts.length > 0)
    throw new UsageError('`input` and texts exclude each other: give one of them');
  if (input !== undefined && pairs)
    throw new UsageError('`input` and `pairs` exclude each other: a file has pairs in two columns');
  if (input !== undefined) return;
  const stray = [...ofFiles, 'textColumn', 'pairColumn', 'format'].find(
    (name) => options[name] !== undefined,
  );
  if (stray) throw new UsageError(`\`${stray}\` goes with \`input\`, a file of texts`);
  if (encoding !== undefined && texts.length > 0)
    throw new UsageError('`encoding` goes with `input` or standard input, not with texts');
}
