import { describe, expect, it } from 'vitest';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { encodeExamples } from '../../../src/train/data/batch.ts';
import type { InputEvent } from '../../../src/train/recipes/events.ts';
import { reportTags, reportUnseen, UnseenCounter } from '../../../src/train/recipes/reports.ts';

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const tokenizer = new BertTokenizer([...special, 'a', 'b', '한', '##글', 'é', '##s'], {
  doLowerCase: false,
});

interface Text {
  text: string;
  pair?: string;
  words?: string[];
  label?: number[];
}
const encode = (examples: readonly Text[], by: BertTokenizer, maxLength: number) =>
  encodeExamples(examples as never, by, maxLength, 64);

/** The events of texts, by kind. */
function eventsOf(examples: readonly Text[], maxLength = 8, by = tokenizer) {
  const events: InputEvent[] = [];
  const encoded = encode(examples, by, maxLength);
  reportUnseen('x.tsv', { examples, encoded, tokenizer: by, maxLength }, (e) => events.push(e));
  return events;
}

describe('texts that are cut', () => {
  it.each<[string, Text[], number]>([
    ['one that just fits', [{ text: 'a a a a a a' }], 0],
    ['one that does not', [{ text: 'a a a a a a b' }, { text: 'a' }], 1],
    [
      'pairs',
      [
        { text: 'a a', pair: 'b b b' },
        { text: 'a a a', pair: 'b b b' },
      ],
      1,
    ],
  ])('%s', (_, texts, cut) => {
    const event = { event: 'truncated', path: 'x.tsv', cut, texts: texts.length, maxLength: 8 };
    expect(eventsOf(texts)).toEqual(cut > 0 ? [event] : []);
  });
});

describe('words that are lost', () => {
  it('are counted apart: cut off, and without a token', () => {
    const words = ['a', ' ', '\ufeff', 'b', '\u3000', '\u00a0', '\u0007', 'a', 'b', 'as', 'b'];
    const events = eventsOf([{ text: words.join(' '), words, label: words.map(() => 0) }], 6);
    expect(events).toEqual([
      {
        ...{ event: 'lostWords', path: 'x.tsv', words: 11 },
        ...{ cut: 2, withoutToken: 5, maxLength: 6 },
      },
    ]);
  });
});

describe('pieces that the vocabulary lacks', () => {
  const known = Array.from({ length: 30 }, () => ({ text: 'a b a b' }));

  it('are said for a few texts too, with their number', () => {
    const events = eventsOf([...known, { text: '?? x' }, { text: 'a x' }]);
    expect(events).toEqual([
      expect.objectContaining({ event: 'unknownPieces', unread: 1, texts: 32 }),
    ]);
    expect(events[0]).not.toHaveProperty('cause');
    expect(eventsOf(known)).toEqual([]);
  });

  it.each<[string, string, BertTokenizer, string]>([
    ['decomposed', '한글 한글'.normalize('NFD'), tokenizer, 'decomposed'],
    ['accents', 'e\u0301 e\u0301', tokenizer, 'decomposed'],
    ['lower-cased', '한글', new BertTokenizer([...special, '한', '##글']), 'lowerCase'],
    ['capitals', 'AB AB', new BertTokenizer([...special, 'AB', 'CD']), 'lowerCase'],
  ])('are known in another form: %s', (_, text, by, cause) => {
    expect(eventsOf([{ text }], 8, by)).toContainEqual(
      expect.objectContaining({ event: 'unknownPieces', share: 1, cause }),
    );
  });

  it('are counted over parts of a stream as over all of it', () => {
    const texts = [...known, { text: 'x x x' }, { text: 'a b a b a b a b' }];
    const events: InputEvent[] = [];
    const counter = new UnseenCounter(tokenizer, 8);
    for (let i = 0; i < texts.length; i += 7) {
      const examples = texts.slice(i, i + 7);
      counter.add({ examples, encoded: encode(examples, tokenizer, 8) });
    }
    counter.report('x.tsv', (event) => events.push(event));
    expect(events).toEqual(eventsOf(texts));
    expect(events.map(({ event }) => event)).toEqual(['truncated', 'unknownPieces']);
  });
});

it('says when a tokenizer takes away capitals that its vocabulary has', () => {
  const cased = [...special, 'Paris', 'p', '##aris', 'Rome', 'r', '##ome'];
  const texts = [{ text: 'Paris' }, { text: 'Rome' }];
  const kinds = (doLowerCase: boolean) =>
    eventsOf(texts, 8, new BertTokenizer(cased, { doLowerCase })).map(({ event }) => event);
  expect(kinds(true)).toEqual(['loweredVocabulary']);
  expect(kinds(false)).toEqual([]);
});

it.each([
  [['B-PER', 'I-PER', 'O'], undefined],
  [['PER_B', '-'], undefined],
  [['B-PER', 'PERSON', 'O'], ['PERSON']],
  [
    ['NNG', 'VV'],
    ['NNG', 'VV'],
  ],
])('says why tags %o are measured by accuracy', (tags, unusual) => {
  const events: InputEvent[] = [];
  reportTags('x.conll', tags, (event) => events.push(event));
  expect(events.map((event) => 'tags' in event && event.tags)).toEqual(unusual ? [unusual] : []);
});
