import { describe, expect, it } from 'vitest';
import { TokenMasker } from '../../../src/bert/pretraining/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '<e>'];
const pieces = Array.from({ length: 50 }, (_, i) => [`w${i}`, `##p${i}`]).flat();
// An added token has an id after the vocabulary's, and is special or not as it is said.
const tokenizer = new BertTokenizer([...SPECIAL, ...pieces], {
  additionalSpecialTokens: ['<e>', '<f>'],
  addedTokens: ['<g>'],
});
const special = new Set(tokenizer.convertTokensToIds([...SPECIAL, '<f>']));
const isSpecial = (id: number) => special.has(id);
const ordinary = Array.from({ length: tokenizer.length }, (_, id) => id).filter(
  (id) => !isSpecial(id),
);
const [PAD, UNK, CLS, SEP, MASK, E] = tokenizer.convertTokensToIds(SPECIAL);

/** Rows as the model gets them: pairs with special tokens among the words, padded to one length. */
function rows(count: number, length: number, seed: number): number[][] {
  const random = new Philox(seed);
  return Array.from({ length: count }, () => {
    const text = () =>
      Array.from({ length: 1 + random.randint((length - 3) >> 1) }, () =>
        random.randint(20) === 0
          ? [UNK, E][random.randint(2)]
          : ordinary[random.randint(ordinary.length)],
      );
    const row = [CLS, ...text(), SEP, ...text(), SEP];
    return [...row, ...new Array<number>(length - row.length).fill(PAD)];
  });
}

/** Four standard errors of a share. */
const margin = (share: number, n: number) => 4 * Math.sqrt((share * (1 - share)) / n);

