import type { Line } from './lines.ts';
import type { WordColumns } from './rows.ts';

/** How the lines of a CoNLL file are to be read. */
export interface ConllLayout extends WordColumns {
  /** Whether tabs separate columns, rather than blanks. */
  hasTabs: boolean;
  /** Whether words are numbered as in CoNLL-U: 1, 2, and 3-4 or 5.1 for what is no word. */
  isNumbered: boolean;
  /** The tags that lines which cannot be comments have. */
  knownTags: ReadonlySet<string>;
  /** The line that names the columns, if one does. */
  headerLine: number | undefined;
}

/** Removes blanks; others, such as U+3000, may be words. */
export const trimBlanks = (field: string): string => field.replace(/^[ \t]+|[ \t]+$/g, '');

/** Whether a line ends a sentence. */
export const isBreak = (text: string): boolean =>
  /^[ \t]*$/.test(text) || text.startsWith('-DOCSTART-');

/** The columns of a line. A blank can be a word of its own, if a tab follows it. */
export function splitColumns(text: string, hasTabs: boolean): string[] {
  if (hasTabs && text.includes('\t')) {
    const fields = text.split('\t');
    // Tabs at the end are blanks.
    while (fields.length > 2 && trimBlanks(fields.at(-1)!) === '') fields.pop();
    return fields;
  }
  const fields = trimBlanks(text).split(/[ \t]+/);
  return fields.length === 1 && /^ {2}/.test(text) ? [' ', ...fields] : fields;
}

/** Finds out how a file is to be read from its first lines. */
export function conllLayout(lines: readonly Line[]): ConllLayout {
  const sources = lines.filter(({ text, isValid }) => isValid && !isBreak(text));
  const hasTabs = mostFrequent(sources.map(({ text }) => (text.includes('\t') ? 1 : 0))) === 1;
  const words = sources.filter(({ text }) => !text.startsWith('#'));
  const all = words.map(({ text }) => splitColumns(text, hasTabs).map(trimBlanks));
  const count = mostFrequent(all.map((fields) => fields.length)) ?? 2;
  const rows = all.filter((fields) => fields.length === count);
  const hasHeader = rows.length > 0 && rows[0] === all[0] && isHeader(rows[0]);
  const body = hasHeader ? rows.slice(1) : rows;
  const found = chooseColumns(body, count);
  const tags = found.tags ?? 1;
  return {
    ...found,
    hasTabs,
    headerLine: hasHeader ? words[0].line : undefined,
    knownTags: new Set(body.map((fields) => fields[tags - 1])),
  };
}

/** The most frequent value, the first among equals. */
function mostFrequent(values: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let best: number | undefined;
  for (const [value, count] of counts)
    if (best === undefined || count > counts.get(best)!) best = value;
  return best;
}

const isHeader = (fields: readonly string[]): boolean =>
  fields.some((field) => /^(words?|tokens?|form)$/i.test(field)) &&
  fields.some((field) => /^(tags?|labels?|ner|ner_?tags?|pos|pos_?tags?|upos)$/i.test(field));

const NUMBER = /^\d+([-.]\d+)?$/;
const ENTITY = /^([BIESLUM][-_].+|.+[-_][BIESLUM])$/;
const NO_ENTITY = /^[O_-]$/;

function chooseColumns(
  rows: readonly string[][],
  count: number,
): WordColumns & Pick<ConllLayout, 'isNumbered'> {
  const column = (index: number) => rows.map((fields) => fields[index]);
  const share = (values: readonly string[], test: (value: string) => boolean) =>
    values.length === 0 ? 0 : values.filter(test).length / values.length;
  const isEntities = (index: number) =>
    share(column(index), (tag) => ENTITY.test(tag) || NO_ENTITY.test(tag)) > 0.95 &&
    column(index).some((tag) => ENTITY.test(tag));
  if (count === 1) return { words: 1, count, isNumbered: false };
  const isNumbered = count > 2 && share(column(0), (field) => NUMBER.test(field)) > 0.95;
  const words = isNumbered ? 2 : 1;
  // CoNLL-U and CoNLL-X: ID, FORM, LEMMA, UPOS, …
  if (isNumbered && count === 10) return { words, tags: 4, count, isNumbered };
  const after = Array.from({ length: count - words }, (_, at) => words + at);
  const entities = after.filter(isEntities).at(-1);
  if (entities === undefined && count === 2 && isEntities(0))
    return { words: 2, tags: 1, count, isNumbered };
  return { words, tags: (entities ?? count - 1) + 1, count, isNumbered };
}
