import { UsageError } from '../../platform/errors.ts';
import { Philox } from '../../tensor/random.ts';
import type { Document } from './corpus.ts';
import type { ExampleBuilder, PretrainBatch } from './objective.ts';
import { poolSeed, pools, shuffled } from './stream.ts';

/** Where a run stands in its corpus: what comes next. */
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
  epoch: number;
  /** Where to go on after it. */
  next: CorpusPosition;
}

/** Documents of a pool, in batches. */
const POOL_BATCHES = 32;

interface BatchOptions {
  batchSize: number;
  seed: number;
}

/**
 * The batches to train on, epoch after epoch without an end. What they are depends on the corpus, the options and the
 * seed alone: from a position on, the very batches come that followed it before. What lies before is read, not tokenised.
 * @throws UsageError when an epoch has none.
 */
export async function* trainingBatches(
  documents: () => AsyncIterable<Document>,
  builder: ExampleBuilder,
  { batchSize, seed }: BatchOptions,
  from: CorpusPosition = START,
): AsyncGenerator<PositionedBatch> {
  for (let epoch = from.epoch; ; epoch++) {
    const start = epoch === from.epoch ? from : START;
    let pool = -1;
    let hasAny = start.pool > 0 || start.batch > 0;
    for await (const documentPool of pools(
      shuffled(documents(), new Philox(seed, epoch)),
      POOL_BATCHES * batchSize,
    )) {
      if (++pool < start.pool) continue;
      const seedOfPool = poolSeed(seed, epoch, pool);
      const batches = builder.trainingBatches(
        await builder.examples(documentPool, seedOfPool),
        seedOfPool,
      );
      for (let batch = pool === start.pool ? start.batch : 0; batch < batches.length; batch++) {
        hasAny = true;
        const collated = builder.collate(batches[batch], seedOfPool, batch * batchSize);
        yield { ...collated, epoch, next: { epoch, pool, batch: batch + 1 } };
      }
    }
    if (!hasAny)
      throw new UsageError(
        'the corpus gives no example to train on: expected texts with words of the vocabulary; for next sentences, two or more documents parted by a blank line, with two or more sentences, one a line',
      );
  }
}

/** How many batches the first epoch has; later ones may have a few more or less. */
export async function countBatches(
  documents: () => AsyncIterable<Document>,
  builder: ExampleBuilder,
  { batchSize, seed }: BatchOptions,
): Promise<number> {
  let count = 0;
  let pool = 0;
  for await (const some of pools(
    shuffled(documents(), new Philox(seed, 1)),
    POOL_BATCHES * batchSize,
  ))
    count += Math.ceil(
      (await builder.examples(some, poolSeed(seed, 1, pool++))).length / batchSize,
    );
  return count;
}
