import type { AdamOptions, OptimizerState } from '../../nn/optim/index.ts';
import type { RngState } from '../../tensor/index.ts';
import type { Hyperparameters } from './hyperparameters.ts';
import type { StepInfo, TrainingLog } from './trainingTask.ts';
import type { StepHash } from './weightsHash.ts';

/** Options of a `Trainer`. */
export interface TrainerOptions extends Hyperparameters {
  totalSteps: number;
  /** Steps between evaluations; the last step is always followed by one. */
  evalEvery: number;
  /** Steps between checkpoints; the last step is always followed by one. */
  saveEvery: number;
  /** Steps between hashes of the weights; the end has one too. Default: none. */
  hashEvery?: number;
  /** ε of AdamW. Default 1e-8. */
  eps?: number;
  /** Factor of the learning rate from a layer to the one below it. Default 1. */
  layerDecay?: number;
  /** Examples of the parts that batches come in. Default: all of a batch. */
  batchSize?: number;
}

/** Where a run stands. `T` holds the optimizer's moments. */
export interface TrainerState<P, S, E, T> {
  /** Steps done. */
  step: number;
  position: P;
  log: TrainingLog<S, E>;
  optimizer: OptimizerState<AdamOptions, T>;
  /** Absent where each step has its own seed. */
  random?: RngState;
  /** Examples of a part of a batch, once memory has run out. */
  microBatchSize?: number;
  /** Hashes of the weights so far, if the run has them. */
  hashes?: readonly StepHash[];
}

/** What can be resumed from: the moments may be read lazily from a file. */
export type SavedState<P, S, E> = TrainerState<P, S, E, { data: Float32Array }>;

/** Whether the update of a step was made. */
export const isFiniteStep = ({ loss, gradNorm }: StepInfo): boolean =>
  Number.isFinite(loss) && Number.isFinite(gradNorm);
