import type { Hyperparameters } from '../trainer/hyperparameters.ts';
import type { ExampleBuilderOptions } from './objective.ts';

/** Hyperparameters of pre-training, and how its examples are built. */
export interface PretrainOptions extends ExampleBuilderOptions, Hyperparameters {
  totalSteps: number;
  /** Steps between evaluations. */
  evalEvery: number;
  /** Steps between checkpoints. */
  saveEvery: number;
  /**
   * Steps between the hashes of the weights that checkpoints and `onHash` are given. Default: none;
   * in `pretrain`, `saveEvery`.
   */
  hashEvery?: number;
}
