import { describe, expect, it } from 'vitest';
import { type PositionedBatch, trainingBatches } from '../../../src/train/pretraining/batches.ts';
import { objectives } from '../../../src/train/pretraining/objective.ts';
import { documents, makerFor, options, stream, take, tokenizer } from './fixtures.ts';

describe('trainingBatches', () => {
  const corpus = documents(300, 1);
  const source = () => stream(corpus);

  it.each(objectives)('gives the same for %s from any position on', async (objective) => {
    const maker = makerFor({ objective });
    // Pools of 128 documents: three an epoch, and into the second and third.
    const perEpoch = { mlm: 260, nsp: 160, 'mlm+nsp': 160 }[objective];
    const whole = await take(trainingBatches(source, maker, options), 2 * perEpoch + 60);
    expect(new Set(whole.map(({ epoch }) => epoch)).size).toBeGreaterThanOrEqual(2);
    for (const at of [0, 17, 90, whole.findIndex(({ epoch }) => epoch === 2) - 1, perEpoch + 33]) {
      const rest = await take(trainingBatches(source, maker, options, whole[at].next), 20);
      const plain = (batches: readonly PositionedBatch[]) =>
        batches.map(({ divide, ...batch }) => batch);
      expect(plain(rest)).toEqual(plain(whole.slice(at + 1, at + 21)));
    }
    expect(new Set(whole.map(({ inputs }) => inputs.inputIds.shape[0]))).toEqual(new Set([4]));
    expect(new Set(whole.map(({ inputs }) => inputs.inputIds.shape[1])).size).toBeLessThanOrEqual(
      3,
    );
  });

  it('goes through every text once an epoch, with another order and other masks', async () => {
    const batches = await take(trainingBatches(source, makerFor(), options), 700);
    const rowsOf = (epoch: number) =>
      batches
        .filter((batch) => batch.epoch === epoch)
        .flatMap(({ inputs: { inputIds, labels, labelPositions } }) => {
          const [rows, length] = inputIds.shape;
          const ids = Int32Array.from(inputIds.data);
          labels.data.forEach((label, i) => {
            if (label >= 0) ids[labelPositions.data[i]] = label;
          });
          return Array.from({ length: rows }, (_, row) =>
            tokenizer.decode(ids.subarray(row * length, (row + 1) * length), {
              skipSpecialTokens: true,
            }),
          );
        });
    const texts = [...new Set(corpus.flat())].toSorted();
    const [first, second] = [rowsOf(1), rowsOf(2)];
    for (const rows of [first, second]) {
      expect([...new Set(rows)].toSorted()).toEqual(texts);
      expect(rows.length - corpus.flat().length).toBeLessThan(3 * 4);
    }
    expect(second.slice(0, 50)).not.toEqual(first.slice(0, 50));
  });

  it.each([0.15, 0.4])('predicts a share of %f of the tokens', async (mlmProbability) => {
    const batches = await take(trainingBatches(source, makerFor({ mlmProbability }), options), 260);
    const sum = (field: 'predicted' | 'tokens' | 'examples') =>
      batches.reduce((total, batch) => total + batch[field], 0);
    // [CLS] and [SEP] are never predicted. A short text has one token to predict at least.
    const share = sum('predicted') / (sum('tokens') - 2 * sum('examples'));
    expect(share).toBeGreaterThan(0.97 * mlmProbability);
    expect(share).toBeLessThan(mlmProbability + 0.05);
  });

  it('cuts long texts, and leaves out those without words', async () => {
    const long = Array.from({ length: 50 }, (_, i) => `w${i % 40}`).join(' ');
    const examples = await makerFor().examples([[long, '한국', ''], ['w1']], 1);
    expect(examples.map(({ inputIds }) => inputIds.length)).toEqual([24, 24, 8, 3]);
    expect(examples.slice(0, 3).flatMap(({ inputIds }) => inputIds.slice(1, -1))).toEqual(
      tokenizer.encode(long, null, { addSpecialTokens: false }).inputIds,
    );
    const nothing = trainingBatches(() => stream([['한국']]), makerFor(), options);
    await expect(nothing.next()).rejects.toThrow('the corpus gives no example to train on');
    const single = trainingBatches(
      () => stream([['w1'], ['w2']]),
      makerFor({ objective: 'nsp' }),
      options,
    );
    await expect(single.next()).rejects.toThrow('two or more sentences');
  });
});
