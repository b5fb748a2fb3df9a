import { Philox } from '../../tensor/random.ts';
import type { Document } from './corpus.ts';

/** Parts of a corpus. */
export type SplitName = 'train' | 'valid';

/** Characters set aside for validation, up to the end of a document. */
const VALID_CHARACTERS = 1 << 17;
/** Characters in the shuffle buffer. */
const SHUFFLE_CHARACTERS = 1 << 25;
/** Characters of a pool. */
const POOL_CHARACTERS = 1 << 20;

// Streams of one seed; those below 2^16 are the orders of the epochs, those from 2^48 on masks and
// pairs.
const splitStream = -1;
const dropoutStream = -(2 ** 32);
const poolStream = 2 ** 32;

/** A 53-bit seed for one purpose, so that no state has to be kept. */
const deriveSeed = (seed: number, stream: number): number =>
  new Philox(seed, stream).uniform() * 2 ** 53;
/** The seed of a step's dropout. */
export const stepSeed = (seed: number, step: number): number =>
  deriveSeed(seed, dropoutStream - step);
/** Seed of pairs and masks in a pool; epochs from 1, pools from 0. */
export const poolSeed = (seed: number, epoch: number, pool: number): number =>
  deriveSeed(seed, epoch * poolStream + pool);
/** Seed of pairs and masks for validation. */
export const validSeed = (seed: number): number => deriveSeed(seed, splitStream - 1);

const lengthOf = (document: Document): number =>
  document.reduce((sum, text) => sum + text.length, 0);

/**
 * One part of a corpus, in order. A random share of the documents is set aside for validation until
 * there are enough (at least two, for next sentences); all later documents are for training.
 */
export async function* documentsOfSplit(
  documents: AsyncIterable<Document>,
  split: SplitName,
  validShare: number,
  seed: number,
): AsyncGenerator<Document> {
  const random = new Philox(seed, splitStream);
  let validCount = 0;
  let characters = 0;
  for await (const document of documents) {
    const isFull = validCount >= 2 && characters >= VALID_CHARACTERS;
    if (isFull && split === 'valid') return;
    const isValid = !isFull && random.uniform() < validShare;
    if (isValid) {
      validCount++;
      characters += lengthOf(document);
    }
    if (isValid === (split === 'valid')) yield document;
  }
}

/** Shuffles documents with a buffer of about `limit` characters. */
export async function* shuffled(
  documents: AsyncIterable<Document>,
  random: Philox,
  limit = SHUFFLE_CHARACTERS,
): AsyncGenerator<Document> {
  const buffer: Document[] = [];
  let characters = 0;
  for await (const document of documents) {
    buffer.push(document);
    characters += lengthOf(document);
    while (characters > limit) {
      const at = random.randint(buffer.length);
      const chosen = buffer[at];
      const last = buffer.pop()!;
      if (at < buffer.length) buffer[at] = last;
      characters -= lengthOf(chosen);
      yield chosen;
    }
  }
  yield* random.shuffle(buffer);
}

/** Groups documents that become batches together: `maxDocuments`, or fewer if they are long. */
export async function* pools(
  documents: AsyncIterable<Document>,
  maxDocuments: number,
): AsyncGenerator<Document[]> {
  let pool: Document[] = [];
  let characters = 0;
  for await (const document of documents) {
    pool.push(document);
    characters += lengthOf(document);
    if (pool.length < maxDocuments && characters < POOL_CHARACTERS) continue;
    yield pool;
    pool = [];
    characters = 0;
  }
  if (pool.length > 0) yield pool;
}
