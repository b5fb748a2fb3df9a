import { Philox } from '../../../src/tensor/random.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import type { Document } from '../../../src/train/pretraining/corpus.ts';
import {
  ExampleBuilder,
  type ExampleBuilderOptions,
} from '../../../src/train/pretraining/objective.ts';
import { type PretrainOptions, pretrainDefaults } from '../../../src/train/pretraining/pretrain.ts';

export const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};
export async function* stream<T>(items: Iterable<T>) {
  yield* items;
}
export const take = async <T>(items: AsyncIterable<T>, n: number): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) === n) break;
  return found;
};

const words = Array.from({ length: 40 }, (_, i) => `w${i}`);
export const tokenizer = new BertTokenizer([
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  ...words,
]);
/** Sentences of words that follow each other; a document stays in one half of the vocabulary. */
export function documents(count: number, seed: number): Document[] {
  const random = new Philox(seed);
  return Array.from({ length: count }, () => {
    const half = 20 * random.randint(2);
    return Array.from({ length: 1 + random.randint(6) }, () => {
      const first = random.randint(20);
      return Array.from(
        { length: 2 + random.randint(8) },
        (_, i) => `w${half + ((first + i) % 20)}`,
      ).join(' ');
    });
  });
}

export const options: PretrainOptions = {
  ...pretrainDefaults,
  maxLength: 24,
  batchSize: 4,
  totalSteps: 12,
  evalEvery: 5,
  saveEvery: 4,
  learningRate: 0.02,
  warmupRatio: 0.2,
};
export const makerFor = (changes: Partial<ExampleBuilderOptions> = {}) =>
  new ExampleBuilder(tokenizer, { ...options, ...changes });
