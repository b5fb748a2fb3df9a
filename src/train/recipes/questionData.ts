import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { checkMaxLength, type EncodedExample, encodeExamples } from '../data/batch.ts';
import type { Example } from '../data/labelledData.ts';
import { encodePairs } from '../data/pairEncoding.ts';
import { type EncodedWindow, encodeQuestions } from '../data/questionWindows.ts';
import { foldSplit, type Split, stratifiedSplit } from '../data/split.ts';
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
  stride?: number;
}

/** Examples as ids, and of each the example of the file that it is, or is a part of. */
export interface EncodedData {
  encoded: EncodedExample[];
  sources: Example[];
}

/**
 * Examples as ids, questions as windows of their contexts; reports what the model does not see.
 * @throws UsageError when a text may have more tokens than the model has positions.
 */
export function encodeForTask(
  task: Task,
  { path, examples }: { path: string; examples: readonly Example[] },
  tokenizer: BertTokenizer,
  { maxLength, maxPositions, stride }: Lengths,
  report: (event: InputEvent) => void,
): EncodedData {
  if (task.name !== 'question-answering') {
    const encoded =
      task.name === 'similarity'
        ? encodePairs(examples, tokenizer, maxLength, maxPositions)
        : encodeExamples(examples, tokenizer, maxLength, maxPositions, stride);
    reportUnseen(path, { examples, encoded, tokenizer, maxLength }, report);
    return { encoded, sources: [...examples] };
  }
  checkMaxLength(maxLength, maxPositions);
  const questions = examples.map(({ question }) => question!);
  const windows = { maxLength, stride: stride ?? defaultStride(maxLength) };
  const encoded = encodeQuestions(questions, tokenizer, windows);
  const counter = new UnseenCounter(tokenizer, maxLength);
  addWindows(counter, encoded);
  counter.report(path, report);
  const sourceOf = new Map(examples.map((example) => [example.question, example]));
  return { encoded, sources: encoded.map(({ window }) => sourceOf.get(window.question)!) };
}

/** Counts what a model does not see of windows. */
export function addWindows(counter: UnseenCounter, encoded: readonly EncodedWindow[]): void {
  const examples = encoded.map(({ window: { question, offsets } }) => {
    const places = offsets.filter((place) => place !== undefined);
    return { text: question.context.slice(places[0]?.[0], places.at(-1)?.[1]) };
  });
  counter.add({ examples, encoded });
}

/** How examples are divided. */
interface SplitOptions {
  validSplit: number;
  folds?: number;
  fold?: number;
  seed: number;
}

/** Sets examples aside for validation: a share of each stratum, or a fold. */
export const splitStrata = (
  strata: readonly number[],
  { validSplit, folds, fold = 1, seed }: SplitOptions,
): Split =>
  folds === undefined
    ? stratifiedSplit(strata, validSplit, seed)
    : foldSplit(strata, { folds, fold }, seed);

/**
 * Splits windows so that all questions on a context are on one side; with few contexts, all windows
 * of a question.
 */
export function splitWindows(windows: readonly ContextWindow[], options: SplitOptions): Split {
  const { validSplit, folds } = options;
  const byContext = groupsOf(windows, ({ question }) => question.context);
  const isEnough =
    folds === undefined
      ? Math.round(byContext.length * validSplit) > 0 || validSplit === 0
      : byContext.length >= folds;
  const groups = isEnough ? byContext : groupsOf(windows, ({ question }) => question);
  const split = splitStrata(new Array<number>(groups.length).fill(0), options);
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
