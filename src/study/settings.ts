import type { StudySource } from './data.ts';
import type { Pretraining } from './methods.ts';
import type { Cell, StudyResults } from './results.ts';

/** What decides the outcome of a study. */
export interface StudySettings extends StudySource {
  /** Kind of the device: kinds round differently. */
  device: string;
  /** What to pre-train for; each has one or two methods that stand on it. */
  pretrainings: Pretraining[];
  /** Rows of the data, without those to test with. */
  trainRows: number;
  /**
   * Numbers of labelled rows. The number of all rows is trained on with the first seed alone; their
   * texts are pre-trained on too, save those of the next smaller size.
   */
  sizes: number[];
  /** Number of seeds: 1, 2, 3… Each has its own rows, vocabulary, weights and order. */
  seeds: number;
  /** Steps of each pre-training. */
  pretrainSteps: number;
  pretrainLearningRate: number;
  vocabSize: number;
  /** Keep case and accents. */
  cased?: boolean;
  layers: number;
  hiddenSize: number;
  maxLength: number;
  batchSize: number;
  /** Times through the labelled rows. */
  epochs: number;
  /** Most steps of each fine-tuning. */
  maxSteps?: number;
  /** Rate of fine-tuning; a head on features learns at `FEATURE_LR_FACTOR` times this rate. */
  learningRate: number;
}

export interface StudyStep {
  epoch: number;
  loss: number;
  examplesPerSecond: number;
  tokensPerSecond: number;
}

export interface StudyCallbacks {
  /** Stops after the current step. */
  signal?: AbortSignal;
  /** Receives the number of steps that an earlier run did, which are not repeated. */
  onSkipped?: (steps: number) => void;
  onStep?: (step: StudyStep) => void;
  onPretrained?: (record: StudyResults['pretraining'][number]) => void;
  onCell?: (cell: Cell) => void;
}
