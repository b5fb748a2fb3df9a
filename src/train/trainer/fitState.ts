import type { Tensor } from '../../tensor/index.ts';
import type { EpochRecord, StepRecord } from './history.ts';
import type { HalvedInTraining } from './inMemory.ts';
import type { Throughput } from './stepReader.ts';
import type { TrainerState } from './trainerState.ts';
import type { StepHash } from './weightsHash.ts';

/** Where fine-tuning stands in its data. */
export interface FitPosition {
  /** From 1. */
  epoch: number;
  /** Batches of the epoch that are done. */
  batch: number;
}

export type FitState<T> = TrainerState<FitPosition, StepRecord, EpochRecord, T>;

/** What `fit` reports, and how it is stopped. */
export interface FitCallbacks {
  /** Stops after the current step. */
  signal?: AbortSignal;
  /** Stops after this step, as `signal` does. */
  stopAfter?: number;
  /** Multiply-add peak of the device in operations per second: steps then report `utilisation`. */
  peakFlops?: number;
  /** After each step, when its results arrive. */
  onStep?: (record: StepRecord, pace: Throughput) => void;
  /** When the device has too little memory for as many examples at once. */
  onOutOfMemory?: (halved: HalvedInTraining) => void;
  /** When a step is left out, since its loss or gradients are not finite. */
  onSkip?: (record: StepRecord) => void;
  /** After each evaluation; `seconds` since the last one, its own included. */
  onEpoch?: (record: EpochRecord, seconds: number) => void;
  /** When the model is the best so far (each epoch without validation data): save it here. */
  onBest?: () => Promise<void>;
  /** SHA-256 of the weights: every `hashEvery` steps, and at the end unless `signal` brings it. */
  onHash?: (hash: StepHash) => void;
  /** At the start, every `saveEvery` steps and at the end: save model and state here. */
  onCheckpoint?: (state: FitState<Tensor>) => Promise<void>;
}
