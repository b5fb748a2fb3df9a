import type { FitOptions } from '../trainer/hyperparameters.ts';
import type { FineTuneDataOptions } from './fineTuneData.ts';
import type { LoraOptions } from './lora.ts';
import type { StartOptions } from './start.ts';
import type { TensorBoardOptions } from './tensorBoard.ts';

/** Everything that decides the outcome of a fine-tuning; the same when it is resumed. */
export interface FineTuneSettings
  extends StartOptions,
    FineTuneDataOptions,
    FitOptions,
    LoraOptions,
    TensorBoardOptions {
  /** Layers of the encoder to freeze, from the lowest, with the embeddings. Default: none. */
  freeze?: number | 'all';
  /** Checkpoints that are kept, the latest ones. Default 2. */
  keep: number;
}