describe('TokenMasker', () => {
  const masker = new TokenMasker(tokenizer);
  const all = rows(3000, 80, 1);
  const masked = all.map((row, example) => masker.maskTokens(row, { seed: 5, epoch: 0, example }));
  const tokens = all.flatMap((row, r) =>
    row.map((id, at) => ({ id, at, seen: masked[r].inputIds[at], label: masked[r].labels[at] })),
  );
  const candidates = tokens.filter(({ id }) => !isSpecial(id));
  const chosen = tokens.filter(({ label }) => label !== -100);

  it('chooses 15 % of the tokens, wherever they stand', () => {
    expect(candidates.length).toBeGreaterThan(100_000);
    const near = ({ length: n }: unknown[], from: typeof tokens) =>
      Math.abs(n / from.length - 0.15) < margin(0.15, from.length);
    expect(near(chosen, candidates)).toBe(true);
    for (const at of [1, 10, 40])
      expect(
        near(
          ...([chosen, candidates].map((some) => some.filter((t) => t.at === at)) as [
            never[],
            never[],
          ]),
        ),
      ).toBe(true);
  });

  it('makes 80 % of them [MASK], 10 % random, and keeps 10 %', () => {
    const share = (test: (token: (typeof tokens)[number]) => boolean) =>
      chosen.filter(test).length / chosen.length;
    const same = 0.1 / ordinary.length;
    for (const [measured, expected] of [
      [share(({ seen }) => seen === MASK), 0.8],
      [share(({ seen, id }) => seen !== MASK && seen !== id), 0.1 - same],
      [share(({ seen, id }) => seen === id), 0.1 + same],
    ])
      expect(Math.abs(measured - expected)).toBeLessThan(margin(expected, chosen.length));
  });

  it('draws random tokens from all that are not special, equally often', () => {
    const drawn = chosen
      .filter(({ seen, id }) => seen !== MASK && seen !== id)
      .map(({ seen }) => seen);
    expect(drawn.some(isSpecial)).toBe(false);
    for (const id of ordinary) {
      const share = drawn.filter((other) => other === id).length / drawn.length;
      expect(Math.abs(share - 1 / ordinary.length)).toBeLessThan(
        1.2 * margin(1 / ordinary.length, drawn.length),
      );
    }
  });

  it('labels what it chose, never a special token, and changes nothing else', () => {
    const wrong = tokens.filter(({ id, seen, label }) =>
      label === -100 ? seen !== id : label !== id || isSpecial(id),
    );
    expect(wrong).toEqual([]);
  });

  it('fills as many slots in every row of a length', () => {
    masked.forEach(({ labels, maskedPositions, maskedLabels }, r) => {
      const at = labels.flatMap((label, position) => (label === -100 ? [] : [position]));
      const n = all[r].filter((id) => !isSpecial(id)).length;
      expect([Math.max(1, Math.floor(0.15 * n)), Math.max(1, Math.ceil(0.15 * n))]).toContain(
        at.length,
      );
      const rest = 12 - at.length;
      expect(maskedPositions).toEqual([...at, ...new Array(rest).fill(0)]);
      expect(maskedLabels).toEqual([
        ...at.map((position) => all[r][position]),
        ...new Array(rest).fill(-100),
      ]);
    });
    for (const [length, slots] of [
      [1, 1],
      [7, 2],
      [20, 3],
      [128, 20],
      [512, 77],
    ]) {
      const row = Array.from({ length }, () => ordinary[0]);
      expect(
        masker.maskTokens(row, { seed: 1, epoch: 0, example: 0 }).maskedPositions,
      ).toHaveLength(slots);
    }
    const none = masker.maskTokens([CLS, UNK, SEP, PAD], { seed: 1, epoch: 0, example: 0 });
    expect(none).toEqual({
      inputIds: [CLS, UNK, SEP, PAD],
      labels: [-100, -100, -100, -100],
      maskedPositions: [0],
      maskedLabels: [-100],
    });
  });

  it('chooses by seed, epoch and example alone', () => {
    const draw = { seed: 5, epoch: 3, example: 17 };
    const first = masker.maskTokens(all[0], draw);
    expect(new TokenMasker(tokenizer).maskTokens(Int32Array.from(all[0]), draw)).toEqual(first);
    for (const other of [{ seed: 6 }, { epoch: 4 }, { example: 18 }])
      expect(masker.maskTokens(all[0], { ...draw, ...other })).not.toEqual(first);
    // What one epoch masks says nothing of the next.
    const again = all.map((row, example) => masker.maskTokens(row, { seed: 5, epoch: 1, example }));
    const both = again.flatMap(({ labels }, r) =>
      labels.filter((label, at) => label !== -100 && masked[r].labels[at] !== -100),
    );
    expect(Math.abs(both.length / chosen.length - 0.15)).toBeLessThan(margin(0.15, chosen.length));
  });

  /** Any word of w and v is one piece for each letter. */
  const wordTokenizer = (prefix: string) =>
    new BertTokenizer([...SPECIAL, 'w', 'v', `${prefix}w`, `${prefix}v`], {
      tokenizerClass: 'BertTokenizerFast',
      continuingSubwordPrefix: prefix,
    });

  it.each(['##', '@@'])('masks whole words that go on with %s, short and long alike', (prefix) => {
    const words = wordTokenizer(prefix);
    const whole = new TokenMasker(words, { wholeWordMask: true });
    const random = new Philox(3);
    let torn = 0;
    const counts = new Map<number, { all: number; masked: number }>();
    for (let example = 0; example < 1000; example++) {
      const lengths = Array.from({ length: 8 }, () => 1 + random.randint(4));
      const text = lengths.map((length) => 'w'.repeat(length)).join(' ');
      const row = words.encode(text).inputIds;
      const { labels, maskedPositions } = whole.maskTokens(row, { seed: 1, epoch: 0, example });
      expect(maskedPositions).toHaveLength(Math.ceil(0.15 * row.length) + 6);
      let at = 1;
      for (const length of lengths) {
        const chosen = labels.slice(at, at + length).filter((label) => label !== -100).length;
        if (chosen !== 0 && chosen !== length) torn++;
        const count = counts.get(length) ?? { all: 0, masked: 0 };
        counts.set(length, { all: count.all + 1, masked: count.masked + +(chosen > 0) });
        at += length;
      }
    }
    expect([torn, counts.size]).toEqual([0, 4]);
    for (const { all, masked } of counts.values())
      expect(Math.abs(masked / all - 0.15)).toBeLessThan(margin(0.15, all));
  });

  it('has a token to predict in every row, however long its words are', () => {
    const words = wordTokenizer('##');
    const whole = new TokenMasker(words, { wholeWordMask: true });
    for (const [length, slots] of [
      [1, 3],
      [3, 5],
      [8, 8],
      [40, 13],
    ]) {
      const row = words.encode('w'.repeat(length)).inputIds;
      const masked = whole.maskTokens(row, { seed: 1, epoch: 0, example: 0 });
      expect(masked.maskedPositions).toHaveLength(slots);
      const at = Array.from({ length: Math.min(length, slots) }, (_, i) => i + 1);
      expect(masked.maskedPositions.slice(0, at.length)).toEqual(at);
      expect(masked.labels.filter((label) => label !== -100)).toHaveLength(at.length);
    }
    expect(() => new TokenMasker(wordTokenizer(''), { wholeWordMask: true })).toThrow(
      '`wholeWordMask`: expected a tokenizer with a `continuingSubwordPrefix`, got ""',
    );
  });

  it('refuses what it cannot do', () => {
    const draw = { seed: 0, epoch: 0, example: 0 };
    for (const mlmProbability of [0, 1, -0.1, Number.NaN])
      expect(() => new TokenMasker(tokenizer, { mlmProbability })).toThrow(
        'expected a number above 0 and below 1',
      );
    expect(
      () => new TokenMasker(new BertTokenizer(SPECIAL, { additionalSpecialTokens: ['<e>'] })),
    ).toThrow('expected a vocabulary with words to predict');
    for (const id of [-1, 1.5, tokenizer.length, Number.NaN])
      expect(() => masker.maskTokens([id], draw)).toThrow(`id ${id} is not in the vocabulary`);
    expect(() => masker.maskTokens([7], { ...draw, epoch: 65536 })).toThrow(
      'epoch: expected an integer from 0 to 65535',
    );
    expect(() => masker.maskTokens([7], { ...draw, example: -1 })).toThrow(
      'example: expected an integer',
    );
    expect(() => masker.maskTokens([7], { ...draw, seed: 0.5 })).toThrow(
      'seed: expected a safe integer',
    );
  });
});
