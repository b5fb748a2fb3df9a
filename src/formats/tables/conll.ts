import { type ConllLayout, conllLayout, isBreak, splitColumns, trimBlanks } from './conllLayout.ts';
import { type Line, linesOf, splitBlocks } from './lines.ts';
import {
  fieldCountReason,
  type Item,
  invalidReason,
  type Reader,
  type RowProblem,
} from './rows.ts';
import type { Text } from './text.ts';

/**
 * Reads sentences in the formats of the CoNLL shared tasks: a word a line with its tag, in columns
 * separated by tabs or blanks. Blank lines, comments and `-DOCSTART-` lines end a sentence. A
 * sentence with a broken line becomes one problem. The columns are `tokens` and `tags`, and those
 * of the file by number: `1`, `2`, ….
 */
export async function conllReader(text: Text): Promise<Reader> {
  const layout = conllLayout(splitBlocks(await text.head('line')));
  const { words, tags, count } = layout;
  const numbers = Array.from({ length: count }, (_, at) => at + 1);
  const chosen = tags === undefined ? [words] : [words, tags];
  return {
    columns: [...['tokens', 'tags'].slice(0, chosen.length), ...numbers.map(String)],
    wordColumns: { words, tags, count },
    async *read() {
      const sentences = new Sentences(layout, [...chosen, ...numbers], invalidReason(text));
      for await (const lines of linesOf(text.blocks('line'))) yield sentences.push(lines);
      yield sentences.end();
    },
  };
}

/** Gathers lines into sentences. */
class Sentences {
  private readonly layout: ConllLayout;
  /** The columns of a row, as numbers from 1. */
  private readonly columns: readonly number[];
  /** The reason of a line that is not in the encoding. */
  private readonly invalid: string;
  private lines: string[][] = [];
  private firstLine = 0;
  private problem: RowProblem | undefined;
  private found: Item[] = [];

  constructor(layout: ConllLayout, columns: readonly number[], invalid: string) {
    this.layout = layout;
    this.columns = columns;
    this.invalid = invalid;
  }

  push(lines: readonly Line[]): Item[] {
    for (const line of lines) this.add(line);
    return this.take();
  }

  end(): Item[] {
    this.endSentence();
    return this.take();
  }

  private take(): Item[] {
    const { found } = this;
    this.found = [];
    return found;
  }

  private add({ text, line, isValid }: Line): void {
    const { headerLine, hasTabs, isNumbered } = this.layout;
    const fields = splitColumns(text, hasTabs);
    if (isBreak(text) || this.isComment(text, fields)) {
      this.endSentence();
      return;
    }
    if (line === headerLine) return;
    // CoNLL-U: a range of words (3-4), or a word that is not in the text (5.1).
    if (isNumbered && /^\d+[-.]\d+$/.test(trimBlanks(fields[0]))) return;
    if (this.lines.length === 0 && !this.problem) this.firstLine = line;
    const reason = isValid ? this.reasonAgainst(fields) : this.invalid;
    if (reason) this.problem ??= { line, reason: `${reason}: its sentence is left out` };
    this.lines.push(fields);
  }

  /** Why the line of a word is broken, if it is. */
  private reasonAgainst(fields: readonly string[]): string | undefined {
    const { words, tags, count } = this.layout;
    if (fields.length !== count) return fieldCountReason(count, fields.length);
    const isEmpty = fields[words - 1] === '' || (tags && trimBlanks(fields[tags - 1]) === '');
    return isEmpty ? 'a word or tag is empty' : undefined;
  }

  /** Whether a line that begins with `#` is no word. */
  private isComment(text: string, fields: readonly string[]): boolean {
    if (!text.startsWith('#')) return false;
    const { tags, count, hasTabs, knownTags } = this.layout;
    const isInside = this.lines.length > 0;
    if (hasTabs && !text.includes('\t')) return !isInside || /^(#+\s+|##+)[^#\s]/.test(text);
    const isWord =
      fields.length === count &&
      (tags === undefined || knownTags.has(trimBlanks(fields[tags - 1])));
    if (isWord) return false;
    if (!isInside && fields.length !== count)
      return !(text.startsWith('#\t') && fields.length > count);
    return /^#+ +\S/.test(text) && (hasTabs || !isInside || text.includes('\t'));
  }

  private endSentence(): void {
    if (this.problem) this.found.push(this.problem);
    else if (this.lines.length > 0) this.found.push(this.row());
    this.lines = [];
    this.problem = undefined;
  }

  private row(): Item {
    const values = this.columns.map((column) => this.lines.map((fields) => fields[column - 1]));
    const { words } = this.layout;
    const cleaned = this.columns.map((column, at) =>
      values[at].map((field) =>
        column === words && trimBlanks(field) === '' ? field : trimBlanks(field),
      ),
    );
    return { values: cleaned, line: this.firstLine };
  }
}
