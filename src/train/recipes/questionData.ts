import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { checkMaxLength, type EncodedExample, encodeExamples } from '../data/batch.ts';
import type { Example } from '../data/labelledData.ts';
import { type EncodedWindow, encodeQuestions } from '../data/questionWindows.ts';
import { type Split, stratifiedSplit } from '../data/split.ts';
import { defaultStride, maxLengthOf } from '../defaults.ts';
import type { ContextWindow } from '../tasks/spans.ts';
import type { Task, TaskName } from '../tasks/task.ts';
import type { InputEvent } from './events.ts';
import { reportUnseen, UnseenCounter } from './reports.ts';

/** The longest text of a task; a default that the model is too small for is lowered. */
export const fittingLength = ({ name }: Task, asked: number, maxPositions: number): number => {
  const isLongDefault = name === 'question-answering' || name === 'multiple-choice';
  return isLongDefault && asked === maxLengthOf(name) ? Math.min(asked, maxPositions) : asked;
};

/** The longest text of a model that is measured or predicts: of questions, that of training. */
export const fittingDefault = (task: TaskName, longest: number): number =>
  task === 'question-answering' ? Math.min(maxLengthOf(task), longest) : longest;

/** How long texts may be. */
export interface Lengths {
  maxLength: number;
  maxPositions: number;
  /** Of questions. */
  stride?: number;
}

/**
 * Examples as ids, questions as windows of their contexts; reports what the model does not see.
 * @throws UsageError when a text may have more tokens than the model has positions.
 */
export function encodeForTask(
  task: Task,
  { path, examples }: { path: string; examples: readonly Example[] },
  tokenizer: BertTokenizer,
  { maxLength, maxPositions, stride = defaultStride(maxLength) }: Lengths,
  report: (event: InputEvent) => void,
): EncodedExample[] {
  if (task.name !== 'question-answering') {
    const encoded = encodeExamples(examples, tokenizer, maxLength, maxPositions);
    reportUnseen(path, { examples, encoded, tokenizer, maxLength }, report);
    return encoded;
  }
  checkMaxLength(maxLength, maxPositions);
  const questions = examples.map(({ question }) => question!);
  const encoded = encodeQuestions(questions, tokenizer, { maxLength, stride });
  const counter = new UnseenCounter(tokenizer, maxLength);
  addWindows(counter, encoded);
  counter.report(path, report);
  return encoded;
}

/** Counts what a model does not see of windows. */
export function addWindows(counter: UnseenCounter, encoded: readonly EncodedWindow[]): void {
  const examples = encoded.map(({ window: { question, offsets } }) => {
    const places = offsets.filter((place) => place !== undefined);
    return { text: question.context.slice(places[0]?.[0], places.at(-1)?.[1]) };
  });
  counter.add({ examples, encoded });
}

/**
 * Splits windows so that all questions on a context are on one side; with few contexts, all windows
 * of a question.
 */
export function splitWindows(
  windows: readonly ContextWindow[],
  validSplit: number,
  seed: number,
): Split {
  const byContext = groupsOf(windows, ({ question }) => question.context);
  const isEnough = Math.round(byContext.length * validSplit) > 0 || validSplit === 0;
  const groups = isEnough ? byContext : groupsOf(windows, ({ question }) => question);
  const split = stratifiedSplit(new Array<number>(groups.length).fill(0), validSplit, seed);
  return {
    train: split.train.flatMap((i) => groups[i]),
    valid: split.valid.flatMap((i) => groups[i]),
  };
}

/** The indices of windows that have the same key. */
function groupsOf(
  windows: readonly ContextWindow[],
  keyOf: (window: ContextWindow) => unknown,
): number[][] {
  const groups = new Map<unknown, number[]>();
  for (const [i, window] of windows.entries()) {
    const own = groups.get(keyOf(window));
    if (own) own.push(i);
    else groups.set(keyOf(window), [i]);
  }
  return [...groups.values()];
}
