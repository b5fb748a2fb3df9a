import { UsageError } from '../../platform/errors.ts';
import { Philox } from '../../tensor/random.ts';
import { batches as runs } from '../data/split.ts';
import { examplesPerStep } from '../trainer/hyperparameters.ts';
import { joinBatches } from './accumulation.ts';
import type { Document } from './corpus.ts';
import type { ExampleBuilder, PretrainBatch } from './objective.ts';
import { poolSeed, pools, shuffled } from './stream.ts';

/** Position in the corpus: the next batch. */
export interface CorpusPosition {
  /** From 1. */
  epoch: number;
  /** From 0, in the epoch. */
  pool: number;
  /** From 0, in the pool. */
  batch: number;
}

export const START: CorpusPosition = { epoch: 1, pool: 0, batch: 0 };

export interface PositionedBatch extends PretrainBatch {
  /** The inputs in parts of at most `size` examples, with the same masks. */
  divide: (size: number) => PretrainBatch['inputs'];
  epoch: number;
  /** Position after this batch. */
  next: CorpusPosition;
}

/** Documents of a pool, in batches. */
const POOL_BATCHES = 32;

interface BatchOptions {
  batchSize: number;
  gradientAccumulationSteps?: number;
  seed: number;
}

/**
 * Training batches, epoch after epoch without end. They depend only on the corpus, the options and
 * the seed, so a position always continues with the same batches. Text before it is read but not
 * tokenised.
 * @throws UsageError when an epoch has no batch.
 */
export async function* trainingBatches(
  documents: () => AsyncIterable<Document>,
  builder: ExampleBuilder,
  options: BatchOptions,
  from: CorpusPosition = START,
): AsyncGenerator<PositionedBatch> {
  const { batchSize, seed } = options;
  const perStep = examplesPerStep(options);
  for (let epoch = from.epoch; ; epoch++) {
    const start = epoch === from.epoch ? from : START;
    let pool = -1;
    let hasAny = start.pool > 0 || start.batch > 0;
    for await (const documentPool of pools(
      shuffled(documents(), new Philox(seed, epoch)),
      POOL_BATCHES * perStep,
    )) {
      if (++pool < start.pool) continue;
      const seedOfPool = poolSeed(seed, epoch, pool);
      const batches = builder.trainingBatches(
        await builder.examples(documentPool, seedOfPool),
        seedOfPool,
        perStep,
      );
      for (let batch = pool === start.pool ? start.batch : 0; batch < batches.length; batch++) {
        hasAny = true;
        const longest = Math.max(...batches[batch].map(({ inputIds }) => inputIds.length));
        const inParts = (size: number) =>
          joinBatches(
            runs(batches[batch], size).map((part, i) =>
              builder.collate(part, seedOfPool, batch * perStep + i * size, longest),
            ),
          );
        yield {
          ...inParts(batchSize),
          divide: (size) => inParts(size).inputs,
          epoch,
          next: { epoch, pool, batch: batch + 1 },
        };
      }
    }
    if (!hasAny)
      throw new UsageError(
        'the corpus gives no example to train on: expected texts with words of the vocabulary; ' +
          'for next sentences, two or more documents separated by blank lines, with two or more ' +
          'sentences each, one per line',
      );
  }
}

/**
 * How many batches the first epoch has; later ones may have a few more or less.
 * @example
 * const batches = await countBatches(documents, exampleBuilder, { batchSize: 32, seed: 0 });
 */
export async function countBatches(
  documents: () => AsyncIterable<Document>,
  builder: ExampleBuilder,
  options: BatchOptions,
): Promise<number> {
  const { seed } = options;
  const perStep = examplesPerStep(options);
  let count = 0;
  let pool = 0;
  for await (const some of pools(
    shuffled(documents(), new Philox(seed, 1)),
    POOL_BATCHES * perStep,
  ))
    count += Math.ceil((await builder.examples(some, poolSeed(seed, 1, pool++))).length / perStep);
  return count;
}
