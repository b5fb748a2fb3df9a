import { openByteSource } from '../../platform/byteSource.ts';
import { checkedFormat, extensionOf, mayBeTable } from './format.ts';
import { type LineFile, lineFileOf, splitBlocks } from './lines.ts';
import { isParquetFile } from './parquet.ts';
import { openTable, type Table, type TableOptions, tableOf } from './table.ts';
import { openText, type Text } from './text.ts';

/**
 * Opens a file of texts: a table if its name or `format` says so, which `.txt` does if its first
 * line has a tab; else plain text, one text a line.
 * @param hasColumns whether it is a table in any case
 * @throws UsageError when it cannot be read, or is a table without a header or of unknown format.
 */
export async function openTexts(
  path: string,
  options: TableOptions,
  hasColumns: boolean,
): Promise<Table | LineFile> {
  const { format } = options;
  if (format === 'parquet' || (format === undefined && (await isParquetFile(path))))
    return openTable(path, { format: 'parquet' });
  const text = await openText(await openByteSource(path), options);
  if (!hasColumns && !(await isTable(text, path, format))) return lineFileOf(text);
  const textFormat = checkedFormat(format, path);
  return textFormat === 'parquet' ? openTable(path, options) : tableOf(text, textFormat);
}

async function isTable(text: Text, path: string, format: TableOptions['format']) {
  if (format !== undefined) return format !== 'conll';
  if (extensionOf(path) !== 'txt') return mayBeTable(path);
  const [first] = splitBlocks(await text.head('line'));
  return first?.text.includes('\t') ?? false;
}
