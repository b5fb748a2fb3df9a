import { bytesInMemory, openByteSource } from '../../platform/byteSource.ts';
import { conllReader } from './conll.ts';
import { csvReader } from './csv.ts';
import { checkedFormat, type DataFormat } from './format.ts';
import { jsonReader } from './json.ts';
import { isParquet, isParquetFile, parquetReader, parquetReaderInMemory } from './parquet.ts';
import { isRowProblem, type Reader, type Row, type RowProblem, type WordColumns } from './rows.ts';
import { openText, type Text, type TextOptions } from './text.ts';
import { tsvReader } from './tsv.ts';

export { isRowProblem };

export interface TableOptions extends TextOptions {
  /** Default: by the name's ending. */
  format?: DataFormat;
}

/** A data file that is read row by row. */
export interface Table {
  /** Names the file in messages. */
  readonly name: string;
  readonly format: DataFormat;
  /** Name of the encoding that is read, such as `UTF-8`, `CP949` or `UTF-16LE`. */
  readonly encoding: string;
  /** Names of the columns, in the order of a row's values. */
  readonly columns: readonly string[];
  /** How many columns, the first, are not of objects in other columns; undefined for all. */
  readonly topColumns?: number;
  /** Names that several columns have; the first of them counts. */
  readonly duplicateColumns: readonly string[];
  /** CoNLL: which columns are words and tags. */
  readonly wordColumns?: WordColumns;
  /**
   * The rows and what is broken, in file order; each call starts at the first row. What can be read
   * once only, as standard input beyond 4 MiB, gives a UsageError the second time.
   */
  rows(): AsyncGenerator<Row | RowProblem>;
}

/**
 * The format that was asked for, else Parquet for what begins and ends as such, else that of the
 * name.
 * @throws UsageError as `checkedFormat`.
 */
export async function formatOfFile(
  path: string,
  format: DataFormat | undefined,
): Promise<DataFormat> {
  if (format === undefined && (await isParquetFile(path))) return 'parquet';
  return checkedFormat(format, path);
}

/**
 * Opens a data file to read it row by row in bounded memory: TSV, CSV, JSON, JSONL or CoNLL, a gzip
 * file of these, a pipe, or standard input (`-`, with a `format`); or Parquet, a row group at a
 * time. In a browser, a URL.
 * @throws UsageError when the file cannot be read, its format or encoding is unknown, or it has no
 * header.
 * @example
 * const table = await openTable('reviews.csv.gz');
 * const text = table.columns.indexOf('text');
 * for await (const item of table.rows()) {
 *   if (isRowProblem(item)) console.error(`line ${item.line}: ${item.reason}`);
 *   else console.log(item.values[text]);
 * }
 */
export async function openTable(path: string, options: TableOptions = {}): Promise<Table> {
  const format = await formatOfFile(path, options.format);
  if (format === 'parquet') return parquetTable(path, await parquetReader(path));
  return tableOf(await openText(await openByteSource(path), options), format);
}

/** `formatOfFile` for bytes in memory. */
export const formatOfBytes = (
  bytes: Uint8Array,
  name: string,
  format: DataFormat | undefined,
): DataFormat =>
  format === undefined && isParquet(bytes) ? 'parquet' : checkedFormat(format, name);

/** `openTable` for bytes in memory; `name` gives the format and names them in messages. */
export async function openTableInMemory(
  bytes: Uint8Array,
  name: string,
  options: TableOptions = {},
): Promise<Table> {
  const format = formatOfBytes(bytes, name, options.format);
  if (format === 'parquet') return parquetTable(name, await parquetReaderInMemory(bytes, name));
  return tableOf(await openText(bytesInMemory(bytes, name), options), format);
}

/** Opens a text as a table. */
export const tableOf = async (text: Text, format: TextFormat): Promise<Table> =>
  tableOfReader(text, format, await readers[format](text));

/** Opens a file as a Parquet table, whose texts are UTF-8. */
const parquetTable = (name: string, reader: Reader): Table =>
  tableOfReader({ name, encoding: 'UTF-8' }, 'parquet', reader);

function tableOfReader(
  { name, encoding }: Pick<Text, 'name' | 'encoding'>,
  format: DataFormat,
  { columns, topColumns, wordColumns, read }: Reader,
): Table {
  return {
    ...{ name, format, encoding, columns, topColumns },
    duplicateColumns: [...new Set(columns.filter((name, at) => columns.indexOf(name) < at))],
    wordColumns,
    async *rows() {
      for await (const items of read()) yield* items;
    },
  };
}

/** Formats of texts. */
type TextFormat = Exclude<DataFormat, 'parquet'>;

const readers: Record<TextFormat, (text: Text) => Promise<Reader>> = {
  tsv: tsvReader,
  csv: csvReader,
  json: (text) => jsonReader(text, false),
  jsonl: (text) => jsonReader(text, true),
  conll: conllReader,
};
