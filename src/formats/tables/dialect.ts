import type { Line } from './lines.ts';
import { CsvRecords } from './records.ts';
import { isRowProblem } from './rows.ts';

/** How a file separates and quotes its fields, judged by its beginning. */

const QUOTED = /^"(?:[^"]|"")*"$/;

/**
 * The delimiter of CSV: a comma if the header has one, else the most frequent other. A first line
 * like `sep=;`, which Excel writes, names it.
 */
export function csvDelimiter(firstLine: string): { delimiter: string; firstLine: number } {
  const named = /^"?sep=(.)"?$/i.exec(firstLine)?.[1];
  if (named !== undefined) return { delimiter: named, firstLine: 2 };
  const unquoted = firstLine.replace(/"(?:[^"]|"")*"/g, '');
  const counts = [',', ';', '\t', '|'].map((delimiter) => ({
    delimiter,
    count: unquoted.split(delimiter).length - 1,
  }));
  if (counts[0].count > 0) return { delimiter: ',', firstLine: 1 };
  const { delimiter } = counts.reduce((best, each) => (each.count > best.count ? each : best));
  return { delimiter, firstLine: 1 };
}

/**
 * Whether a TSV file quotes fields, as pandas and Excel do, rather than holding bare quotes: if its
 * header is quoted, if fields with quotes or commas are quoted throughout, or if line ends and tabs
 * inside quotes explain lines with too few or too many fields.
 * @param bare whether texts whose quotes are doubled are still meant as they are
 */
export function isQuoted(lines: readonly Line[], bare: boolean): boolean {
  if (!lines.some(({ text }) => text.includes('"'))) return false;
  const { doubled, withComma, needless, odd, bareCommas } = countQuotes(lines);
  if (odd > 0 && explainsBrokenLines(lines)) return true;
  const isHeaderQuoted = lines[0].text.split('\t').every((field) => QUOTED.test(field));
  if (isHeaderQuoted) return 20 * odd <= doubled + withComma + needless;
  if (bare || needless > 0) return false;
  return doubled > 0 ? 20 * odd <= doubled : odd === 0 && withComma > 0 && bareCommas === 0;
}

/** Counts the fields of TSV by their quotes. */
function countQuotes(lines: readonly Line[]) {
  const counts = { doubled: 0, withComma: 0, needless: 0, odd: 0, bareCommas: 0 };
  for (const { text } of lines.slice(1)) {
    for (const field of text.split('\t')) {
      if (!field.includes('"')) counts.bareCommas += field.includes(',') ? 1 : 0;
      else if (!QUOTED.test(field)) counts.odd++;
      else if (field.slice(1, -1).includes('"')) counts.doubled++;
      else if (field.includes(',')) counts.withComma++;
      else counts.needless++;
    }
  }
  return counts;
}

/** Whether far fewer records are broken if quotes count. */
function explainsBrokenLines(lines: readonly Line[]): boolean {
  const width = lines[0].text.split('\t').length;
  const isBroken = (fields: readonly string[], isBlank: boolean) =>
    fields.length !== width && !isBlank;
  const plain = lines.filter(({ text }) => isBroken(text.split('\t'), text === '')).length;
  const records = new CsvRecords('\t', width);
  const found = [...records.push(lines), ...records.end()];
  const broken = found.filter(
    (record) => isRowProblem(record) || isBroken(record.fields, record.isBlank),
  ).length;
  return 10 * broken < plain;
}
