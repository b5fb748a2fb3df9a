import { readConll } from './conll.ts';
import { readCsv } from './csv.ts';
import { decodeUtf8, skipByteOrderMark } from './encoding.ts';
import type { DataFormat } from './format.ts';
import { readJsonLines } from './jsonl.ts';
import type { Rows } from './rows.ts';
import { readTsv } from './tsv.ts';

/**
 * Splits a data file into rows. A byte order mark and blank lines are skipped, but a blank line of
 * a table with one column is an empty field. Broken rows and rows that are not UTF-8 become
 * problems.
 * @param name names the file in messages
 * @throws UsageError when there is no header, or the file is UTF-16.
 */
export async function readRows(bytes: Uint8Array, format: DataFormat, name: string): Promise<Rows> {
  const content = skipByteOrderMark(bytes, name);
  switch (format) {
    case 'csv':
      return readCsv(content, name);
    case 'tsv':
      return readTsv(decodeUtf8(content), name);
    case 'jsonl':
      return readJsonLines(decodeUtf8(content));
    case 'conll':
      return readConll(decodeUtf8(content));
  }
}
