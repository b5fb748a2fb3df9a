import { describe, expect, it } from 'vitest';
import { Philox } from '../../../src/tensor/random.ts';
import type { Document } from '../../../src/train/pretraining/corpus.ts';
import { documentsOfSplit, pools, shuffled } from '../../../src/train/pretraining/stream.ts';
import { all, stream } from './fixtures.ts';

describe('the order of a corpus', () => {
  const corpus = Array.from({ length: 3000 }, (_, i): Document => [`${i}`.padStart(10, '0')]);

  it('shuffles in a buffer', async () => {
    let read = 0;
    let most = 0;
    async function* counted() {
      for (const document of corpus) {
        read++;
        yield document;
      }
    }
    const order: Document[] = [];
    for await (const document of shuffled(counted(), new Philox(1), 5000)) {
      order.push(document);
      most = Math.max(most, read - order.length);
    }
    expect(most).toBeLessThanOrEqual(500);
    expect(order).not.toEqual(corpus);
    expect(order.toSorted()).toEqual(corpus);
    const moved = order.map(([text], i) => Math.abs(Number(text) - i));
    expect(moved.reduce((a, b) => a + b) / moved.length).toBeGreaterThan(200);
    expect(await all(shuffled(stream(corpus), new Philox(1), 5000))).toEqual(order);
    expect(await all(shuffled(stream(corpus), new Philox(2), 5000))).not.toEqual(order);
  });

  it('sets a share aside, and trains on the rest', async () => {
    const [train, valid] = await Promise.all(
      (['train', 'valid'] as const).map((part) =>
        all(documentsOfSplit(stream(corpus), part, 0.1, 7)),
      ),
    );
    expect([...train, ...valid].toSorted()).toEqual(corpus);
    expect(Math.abs(valid.length - 300)).toBeLessThan(4 * Math.sqrt(3000 * 0.09));
    expect(await all(documentsOfSplit(stream(corpus), 'valid', 0, 7))).toEqual([]);
    // No more than some, of long ones two.
    const long = corpus.map(([text]): Document => [text.repeat(20_000)]);
    expect((await all(documentsOfSplit(stream(long.slice(0, 60)), 'valid', 0.5, 7))).length).toBe(
      2,
    );
    expect((await all(documentsOfSplit(stream(long.slice(0, 60)), 'train', 0.5, 7))).length).toBe(
      58,
    );
  });

  it('makes pools', async () => {
    expect((await all(pools(stream(corpus.slice(0, 25)), 10))).map(({ length }) => length)).toEqual(
      [10, 10, 5],
    );
  });
});
