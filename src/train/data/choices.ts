import type { Row, RowProblem } from '../../formats/tables/rows.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames, formatValue, isObject } from '../../platform/format.ts';
import { multipleChoice } from '../tasks/multipleChoice.ts';
import { findLabelColumn, firstOf, requestedColumn } from './columns.ts';
import type { DataOptions, NamedExample } from './example.ts';

/** Rows with a text and several choices, one of which is right. */

const promptColumns = [
  ...['sent1', 'context', 'prompt', 'premise', 'article', 'passage', 'ctx', 'startphrase'],
  ...['question', 'question.stem', 'goal', 'sentence', 'text'],
];
/** What stands before each choice. */
const headColumns = ['sent2', 'question', 'question.stem', 'question_text'];
const listColumns = ['choices', 'options', 'endings', 'candidates', 'question.choices'];
const numbered = /^(ending|choice|option|sol|answer|candidate|distractor)[_ ]?(?:\d+|[a-i])$/i;

/** The columns of a file of choices. */
interface ChoiceColumns {
  prompt: number;
  head: number;
  /** One column of lists, or a column for each choice. */
  choices: readonly number[];
  label: number;
}

interface Choices {
  texts: string[];
  /** The name of each choice, such as A. */
  names?: string[];
}

/**
 * A reader of rows with choices: SWAG's columns (sent1, sent2, ending0 …), lists of texts as RACE
 * has them, or CommonsenseQA's `choices` with names. The label is a number from 0 (or from 1, if
 * the file has one that is the number of choices, and no 0), a name or letter, or the text; all are
 * texts if each can be one.
 * @throws UsageError when a column is missing.
 */
export function choiceReader(
  columns: readonly string[],
  name: string,
  options: DataOptions,
): { read(row: Row): (NamedExample | RowProblem)[]; finish: typeof numberLabels } {
  const indices = choiceColumns(columns, name, options);
  const byText = new Map<NamedExample, number>();
  return {
    read({ values, line }) {
      const found = readChoices(columns, indices, values);
      if (typeof found === 'string') return [{ line, reason: found }];
      const text = values[indices.prompt];
      if (typeof text !== 'string') return [{ line, reason: `no ${columns[indices.prompt]}` }];
      const head = indices.head < 0 ? undefined : values[indices.head];
      const before = typeof head === 'string' && head.trim() !== '' ? `${head} ` : '';
      const choices = found.texts.map((choice) => before + choice);
      const example = { text, choices, line };
      const value = indices.label < 0 ? undefined : values[indices.label];
      const label = chosen(value, found);
      if (label === undefined && !options.labelOptional) {
        const expected = `the number, letter or text of one of ${choices.length} choices`;
        return [{ line, reason: `label: expected ${expected}, got ${formatValue(value)}` }];
      }
      if (label === undefined) return [example];
      const labelled = { ...example, rawLabel: label };
      const at = found.names ? -1 : textIndex(`${value}`, found.texts);
      if (at >= 0) byText.set(labelled, at);
      return [labelled];
    },
    finish(examples) {
      // A 2 among the choices 1, 2 and 3 may be a number or a text.
      const areTexts = examples.every((each) => each.rawLabel === undefined || byText.has(each));
      if (!areTexts) return numberLabels(examples);
      const settled = examples.map((each) =>
        each.rawLabel === undefined ? each : { ...each, rawLabel: byText.get(each)! },
      );
      return { examples: settled, problems: [] };
    },
  };
}

function choiceColumns(
  columns: readonly string[],
  name: string,
  options: DataOptions,
): ChoiceColumns {
  const { textColumn, pairColumn } = options;
  const prompt =
    textColumn === undefined
      ? firstOf(columns, promptColumns)
      : requestedColumn(columns, textColumn, 'text', name);
  const head =
    pairColumn === undefined
      ? firstOf(columns, headColumns)
      : requestedColumn(columns, pairColumn, 'pair', name);
  const list = firstOf(columns, listColumns);
  const single = list >= 0 ? [list] : numberedColumns(columns);
  if (prompt < 0 || single.length === 0)
    throw new UsageError(
      `${name} has no column of ${prompt < 0 ? 'the text' : 'choices'}: expected a text ` +
        '(context, question, sent1 …) and choices (ending0, ending1 …, or a list), ' +
        `got the columns ${formatNames(columns)}`,
    );
  return {
    prompt,
    head: head === prompt || single.includes(head) ? -1 : head,
    choices: single,
    label: findLabelColumn(columns, options, name, multipleChoice),
  };
}

