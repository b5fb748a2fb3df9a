import { describe, expect, it } from 'vitest';
import {
  type NextSentenceExample,
  type NextSentenceOptions,
  nextSentenceExamples,
  readDocuments,
  type TokenDocument,
} from '../../../src/bert/pretraining/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';

const tokenizer = new BertTokenizer([
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'a',
  'b',
  '##c',
  '.',
]);
const { clsTokenId: CLS, sepTokenId: SEP } = tokenizer;
const options: NextSentenceOptions = { maxLength: 64, seed: 3, epoch: 0 };

/** Tokens that say where they are from. */
const idOf = (document: number, sentence: number, position: number) =>
  10 + (document * 100 + sentence) * 100 + position;
const placeOf = (id: number) => {
  const place = Math.floor((id - 10) / 100);
  return { document: Math.floor(place / 100), sentence: place % 100, position: (id - 10) % 100 };
};

interface Shape {
  documents: number;
  sentences: number;
  tokens: number;
}

/** Documents of one sentence or more, of one token or more. */
function corpus({ documents, sentences, tokens }: Shape, seed = 1): TokenDocument[] {
  const random = new Philox(seed);
  return Array.from({ length: documents }, (_, d) =>
    Array.from({ length: 1 + random.randint(sentences) }, (_, s) =>
      Array.from({ length: 1 + random.randint(tokens) }, (_, p) => idOf(d, s, p)),
    ),
  );
}

async function examplesOf(
  documents: Iterable<TokenDocument>,
  given: Partial<NextSentenceOptions> = {},
) {
  const examples: NextSentenceExample[] = [];
  for await (const example of nextSentenceExamples(documents, tokenizer, { ...options, ...given }))
    examples.push(example);
  return examples;
}

/** Whether tokens stand like this, one after the other, in a document. */
const isContiguous = (tokens: ReturnType<typeof placeOf>[]) =>
  tokens.slice(1).every(({ document, sentence, position }, i) => {
    const before = tokens[i];
    const goesOn = sentence === before.sentence ? position === before.position + 1 : position === 0;
    return goesOn && document === before.document && sentence - before.sentence <= 1;
  });

/** The two segments; checks what stands around them. */
function segments({ inputIds, tokenTypeIds }: NextSentenceExample) {
  const middle = inputIds.indexOf(SEP);
  const a = inputIds.slice(1, middle);
  const b = inputIds.slice(middle + 1, -1);
  expect(inputIds).toEqual([CLS, ...a, SEP, ...b, SEP]);
  expect(tokenTypeIds).toEqual([
    ...new Array(a.length + 2).fill(0),
    ...new Array(b.length + 1).fill(1),
  ]);
  expect(Math.min(a.length, b.length)).toBeGreaterThan(0);
  return { a: a.map(placeOf), b: b.map(placeOf) };
}

