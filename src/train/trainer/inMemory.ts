import { OutOfMemoryError } from '../../device/errors.ts';
import { getWorldSize } from '../distributed/processGroup.ts';

/** How work got by with too little memory. */
export interface HalvedBatch {
  /** Examples that are computed at once from now on; the results are the same. */
  microBatchSize: number;
  /** What the device said. */
  message: string;
}

/** How work with too little memory goes about it. */
export interface MemoryOptions {
  /** Is told of each size that is tried. */
  onOutOfMemory?: (halved: HalvedBatch) => void;
  /**
   * Whether the processes that train together share the work, each of which calls this. Default
   * false.
   */
  shared?: boolean;
}

/** The same in a training: after which step, and in which part of the work. */
export interface HalvedInTraining extends HalvedBatch {
  step: number;
  during: 'training' | 'evaluation';
}

/** Half as many examples. @throws OutOfMemoryError if there is only one. */
export function halved(error: OutOfMemoryError, size: number): number {
  if (size > 1) return Math.ceil(size / 2);
  throw new OutOfMemoryError(
    `there is not enough memory for one example at a time: ${error.message}, or a smaller model ` +
      '(`gradientCheckpointing` takes less in training)',
    { cause: error },
  );
}

/**
 * Runs `body` on batches of `batchSize`; where memory runs out, it is called again, to go on with
 * batches of half the size.
 * @throws OutOfMemoryError if one example at a time is too much.
 */
export async function inMemory<T>(
  batchSize: number,
  { onOutOfMemory, shared }: MemoryOptions,
  body: (size: number) => Promise<T>,
): Promise<T> {
  for (let size = batchSize; ; ) {
    try {
      return await body(size);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || (shared && getWorldSize() > 1)) throw error;
      size = halved(error, size);
      onOutOfMemory?.({ microBatchSize: size, message: error.message });
    }
  }
}
