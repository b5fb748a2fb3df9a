import { STANDARD_INPUT } from '../../platform/byteSource.ts';
import { UsageError } from '../../platform/errors.ts';

/** Format of a data file; CoNLL files hold tagged words, the others tables with named columns. */
export type DataFormat = 'tsv' | 'csv' | 'jsonl' | 'json' | 'conll' | 'parquet';

/** The formats of data files. */
export const dataFormats: readonly DataFormat[] = [
  'tsv',
  'csv',
  'jsonl',
  'json',
  'conll',
  'parquet',
];

const extensions: Record<string, DataFormat> = {
  tsv: 'tsv',
  tab: 'tsv',
  txt: 'tsv',
  csv: 'csv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  json: 'json',
  conll: 'conll',
  conllu: 'conll',
  bio: 'conll',
  iob: 'conll',
  iob2: 'conll',
  parquet: 'parquet',
};

/** The extension of a file or URL, in lower case and without its dot; that of what a .gz holds. */
export function extensionOf(name: string): string {
  // A file's own name may have these characters.
  const path = /^[a-z]+:\/\//i.test(name) ? name.replace(/[?#].*$/, '') : name;
  return /\.([^./\\]+)$/.exec(path.replace(/\.gz$/i, ''))?.[1].toLowerCase() ?? '';
}

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
  const which = name === STANDARD_INPUT ? 'standard input' : name;
  throw new UsageError(
    `unknown format of ${which}: expected a file that ends in ${known.join(', ')} ` +
      `(.jsonl: a JSON object a line), or a \`format\`: ${dataFormats.join(', ')}`,
  );
}

/**
 * The format that was asked for, else that of the name.
 * @throws UsageError when there is no such format, or the extension is unknown.
 */
export function checkedFormat(format: DataFormat | undefined, name: string): DataFormat {
  if (format === undefined) return formatOf(name);
  if (!dataFormats.includes(format))
    throw new UsageError(`\`format\`: expected ${dataFormats.join(', ')}, got ${format}`);
  return format;
}

/** Whether the rows of a format are objects, whose keys may hold objects. */
export const hasObjects = (format: DataFormat): boolean =>
  ['json', 'jsonl', 'parquet'].includes(format);

/** Whether a file can be a table with named columns, by its extension; `.txt` can be plain too. */
export const mayBeTable = (name: string): boolean =>
  !['conll', undefined].includes(formatByExtension(name));
