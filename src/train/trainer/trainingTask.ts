import type { Module } from '../../nn/index.ts';
import type { HostTensor, Tensor } from '../../tensor/index.ts';
import type { HalvedBatch } from './inMemory.ts';

/** What every training knows of a step. */
export interface StepInfo {
  /** Optimizer steps done, from 1. */
  step: number;
  /** From 1. */
  epoch: number;
  /** Rate that the step was made with. */
  learningRate: number;
  /** Mean loss of the batch. */
  loss: number;
  /** Norm of all gradients before clipping. */
  gradNorm: number;
}

/** A batch on the host, and the position in the data after it. */
export interface TrainBatch<P> {
  inputs: Record<string, HostTensor>;
  /**
   * The inputs in parts of at most `size` examples (`joinParts`), for when the device has too
   * little memory for `inputs`. Default: the batch cannot be divided.
   */
  divide?: (size: number) => Record<string, HostTensor>;
  examples: number;
  /** Without padding. */
  tokens: number;
  /** From 1. */
  epoch: number;
  next: P;
}

/** Steps and evaluations so far. No times: an interrupted run ends with the same log. */
export interface TrainingLog<S, E> {
  steps: S[];
  evaluations: E[];
}

/**
 * What is trained. `P` is a position in the data, `S` the record of a step, `E` the record of an
 * evaluation.
 */
export interface TrainingTask<P, S extends StepInfo, E extends { step: number }> {
  readonly model: Module;
  /** Position of the first batch. */
  readonly start: P;
  /** Batches from a position on, without end. The same position gives the same batches. */
  batches(from: P): AsyncIterator<TrainBatch<P>> | Iterator<TrainBatch<P>>;
  /**
   * Forward pass of the batch, or of a part of it (`joinParts`): the loss, and what computes more
   * scalars to read back with it. These are computed after the update, without a graph, so that
   * their launches fuse. The losses of parts are scaled by their shares: they add up to that of the
   * batch, and so do the scalars.
   */
  forward(inputs: Record<string, Tensor>): { loss: Tensor; scalars?: () => readonly Tensor[] };
  /** Record of a step; `scalars` are those of `forward`. */
  stepRecord(info: StepInfo, scalars: Float32Array): S;
  /** Seed of each step's random draws. Default: one stream through the whole run. */
  stepSeed?(step: number): number;
  /**
   * Evaluates; `steps` are those since the last evaluation. Rejects once `signal` is aborted.
   * `onOutOfMemory` is told of smaller batches that memory asks for.
   * @returns undefined if nothing is to be recorded.
   */
  evaluate(
    log: TrainingLog<S, E>,
    steps: readonly S[],
    signal?: AbortSignal,
    onOutOfMemory?: (halved: HalvedBatch) => void,
  ): Promise<E | undefined>;
  /** True if training ends early after these evaluations. */
  isFinished?(evaluations: readonly E[]): boolean;
}
