import type { DataFormat } from '../../formats/tables/format.ts';
import { isRowProblem, type RowProblem } from '../../formats/tables/rows.ts';
import type { Table } from '../../formats/tables/table.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { NamedExample } from '../data/example.ts';
import { labelKey } from '../tasks/labelNames.ts';
import { hasLabels, type Task } from '../tasks/task.ts';
import {
  type LengthStatistics,
  Lengths,
  TextIndex,
  UnknownCharacters,
  type UnknownStatistics,
} from './textStatistics.ts';

/** Lines, problems and pairs of lines that are listed; all are counted. */
const MAX_LISTED = 5;

/** Rows of a kind: their number and the first lines. */
export interface Found {
  count: number;
  lines: number[];
}

/** Two rows that have the same text. */
export interface SameText {
  /** The earlier row (or that of the first file), then the other. */
  lines: [number, number];
  /** The labels of the two, where they are different classes. */
  labels?: [string, string];
}

/** What a file of labelled data holds. */
export interface FileCheck {
  file: string;
  format: DataFormat;
  encoding: string;
  /** Rows that can be used. */
  rows: number;
  /** Rows that cannot be used, and the first of them. */
  broken: { count: number; first: RowProblem[] };
  /** Names that several columns have; the first of them is read. */
  duplicateColumns: string[];
  /** Rows without a label. */
  unlabelled: Found;
  /** Classes, labels or tags, the most frequent first; share of the rows (tags: of the words). */
  labels?: { label: string; count: number; share: number }[];
  /** How often the most frequent label is there for each of the rarest. */
  imbalance?: number;
  /** Of a regression. */
  scores?: { min: number; mean: number; max: number };
  lengths: LengthStatistics;
  /** Texts without a character that is not blank. */
  empty: Found;
  /** Texts that occur more than once, and the rows after their first ones. */
  duplicates: { texts: number; rows: number; first: SameText[] };
  /** Texts that occur with different labels. */
  conflicts: { texts: number; first: SameText[] };
  /** Texts with Hangul in decomposed form (NFD), which most vocabularies lack. */
  decomposed: Found;
  /** What the tokenizer does not know; absent without one. */
  unknown?: UnknownStatistics;
}

/** Texts that two files have. */
export interface SharedTexts {
  files: [string, string];
  texts: number;
  first: SameText[];
}

/** Jamo that are written one by one. */
const DECOMPOSED = /[\u1100-\u1112][\u1161-\u1175]/;

/** Counts what a file holds, row by row. */
export class FileChecker {
  readonly #table: Table;
  readonly #task: Task;
  readonly #index = new TextIndex();
  readonly #lengths: Lengths;
  readonly #unknown: UnknownCharacters | undefined;
  readonly #labels = new Map<string, { label: string; count: number }>();
  readonly #broken: FileCheck['broken'] = { count: 0, first: [] };
  readonly #unlabelled: Found = { count: 0, lines: [] };
  readonly #empty: Found = { count: 0, lines: [] };
  readonly #decomposed: Found = { count: 0, lines: [] };
  readonly #duplicates: FileCheck['duplicates'] = { texts: 0, rows: 0, first: [] };
  readonly #conflicts: FileCheck['conflicts'] = { texts: 0, first: [] };
  readonly #scores = { min: Number.POSITIVE_INFINITY, sum: 0, max: Number.NEGATIVE_INFINITY };
  #rows = 0;

  constructor(table: Table, task: Task, tokenizer: BertTokenizer | undefined, maxLength: number) {
    this.#table = table;
    this.#task = task;
    // Contexts of questions are read in windows: nothing is cut.
    const isCut = task.name !== 'question-answering';
    this.#lengths = new Lengths(tokenizer, isCut ? maxLength : undefined);
    this.#unknown = tokenizer && new UnknownCharacters(tokenizer);
  }

