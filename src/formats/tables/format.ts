import { UsageError } from '../../platform/errors.ts';
import type { Line } from './lines.ts';

/** Format of a data file; CoNLL files hold tagged words, the others tables with named columns. */
export type DataFormat = 'tsv' | 'csv' | 'jsonl' | 'conll';

const extensions: Record<string, DataFormat> = {
  tsv: 'tsv',
  txt: 'tsv',
  csv: 'csv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  conll: 'conll',
  bio: 'conll',
  iob: 'conll',
  iob2: 'conll',
};

/** The extension of a file or URL, in lower case and without its dot. */
const extensionOf = (name: string): string =>
  /\.([^./\\]+)$/.exec(name.replace(/[?#].*$/, ''))?.[1].toLowerCase() ?? '';

const formatByExtension = (name: string): DataFormat | undefined => {
  const extension = extensionOf(name);
  return Object.hasOwn(extensions, extension) ? extensions[extension] : undefined;
};

/**
 * The format of a file or URL, by its extension.
 * @throws UsageError for an unknown extension.
 */
export function formatOf(name: string): DataFormat {
  const format = formatByExtension(name);
  if (format !== undefined) return format;
  const known = Object.keys(extensions).map((extension) => `.${extension}`);
  throw new UsageError(
    `unknown format of ${name}: expected a file that ends in ${known.join(', ')} ` +
      '(.jsonl: a JSON object a line)',
  );
}

/** Whether a file can be a table with named columns, by its extension; `.txt` can be plain too. */
export const mayBeTable = (name: string): boolean =>
  !['conll', undefined].includes(formatByExtension(name));

/**
 * Whether a file is a table with named columns rather than plain text: by its extension, and for
 * `.txt` if its first line has a tab.
 */
export function isTable(name: string, lines: () => Iterable<Line>): boolean {
  if (extensionOf(name) !== 'txt') return mayBeTable(name);
  const [header] = lines();
  return header?.text.includes('\t') ?? false;
}
