import { UsageError } from '../../platform/errors.ts';
import { BertTokenizer, readVocabulary } from '../../text/tokenizer/index.ts';
import { openExamples } from '../data/labelledData.ts';
import { maxLengthOf } from '../defaults.ts';
import type { TaskName } from '../tasks/task.ts';
import { type DataProblem, findProblems } from './checkDataProblems.ts';
import type { InputEventOf, RecipeCallbacks } from './events.ts';
import { type FileCheck, FileChecker, type SharedTexts } from './fileChecker.ts';
import type { FileOptions } from './fineTuneData.ts';
import { fetchModel } from './start.ts';

export type { DataProblem, FileCheck, SharedTexts };

/** Options of `checkData`. */
export interface CheckDataOptions extends FileOptions {
  /** Files of labelled data: that to train on first, then those to validate or test with. */
  files: readonly string[];
  /** What the labels say. Default: by the columns and the format of the first file. */
  task?: TaskName;
  /** Folder or name on the hub of the model to train: its tokenizer counts tokens. */
  model?: string;
  /** Instead, the vocab.txt of a fresh model. Without either, lengths are in characters. */
  vocab?: string;
  /** True if the fresh vocabulary keeps case and accents. Default false. */
  cased?: boolean;
  /** Longest text in tokens, special ones included. Default as for training: 39, of choices 128. */
  maxLength?: number;
}

/** What `checkData` resolves with: a plain object, to be kept as JSON. */
export interface CheckDataResult {
  task: TaskName;
  files: FileCheck[];
  /** Texts that two of the files have. */
  shared: SharedTexts[];
  /** What would spoil a training; empty if nothing was found. */
  problems: DataProblem[];
}

/**
 * Looks through files of labelled data before a model is trained on them: labels, lengths, and
 * texts that are empty, occur twice, contradict each other or are in several files. Files may be
 * larger than memory: of each text only a hash is kept.
 * @throws UsageError when a file or the tokenizer cannot be read, or a column is missing; the
 * reason of `signal` if it is aborted.
 * @example
 * const { problems, files } = await checkData({ files: ['reviews.tsv'], vocab: 'vocab.txt' });
 * console.log(problems, files[0].labels);
 */
export async function checkData(
  options: CheckDataOptions,
  { onEvent: report = () => {}, signal }: RecipeCallbacks<InputEventOf<'download'>> = {},
): Promise<CheckDataResult> {
  const { files: paths, model, vocab, cased, maxLength, ...columns } = options;
  if (paths.length === 0) throw new UsageError('`files`: expected one or more, got none');
  if (model !== undefined && vocab !== undefined)
    throw new UsageError('`model` and `vocab` exclude each other: one tokenizer counts the tokens');
  if (model === undefined && vocab === undefined) {
    if (cased) throw new UsageError('`cased` goes with `vocab`, the vocabulary that keeps case');
    if (maxLength !== undefined)
      throw new UsageError('`maxLength` goes with `model` or `vocab`, which count tokens');
  }
  const tokenizer = await openTokenizer({ model, vocab, cased }, report);
  let task = columns.task;
  const checkers: FileChecker[] = [];
  for (const path of paths) {
    const opened = await openExamples(path, { ...columns, task, labelOptional: true });
    task = opened.task.name;
    const checker = new FileChecker(
      opened.table,
      opened.task,
      tokenizer,
      maxLength ?? maxLengthOf(task),
    );
    for await (const item of opened.items()) {
      signal?.throwIfAborted();
      checker.add(item);
    }
    checkers.push(checker);
  }
  const files = checkers.map((checker) => checker.result());
  const shared = checkers.flatMap((checker, i) =>
    checkers.slice(i + 1).flatMap((other) => checker.sharedWith(other) ?? []),
  );
  return { task: task!, files, shared, problems: findProblems(task!, files, shared) };
}

async function openTokenizer(
  { model, vocab, cased }: Pick<CheckDataOptions, 'model' | 'vocab' | 'cased'>,
  report: (event: InputEventOf<'download'>) => void,
): Promise<BertTokenizer | undefined> {
  if (vocab !== undefined)
    return new BertTokenizer(await readVocabulary(vocab), { doLowerCase: !cased });
  if (model === undefined) return undefined;
  return BertTokenizer.fromPretrained(await fetchModel(model, report));
}