/** The columns of one numbered name, such as ending0 and ending1, or A, B, C, in their order. */
function numberedColumns(columns: readonly string[]): number[] {
  const groups = new Map<string, number[]>();
  for (const [i, column] of columns.entries()) {
    const group = numbered.exec(column)?.[1] ?? (/^[A-I]$/.test(column) ? 'letters' : undefined);
    if (group !== undefined) groups.set(group, [...(groups.get(group) ?? []), i]);
  }
  const found = [...groups.values()].find((group) => group.length > 1) ?? [];
  return found.sort((a, b) => columns[a].localeCompare(columns[b], 'en', { numeric: true }));
}

function readChoices(
  columns: readonly string[],
  { choices }: ChoiceColumns,
  values: readonly unknown[],
): Choices | string {
  const found =
    choices.length > 1 ? { texts: choices.map((i) => values[i]) } : listOf(values[choices[0]]);
  const where = columns[choices[0]];
  if (!found) return `${where}: expected a list of choices, got ${formatValue(values[choices[0]])}`;
  // Rows may have fewer choices than others: the last cells are empty.
  const texts = found.texts.slice(0, found.texts.findLastIndex((text) => !isEmpty(text)) + 1);
  if (texts.length < 2) return `${where}: expected two or more choices, got ${texts.length}`;
  const wrong = texts.findIndex((text) => typeof text !== 'string' || text.trim() === '');
  if (wrong >= 0) return `${columns[choices[wrong] ?? choices[0]]}: choice ${wrong} has no text`;
  return { ...found, texts: texts as string[] };
}

const isEmpty = (text: unknown): boolean => text === undefined || text === null || text === '';

/** A list of texts, one of objects with `label` and `text`, or an object of two such lists. */
function listOf(value: unknown): { texts: unknown[]; names?: string[] } | undefined {
  const list = typeof value === 'string' ? parsed(value) : value;
  if (Array.isArray(list))
    return list.every(isObject)
      ? { texts: list.map(({ text }) => text), names: list.map(({ label }) => String(label)) }
      : { texts: list };
  if (!isObject(list) || !Array.isArray(list.text)) return undefined;
  const { text: texts, label } = list as { text: unknown[]; label?: unknown };
  return Array.isArray(label) ? { texts, names: label.map(String) } : { texts };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The number of the choice that a label names, or the number that it is; undefined if neither. */
function chosen(value: unknown, { texts, names }: Choices): number | undefined {
  if (value === undefined || value === null) return undefined;
  const label = String(value).trim();
  const byName = names?.indexOf(label) ?? -1;
  if (byName >= 0) return byName;
  if (/^\d+(?:\.0+)?$/.test(label)) return Number(label);
  const letter = /^[A-I]$/i.test(label) ? label.toUpperCase().charCodeAt(0) - 65 : -1;
  if (letter >= 0 && letter < texts.length) return letter;
  const text = textIndex(label, texts);
  return text < 0 ? undefined : text;
}

const textIndex = (label: string, texts: readonly string[]): number =>
  texts.findIndex((choice) => choice.trim() === label.trim());

/** Labels as numbers from 0; those that no choice has are broken rows. */
function numberLabels(examples: NamedExample[]): {
  examples: NamedExample[];
  problems: RowProblem[];
} {
  const labels = examples.map(({ rawLabel }) => rawLabel as number | undefined);
  const countsFrom1 =
    !labels.includes(0) && examples.some(({ choices }, i) => labels[i] === choices!.length);
  const problems: RowProblem[] = [];
  const kept = examples.flatMap((example, i) => {
    if (labels[i] === undefined) return [example];
    const label = countsFrom1 ? labels[i] - 1 : labels[i];
    const count = example.choices!.length;
    if (label >= 0 && label < count) return [{ ...example, rawLabel: label }];
    const reason = `label: expected one of ${count} choices, got ${labels[i]}`;
    problems.push({ line: example.line, reason });
    return [];
  });
  return { examples: kept, problems };
}
