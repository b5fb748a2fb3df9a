import type { DownloadProgress } from '../../formats/downloadProgress.ts';
import type { RowProblem } from '../../formats/tables/rows.ts';
import type { HalvedInTraining } from '../trainer/inMemory.ts';
import type { StepInfo } from '../trainer/trainingTask.ts';

/** What recipes report of data and models before the work begins. */
export type InputEvent =
  /** Rows of a file that are broken and left out; `count` of them, if not all are listed. */
  | { event: 'skippedRows'; path: string; problems: readonly RowProblem[]; count?: number }
  /** A file that is not UTF-8, and the encoding that it is read in. */
  | { event: 'encoding'; path: string; encoding: string }
  /** The columns of a CoNLL file that are read, from 1, where others could be meant. */
  | { event: 'columns'; path: string; words: number; tags?: number; count: number }
  /** What was written: cells whose tabs and line ends became blanks, since TSV cannot hold them. */
  | { event: 'flattenedCells'; cells: number }
  /** What was written: keys of JSON that occur too late in the file to be columns. */
  | { event: 'lateKeys'; path: string; keys: readonly string[] }
  /** Names that several columns of a file have; the first column is read. */
  | { event: 'duplicateColumns'; path: string; columns: readonly string[] }
  /** Texts that are longer than `maxLength` tokens: their ends are not seen. */
  | { event: 'truncated'; path: string; cut: number; texts: number; maxLength: number }
  /** Texts that are longer than `maxLength` tokens, and the windows that they are `split` into. */
  | {
      event: 'windows';
      path: string;
      split: number;
      windows: number;
      texts: number;
      maxLength: number;
    }
  /** Examples to train on before and after those of rare classes are repeated. */
  | { event: 'balanced'; path: string; before: number; after: number }
  /**
   * Tagged words that the model never sees: `cut` off by `maxLength`, or without a token, as blanks
   * and control characters.
   */
  | {
      event: 'lostWords';
      path: string;
      words: number;
      cut: number;
      withoutToken: number;
      maxLength: number;
    }
  /**
   * More than a fifth of the pieces of the texts are [UNK], or more than half of the pieces of
   * `unread` texts. They may be known in composed form (NFC), or without lower-casing.
   */
  | {
      event: 'unknownPieces';
      path: string;
      share: number;
      unread: number;
      texts: number;
      cause?: 'decomposed' | 'lowerCase';
    }
  /** The tokenizer takes away case or accents that this share of its vocabulary has. */
  | { event: 'loweredVocabulary'; path: string; share: number }
  /** Tags are measured by accuracy: these of them mark no entities as the others do. */
  | { event: 'noEntityScores'; path: string; tags: readonly string[]; of: number }
  /** The classifier of the model gets new names for its outputs, or is replaced. */
  | {
      event: 'head';
      model: string;
      action: 'renamed' | 'replaced';
      from: readonly string[];
      to: readonly string[];
    }
  /** More labels are asked for (`topK`) than the model has. */
  | { event: 'fewerLabels'; model: string; topK: number; labels: number }
  /** The probability above which each label is given, as training found it. */
  | { event: 'thresholds'; model: string; thresholds: Readonly<Record<string, number>> }
  /** Texts without a label: their most probable one is less probable than `below`. */
  | { event: 'abstained'; abstained: number; of: number; below: number }
  /** Weights that a model folder lacks (these are random) or has without use. */
  | { event: 'weights'; model: string; missing: readonly string[]; unexpected: readonly string[] }
  /** A model that is fetched from the hub. */
  | ({ event: 'download'; model: string } & DownloadProgress);

/** What a training reports of its folder and its device. */
export type RunEvent =
  | { event: 'checkpoint'; step: number }
  /** What `batchSize: 'auto'` found. */
  | { event: 'batchSize'; batchSize: number }
  /** A checkpoint that is not what was saved; an earlier one is taken. */
  | { event: 'damaged'; folder: string; damage: string }
  /** The device was lost; the run goes on from its latest checkpoint, on a new one. */
  | { event: 'deviceLost'; message: string }
  /** A step, or an evaluation after it, found too little memory for as many examples at once. */
  | ({ event: 'outOfMemory' } & HalvedInTraining)
  /** The update of a step was left out, since its loss or gradients are not finite. */
  | { event: 'skippedStep'; step: number; loss: number; gradNorm: number }
  /** `signal` stopped the run; `folder` is its checkpoint. */
  | { event: 'interrupted'; step: number; folder: string };

/** Those of some kinds. */
export type InputEventOf<K extends InputEvent['event']> = Extract<InputEvent, { event: K }>;

/** What a training takes besides its options. */
export interface TrainingCallbacks<E, S> extends RecipeCallbacks<E> {
  /**
   * Opens the default device, once the options are checked. `begun`: the settings of the run that
   * is resumed, its device among them. It is called again when the device is lost, and the run goes
   * on from its latest checkpoint. Default: the default device as it is, and its loss ends the run.
   */
  openDevice?: (begun?: S) => Promise<unknown>;
  /**
   * Called once the folder is the run's: whatever could be refused has been checked, and nothing
   * is written yet.
   */
  onBegin?: () => Promise<void>;
  /** What a new run is begun by, for its report: the command line, and the program's version. */
  about?: { command?: string; version?: string };
}

/** What every recipe takes besides its options. */
export interface RecipeCallbacks<E> {
  /** Stops the work: training after the current step, anything else after the current batch. */
  signal?: AbortSignal;
  onEvent?: (event: E) => void;
}

/** Reports what a training gets by with. */
export const troubleCallbacks = (report: (event: RunEvent) => void) => ({
  onOutOfMemory: (halved: HalvedInTraining) => report({ event: 'outOfMemory', ...halved }),
  onSkip: ({ step, loss, gradNorm }: StepInfo) =>
    report({ event: 'skippedStep', step, loss, gradNorm }),
});
