import { UsageError } from '../../platform/errors.ts';
import type { Philox } from '../../tensor/random.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { exampleRandom, PAIRING_STREAM } from './draw.ts';

/** Sentences of one text, in order, each as token ids without special tokens. */
export type TokenDocument = readonly (readonly number[])[];

export interface NextSentenceOptions {
  /** Longest example in tokens, special ones included; at least 5. */
  maxLength: number;
  seed: number;
  /** Pairs are drawn anew in each. */
  epoch: number;
  /** Share of the documents that are cut into shorter examples. Default 0.1. */
  shortSequenceProbability?: number;
  /** How many documents before and after the one at hand are in memory for random sentences; at least 1. Default 500. */
  neighbours?: number;
}

/** `[CLS] A [SEP] B [SEP]`, not padded. */
export interface NextSentenceExample {
  inputIds: number[];
  /** 0 up to the first `[SEP]`, 1 from there on. */
  tokenTypeIds: number[];
  /** 0: B follows A; 1: B is from another document. */
  nextSentenceLabel: 0 | 1;
}

/** Reads documents parted by blank lines, a sentence a line. */
export async function* readDocuments(
  lines: AsyncIterable<string> | Iterable<string>,
  tokenizer: BertTokenizer,
): AsyncGenerator<TokenDocument> {
  let document: number[][] = [];
  for await (const line of lines) {
    if (line.trim() !== '')
      document.push(tokenizer.encode(line, null, { addSpecialTokens: false }).inputIds);
    else if (document.length > 0) {
      yield document;
      document = [];
    }
  }
  if (document.length > 0) yield document;
}

/**
 * Makes pairs for next sentence prediction (Devlin et al. 2019, section 3.1 and appendix A.2): A is a random number of
 * sentences; B is, half the time, those that follow, else sentences of another document. A and B together fill the
 * length, in a share of the documents a random shorter one; what is too much goes from the longer of the two, at its
 * front or its back by chance.
 *
 * This is google-research/bert's `create_pretraining_data.py` but in two points. Documents are a stream, of which
 * `neighbours` before and after the one at hand are in memory: random sentences come from those. And a sentence left
 * alone at the end of a document begins no pair: there, as nothing follows it, B would always be random, so that more
 * than half were.
 *
 * @throws UsageError on a bad option, on fewer than two documents, or where none has two sentences.
 */
export async function* nextSentenceExamples(
  documents: AsyncIterable<TokenDocument> | Iterable<TokenDocument>,
  tokenizer: BertTokenizer,
  options: NextSentenceOptions,
): AsyncGenerator<NextSentenceExample> {
  const { maxLength, shortSequenceProbability = 0.1, neighbours = 500, seed, epoch } = options;
  if (!Number.isInteger(maxLength) || maxLength < 5)
    throw new UsageError(
      `maxLength is ${maxLength}; expected a whole number of at least 5: three special tokens and two others`,
    );
  if (!(shortSequenceProbability >= 0 && shortSequenceProbability <= 1))
    throw new UsageError(
      `shortSequenceProbability is ${shortSequenceProbability}; expected a number from 0 to 1`,
    );
  if (!Number.isInteger(neighbours) || neighbours < 1)
    throw new UsageError(`neighbours is ${neighbours}; expected a whole number of at least 1`);

  const { clsTokenId, sepTokenId } = tokenizer;
  const window: TokenDocument[] = [];
  /** Where the document at hand is in the window, and its number. */
  let at = 0;
  let number = 0;
  let isEmpty = true;
  const next = function* () {
    if (at > neighbours) {
      window.shift();
      at--;
    }
    const random = exampleRandom(PAIRING_STREAM, { seed, epoch, example: number++ });
    const maxTokens = maxLength - 3;
    const isShort = random.uniform() < shortSequenceProbability;
    const length = isShort ? 2 + random.randint(maxTokens - 1) : maxTokens;
    for (const { a, b, nextSentenceLabel } of pairs(window, at++, length, random)) {
      isEmpty = false;
      const [first, second] = truncate(a, b, maxTokens, random);
      const inputIds = [clsTokenId, ...first, sepTokenId, ...second, sepTokenId];
      yield {
        inputIds,
        tokenTypeIds: inputIds.map((_, i) => +(i > first.length + 1)),
        nextSentenceLabel,
      };
    }
  };

  for await (const document of documents) {
    const sentences = document.filter((sentence) => sentence.length > 0);
    if (sentences.length === 0) continue;
    window.push(sentences);
    if (window.length - at > neighbours) yield* next();
  }
  if (window.length < 2)
    throw new UsageError(
      `the corpus has ${window.length === 0 ? 'no document' : 'one document only'}; random sentences need another: part documents by a blank line`,
    );
  while (at < window.length) yield* next();
  if (isEmpty)
    throw new UsageError(
      'no document of the corpus has two sentences, one to follow the other: write one a line',
    );
}

interface Pair {
  a: number[];
  b: number[];
  nextSentenceLabel: 0 | 1;
}

/** The pairs that begin in one document, about `length` tokens each. */
function* pairs(
  window: readonly TokenDocument[],
  at: number,
  length: number,
  random: Philox,
): Generator<Pair> {
  const document = window[at];
  let start = 0;
  while (start + 1 < document.length) {
    let end = start + 2;
    let total = document[start].length + document[start + 1].length;
    while (end < document.length && total < length) total += document[end++].length;
    const split = start + 1 + random.randint(end - start - 1);
    const a = document.slice(start, split).flat();
    if (random.uniform() < 0.5) {
      yield { a, b: document.slice(split, end).flat(), nextSentenceLabel: 0 };
      start = end;
    } else {
      const other = window[(at + 1 + random.randint(window.length - 1)) % window.length];
      yield {
        a,
        b: sentencesFrom(other, random.randint(other.length), length - a.length),
        nextSentenceLabel: 1,
      };
      // The sentences after A were not used.
      start = split;
    }
  }
}

/** Tokens of whole sentences, as many as it takes for a length, at least one sentence. */
function sentencesFrom(document: TokenDocument, start: number, length: number): number[] {
  const tokens: number[] = [];
  for (const sentence of document.slice(start)) {
    for (const id of sentence) tokens.push(id);
    if (tokens.length >= length) break;
  }
  return tokens;
}

function truncate(
  a: readonly number[],
  b: readonly number[],
  maxTokens: number,
  random: Philox,
): [number[], number[]] {
  const ends = [a, b].map(({ length }) => ({ from: 0, to: length }));
  const lengthOf = (side: number) => ends[side].to - ends[side].from;
  while (lengthOf(0) + lengthOf(1) > maxTokens) {
    const longer = ends[lengthOf(0) > lengthOf(1) ? 0 : 1];
    if (random.uniform() < 0.5) longer.from++;
    else longer.to--;
  }
  return [a.slice(ends[0].from, ends[0].to), b.slice(ends[1].from, ends[1].to)];
}
