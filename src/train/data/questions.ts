import type { Row, RowProblem } from '../../formats/tables/rows.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames, formatValue, isObject } from '../../platform/format.ts';
import type { Answer, Question } from '../tasks/spans.ts';
import { firstOf, requestedColumn } from './columns.ts';
import type { DataOptions, NamedExample } from './example.ts';

/** Questions about texts: SQuAD's files, and rows with a question, a context and an answer. */

type Read = NamedExample | RowProblem;

/**
 * A reader of rows with questions. A row is an article of SQuAD's JSON (KorQuAD has the same
 * layout), with many questions, or one question with its `context`; answers are Hugging Face's
 * `answers: { text: […], answer_start: […] }`, or a column of text and one of `answer_start`.
 * Places count characters (code points) as Python does.
 * @throws UsageError when a column is missing.
 */
export function questionReader(
  columns: readonly string[],
  name: string,
  options: DataOptions,
): (row: Row) => Read[] {
  let count = 0;
  const nextId = () => `${count++}`;
  const paragraphs = firstOf(columns, ['paragraphs']);
  if (paragraphs >= 0)
    return ({ values, line }) =>
      itemsOf(values[paragraphs], 'paragraphs').flatMap(([paragraph, place]) =>
        readParagraph(paragraph, place, nextId, options).map((read) => placed(read, line)),
      );
  const indices = questionColumns(columns, name, options);
  return ({ values, line }) => {
    const at = (index: number) => (index < 0 ? undefined : values[index]);
    const raw = {
      id: at(indices.id) ?? nextId(),
      question: at(indices.question),
      context: at(indices.context),
      answers: answersOf(at(indices.answers), at(indices.start)),
      isImpossible: at(indices.isImpossible),
      isLabelled: indices.answers >= 0,
    };
    return [placed(readQuestion(raw, options), line)];
  };
}

const placed = (read: Question | string, line: number): Read =>
  typeof read === 'string'
    ? { line, reason: read }
    : { text: read.question, pair: read.context, question: read, line };

function questionColumns(
  columns: readonly string[],
  name: string,
  { textColumn, pairColumn, labelColumn, labelOptional }: DataOptions,
) {
  const find = (
    asked: string | undefined,
    role: 'text' | 'pair' | 'label',
    usual: readonly string[],
  ): number =>
    asked === undefined ? firstOf(columns, usual) : requestedColumn(columns, asked, role, name);
  const found = {
    id: firstOf(columns, ['id', 'guid', 'qid', 'question_id']),
    question: find(textColumn, 'text', ['question', 'query', 'question_text']),
    context: find(pairColumn, 'pair', ['context', 'passage', 'document', 'text', 'paragraph']),
    answers: find(labelColumn, 'label', ['answers', 'answer', 'answer_text']),
    start: firstOf(columns, ['answer_start', 'start', 'answer_begin']),
    isImpossible: firstOf(columns, ['is_impossible']),
  };
  const missing = (['question', 'context', ...(labelOptional ? [] : ['answers'])] as const).find(
    (role) => found[role as 'question'] < 0,
  );
  if (missing !== undefined)
    throw new UsageError(
      `${name} has no column of the ${missing}: expected question, context and answers (or ` +
        "answer and answer_start), or SQuAD's JSON; its columns are " +
        formatNames(columns, 12),
    );
  return found;
}

/** The objects of a list with their places, or why there is none. */
function itemsOf(list: unknown, place: string): [Record<string, unknown> | string, string][] {
  if (!Array.isArray(list)) return [[`${place} is not a list`, place]];
  return list.map((item, i) => [isObject(item) ? item : 'not an object', `${place}[${i}]`]);
}

function readParagraph(
  paragraph: Record<string, unknown> | string,
  place: string,
  nextId: () => string,
  options: DataOptions,
): (Question | string)[] {
  if (typeof paragraph === 'string') return [`${place}: ${paragraph}`];
  const { context, qas } = paragraph;
  return itemsOf(qas, `${place}.qas`).map(([qa, at]) => {
    if (typeof qa === 'string') return `${at}: ${qa}`;
    const { id = nextId(), question, answers, is_impossible: isImpossible } = qa;
    const isLabelled = answers !== undefined;
    const raw = { id, question, context, answers: answersOf(answers, undefined), isImpossible };
    const read = readQuestion({ ...raw, isLabelled }, options);
    return typeof read === 'string' ? `${at} (id ${formatValue(id)}): ${read}` : read;
  });
}

