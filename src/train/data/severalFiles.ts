import { UsageError } from '../../platform/errors.ts';
import { formatNames } from '../../platform/format.ts';
import { realPath } from '../../platform/samePath.ts';
import { distinctLabels } from '../tasks/labelNames.ts';
import { type DataOptions, type NamedExamples, readExamples } from './labelledData.ts';

/** The files of an option that takes one or several. */
export const filesOf = (data: string | readonly string[]): readonly string[] =>
  typeof data === 'string' ? [data] : data;

/** What files of an option are called in messages. */
export const namesOfFiles = (data: string | readonly string[]): string =>
  formatNames(filesOf(data), 3);

/** @throws UsageError for an option without a file, or with one twice. */
export async function checkFiles(option: string, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) throw new UsageError(`\`${option}\`: expected a file, got none`);
  const real = await Promise.all(paths.map(realPath));
  const twice = paths.find((_, i) => real.indexOf(real[i]) < i);
  if (twice !== undefined)
    throw new UsageError(`\`${option}\`: expected each file once, got ${twice} twice`);
}

/** @throws UsageError if only one of two files has pairs of texts. */
export function checkPairs(
  first: { name: string; examples: readonly { pair?: string }[] },
  other: typeof first,
): void {
  const hasPairs = ({ examples: [example] }: typeof first) => example.pair !== undefined;
  if (hasPairs(first) !== hasPairs(other))
    throw new UsageError(
      `${first.name} and ${other.name}: expected pairs of texts in both or in none; ` +
        'name the columns to use (`textColumn`, `pairColumn`)',
    );
}

/**
 * Reads the examples of several files, each with columns of its own. Their labels are joined.
 * @param known as that of `readExamples`
 * @returns the examples of all files, and what was read of each.
 * @throws UsageError also when only some have pairs, or a file is named twice.
 */
export async function readExamplesOf(
  data: string | readonly string[],
  options: DataOptions,
  known: readonly string[] | undefined,
): Promise<{ all: NamedExamples; parts: NamedExamples[] }> {
  const paths = filesOf(data);
  await checkFiles('data', paths);
  const parts: NamedExamples[] = [];
  for (const path of paths) parts.push(await readExamples(path, options, known));
  const [first, ...others] = parts;
  if (others.length === 0) return { all: first, parts };
  for (const other of others) checkPairs(first, other);
  const { name: _, examples: __, labels: ___, problems: ____, ...about } = first;
  return {
    all: {
      ...about,
      name: namesOfFiles(data),
      examples: parts.flatMap(({ name: file, examples }) =>
        examples.map((example) => ({ ...example, file })),
      ),
      problems: parts.flatMap(({ problems }) => problems),
      labels: options.labelColumns ? first.labels : distinctLabels(parts.flatMap((p) => p.labels)),
    },
    parts,
  };
}