describe('nextSentenceExamples', () => {
  const documents = corpus({ documents: 1500, sentences: 12, tokens: 20 });

  it('pairs half of them with those that follow, half with another document’s', async () => {
    const examples = await examplesOf(documents);
    expect(examples.length).toBeGreaterThan(2000);
    for (const example of examples) {
      expect(example.inputIds.length).toBeLessThanOrEqual(64);
      const { a, b } = segments(example);
      expect([a, b].every(isContiguous)).toBe(true);
      if (example.nextSentenceLabel === 1) expect(a[0].document).not.toBe(b[0].document);
      else {
        expect(a[0].document).toBe(b[0].document);
        expect(b[0].sentence).toBeGreaterThan(a.at(-1)!.sentence);
        // Where nothing was cut off, B begins where A ends.
        if (example.inputIds.length < 64) {
          expect(a[0].position).toBe(0);
          expect(b[0]).toEqual({ ...a.at(-1), sentence: a.at(-1)!.sentence + 1, position: 0 });
        }
      }
    }
    const random =
      examples.filter(({ nextSentenceLabel }) => nextSentenceLabel === 1).length / examples.length;
    expect(Math.abs(random - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / examples.length));
  });

  it('is half and half where every document has two sentences, too', async () => {
    const short = corpus({ documents: 4000, sentences: 1, tokens: 5 }).map(([first], d) => [
      first,
      [idOf(d, 1, 0)],
    ]);
    const examples = await examplesOf(short);
    expect(examples).toHaveLength(4000);
    const random =
      examples.filter(({ nextSentenceLabel }) => nextSentenceLabel === 1).length / 4000;
    expect(Math.abs(random - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / 4000));
  });

  it('fills the length, but for a share of shorter ones', async () => {
    const long = Array.from({ length: 400 }, (_, d) =>
      Array.from({ length: 60 }, (_, s) => Array.from({ length: 4 }, (_, p) => idOf(d, s, p))),
    );
    // The last pair of a document ends with it, and a random B where its own does.
    const lengths = async (shortSequenceProbability: number) => {
      const inner = (await examplesOf(long, { shortSequenceProbability })).filter(
        (example) => example.nextSentenceLabel === 0 && segments(example).b.at(-1)!.sentence < 58,
      );
      return inner.map(({ inputIds }) => inputIds.length);
    };
    const full = await lengths(0);
    expect(full.every((length) => length === 64)).toBe(true);
    const short = await lengths(1);
    // Aims of 2 to 61 tokens, reached with sentences of 4, two at least.
    expect(Math.min(...short)).toBe(3 + 8);
    expect(new Set(short).size).toBe(15);
    const perDocument = new Set<number>();
    for (const example of await examplesOf(long)) {
      const { a, b } = segments(example);
      if (
        example.nextSentenceLabel === 0 &&
        b.at(-1)!.sentence < 58 &&
        example.inputIds.length < 61
      )
        perDocument.add(a[0].document);
    }
    // One aim in ten is short, and 54 of 60 of those so short that it shows.
    const share = 0.1 * (54 / 60);
    expect(Math.abs(perDocument.size / 400 - share)).toBeLessThan(
      4 * Math.sqrt((share * (1 - share)) / 400) + 0.02,
    );
  });

  it('cuts the longer segment, at either end', async () => {
    const wide = Array.from({ length: 200 }, (_, d) =>
      Array.from({ length: 2 }, (_, s) =>
        Array.from({ length: s ? 10 : 90 }, (_, p) => idOf(d, s, p)),
      ),
    );
    let front = 0;
    let cut = 0;
    for (const example of await examplesOf(wide)) {
      const { a, b } = segments(example);
      expect(example.inputIds).toHaveLength(64);
      if (b[0].sentence === 0 || b.length < 10) continue;
      expect(a).toHaveLength(51);
      front += a[0].position;
      cut += 39;
    }
    expect(cut).toBeGreaterThan(1000);
    expect(Math.abs(front / cut - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / cut));
  });

  it('is the same for a seed and an epoch, and another for others', async () => {
    const some = documents.slice(0, 50);
    const first = await examplesOf(some);
    expect(await examplesOf(some)).toEqual(first);
    expect(await examplesOf(some, { epoch: 1 })).not.toEqual(first);
    expect(await examplesOf(some, { seed: 4 })).not.toEqual(first);
  });

  it('reads no further ahead than it must, and takes random sentences from near by', async () => {
    let read = 0;
    function* stream() {
      for (const document of documents) {
        read++;
        yield document;
      }
    }
    const from = new Set<number>();
    for await (const example of nextSentenceExamples(stream(), tokenizer, {
      ...options,
      neighbours: 7,
    })) {
      const { a, b } = segments(example);
      expect(read - 1 - a[0].document).toBeLessThanOrEqual(7);
      expect(Math.abs(a[0].document - b[0].document)).toBeLessThanOrEqual(7);
      if (a[0].document > 7 && a[0].document < 1490) from.add(b[0].document - a[0].document);
    }
    expect(from.size).toBe(15);
  });

  it('passes over documents and sentences without tokens', async () => {
    const [first, second] = corpus({ documents: 2, sentences: 5, tokens: 5 }, 8);
    const examples = await examplesOf([[], first, [[], []], [[], ...second, []]]);
    expect(examples).toEqual(await examplesOf([first, second]));
  });

  it.each([
    [{ maxLength: 4 }, documents, '`maxLength`: expected an integer of at least 5'],
    [
      { shortSequenceProbability: 2 },
      documents,
      '`shortSequenceProbability`: expected a number from 0 to 1, got 2',
    ],
    [{ neighbours: 0 }, documents, '`neighbours`: expected an integer of at least 1, got 0'],
    [{ epoch: -1 }, documents, 'epoch: expected an integer from 0'],
    [{}, [], 'corpus: expected two or more documents'],
    [{}, [[[7], [8]]], 'corpus: expected two or more documents'],
    [{}, [[[7]], [[8]]], 'corpus: expected documents of two or more sentences'],
  ])('refuses %j', async (given, from, message) => {
    await expect(examplesOf(from, given)).rejects.toThrow(message);
  });
});

describe('readDocuments', () => {
  it('parts documents at blank lines', async () => {
    const read = async (lines: string[]) => {
      const found: TokenDocument[] = [];
      for await (const document of readDocuments(lines, tokenizer)) found.push(document);
      return found;
    };
    const a = [5, 8];
    const b = [6, 7];
    expect(await read(['A .', 'bc', '', ' \t\r', 'bc'])).toEqual([[a, b], [b]]);
    expect(await read(['', 'a.', ''])).toEqual([[a]]);
    expect(await read([' '])).toEqual([]);
  });
});