/** An answer as it is written: its text, and its place in code points. */
interface RawAnswer {
  text: unknown;
  start: unknown;
}

/** Answers in any of their forms; undefined if the cell has none of them. */
function answersOf(value: unknown, start: unknown): RawAnswer[] | undefined {
  const cell = typeof value === 'string' ? parsedCell(value) : value;
  if (cell === undefined || cell === null) return [];
  if (typeof cell === 'string') return cell === '' ? [] : [{ text: cell, start }];
  if (Array.isArray(cell))
    return cell.every(isObject)
      ? cell.map(({ text, answer_start: at = start }) => ({ text, start: at }))
      : cell.map((text, i) => ({ text, start: Array.isArray(start) ? start[i] : start }));
  if (!isObject(cell)) return undefined;
  const { text, answer_start: starts = start } = cell;
  return Array.isArray(text)
    ? text.map((each, i) => ({ text: each, start: Array.isArray(starts) ? starts[i] : starts }))
    : [{ text, start: starts }];
}

/** A cell of CSV may hold JSON. */
function parsedCell(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

interface RawQuestion {
  id: unknown;
  question: unknown;
  context: unknown;
  answers: RawAnswer[] | undefined;
  isImpossible: unknown;
  isLabelled: boolean;
}

/** A question, or why it cannot be used. Where labels are optional, answers need not be right. */
function readQuestion(raw: RawQuestion, { labelOptional }: DataOptions): Question | string {
  const { id, question, context, isLabelled } = raw;
  if (typeof question !== 'string' || question.trim() === '') return 'no question';
  if (typeof context !== 'string' || context.trim() === '') return 'the context is empty';
  const read = { id: String(id), question, context };
  if (isTrue(raw.isImpossible)) return { ...read, answers: [] };
  const answers = isLabelled ? placedAnswers(raw.answers, context) : 'no answer';
  if (typeof answers !== 'string') return { ...read, answers };
  return labelOptional ? read : answers;
}

/** Answers with their places, or why there is none. */
function placedAnswers(answers: RawAnswer[] | undefined, context: string): Answer[] | string {
  if (answers === undefined) return 'answers: expected texts and their places';
  const found: Answer[] = [];
  for (const answer of answers) {
    const start = placeOf(answer, context);
    if (typeof start === 'string') return start;
    found.push({ text: answer.text as string, start });
  }
  return found;
}

const isTrue = (value: unknown): boolean => value === true || /^(true|1)$/i.test(`${value ?? ''}`);

/** Where an answer begins, in UTF-16 units, or why it is not there. */
function placeOf({ text, start }: RawAnswer, context: string): number | string {
  if (typeof text !== 'string' || text.trim() === '') return 'an answer has no text';
  if (start === undefined || start === null || start === '') {
    const first = context.indexOf(text);
    if (first < 0) return `answer ${formatValue(text)} is not in the context`;
    if (context.indexOf(text, first + 1) < 0) return first;
    return `answer ${formatValue(text)} is in the context more than once: expected answer_start`;
  }
  const place = Number(start);
  if (!Number.isInteger(place) || place < 0)
    return `answer_start: expected a whole number of at least 0, got ${formatValue(start)}`;
  const units = unitsOf(context, place);
  if (context.startsWith(text, units)) return units;
  return (
    `answer ${formatValue(text)} is not at answer_start ${place} of the context: ` +
    `there is ${formatValue(context.slice(units, units + text.length))}`
  );
}

/** Code points as UTF-16 units. */
function unitsOf(text: string, points: number): number {
  let units = 0;
  for (let i = 0; i < points && units < text.length; i++)
    units += text.codePointAt(units)! > 0xffff ? 2 : 1;
  return units;
}