  add(item: NamedExample | RowProblem): void {
    if (isRowProblem(item)) {
      if (this.#broken.count++ < MAX_LISTED) this.#broken.first.push(item);
      return;
    }
    const { text, words, choices, line } = item;
    this.#rows++;
    const pair = choices ? longestOf(choices) : item.pair;
    const texts = words ?? (pair === undefined ? [text] : [text, pair]);
    const isApart = this.#task.name === 'similarity';
    for (const read of isApart ? texts.map((each) => [each]) : [texts]) {
      const ids = this.#lengths.add(read, pair === undefined || isApart ? 2 : 3);
      this.#unknown?.add(read, ids);
    }
    const isBlank = words ? text.trim() === '' : texts.some((each) => each.trim() === '');
    if (isBlank) note(this.#empty, line);
    if (texts.some((each) => DECOMPOSED.test(each))) note(this.#decomposed, line);
    const compared = withLabelTexts(item);
    this.#addLabel(compared);
    this.#addText(compared);
  }

  #addLabel({ rawLabel, line }: NamedExample): void {
    if (rawLabel === undefined) note(this.#unlabelled, line);
    else if (typeof rawLabel === 'number') {
      this.#scores.min = Math.min(this.#scores.min, rawLabel);
      this.#scores.max = Math.max(this.#scores.max, rawLabel);
      this.#scores.sum += rawLabel;
    } else if (hasLabels(this.#task))
      for (const name of rawLabel) {
        const found = this.#labels.get(labelKey(name));
        if (found) found.count++;
        else this.#labels.set(labelKey(name), { label: name, count: 1 });
      }
  }

  #addText({ text, pair, rawLabel, line }: NamedExample): void {
    const label = Array.isArray(rawLabel)
      ? (this.#task.perToken ? rawLabel : [...rawLabel].sort()).map(labelKey).join(', ')
      : rawLabel?.toString();
    const named = this.#task.perToken || typeof rawLabel === 'number' ? undefined : label;
    const earlier = this.#index.add(pair === undefined ? text : `${text}\0${pair}`, line, label);
    if (!earlier) return;
    this.#duplicates.rows++;
    const lines: [number, number] = [earlier.line, line];
    if (earlier.isSecond) {
      this.#duplicates.texts++;
      list(this.#duplicates.first, { lines });
    }
    if (!earlier.isConflict) return;
    this.#conflicts.texts++;
    const labels = named !== undefined && ([earlier.label, named] as [string, string]);
    list(this.#conflicts.first, { lines, ...(labels && { labels }) });
  }

  /** Texts that another file has too; undefined if there are none. */
  sharedWith(other: FileChecker): SharedTexts | undefined {
    const first: SameText[] = [];
    let texts = 0;
    for (const lines of this.#index.inBoth(other.#index)) {
      texts++;
      if (first.length === MAX_LISTED && lines[0] > first.at(-1)!.lines[0]) continue;
      first.push({ lines });
      first.sort((a, b) => a.lines[0] - b.lines[0]).splice(MAX_LISTED);
    }
    if (texts === 0) return undefined;
    return { files: [this.#table.name, other.#table.name], texts, first };
  }

  result(): FileCheck {
    const { name, format, encoding, duplicateColumns } = this.#table;
    const labels = this.#labelCounts();
    const labelled = this.#rows - this.#unlabelled.count;
    const { min, sum, max } = this.#scores;
    return {
      ...{ file: name, format, encoding, rows: this.#rows, broken: this.#broken },
      ...{ duplicateColumns: [...duplicateColumns], unlabelled: this.#unlabelled },
      ...(labels.length > 0 && { labels, imbalance: labels[0].count / labels.at(-1)!.count }),
      ...(min <= max && { scores: { min, mean: sum / labelled, max } }),
      ...{ lengths: this.#lengths.result(), empty: this.#empty, duplicates: this.#duplicates },
      ...{ conflicts: this.#conflicts, decomposed: this.#decomposed },
      ...(this.#unknown && { unknown: this.#unknown.result() }),
    };
  }

  #labelCounts(): NonNullable<FileCheck['labels']> {
    const found = [...this.#labels.values()].sort((a, b) => b.count - a.count);
    const words = found.reduce((sum, { count }) => sum + count, 0);
    const all = this.#task.perToken ? words : this.#rows - this.#unlabelled.count;
    return found.map(({ label, count }) => ({ label, count, share: count / all }));
  }
}

const longestOf = (texts: readonly string[]): string =>
  texts.reduce((longest, text) => (text.length > longest.length ? text : longest));

/** An example of which answers and choices are texts, as labels are. */
function withLabelTexts(item: NamedExample): NamedExample {
  const { question, choices, rawLabel } = item;
  if (question) return { ...item, rawLabel: question.answers?.map(({ text }) => text) };
  if (!choices) return item;
  const chosen = rawLabel === undefined ? undefined : [choices[rawLabel as number]];
  return { ...item, pair: choices.join('\0'), rawLabel: chosen };
}

function note(found: Found, line: number): void {
  if (found.count++ < MAX_LISTED) found.lines.push(line);
}

function list<T>(items: T[], item: T): void {
  if (items.length < MAX_LISTED) items.push(item);
}
