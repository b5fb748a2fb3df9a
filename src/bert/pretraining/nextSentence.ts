import { UsageError } from '../../platform/errors.ts';
import type { Philox } from '../../tensor/random.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { exampleRandom, PAIRING_STREAM } from './draw.ts';

/** Sentences of one document in order, as token ids without special tokens. */
export type TokenDocument = readonly (readonly number[])[];

/** Options of `nextSentenceExamples`. */
export interface NextSentenceOptions {
  /** Longest example in tokens, special ones included; at least 5. */
  maxLength: number;
  seed: number;
  /** Each epoch draws new pairs. */
  epoch: number;
  /** Share of the documents that give shorter examples. Default 0.1. */
  shortSequenceProbability?: number;
  /** Documents kept before and after the current one to draw random sentences from. Default 500. */
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

/**
 * Reads documents separated by blank lines, one sentence per line.
 * @example
 * const lines = ['One sentence.', 'The next one.', '', 'A new text.'];
 * const documents = readDocuments(lines, tokenizer);
 */
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
 * Makes pairs for next sentence prediction (Devlin et al. 2019, §3.1 and appendix A.2). A is a
 * random number of sentences; B is what follows, or half of the time sentences of another document.
 * A and B together fill the length (in a share of the documents, a random shorter length). Excess
 * tokens are removed from the longer of the two, at a random end.
 *
 * It follows google-research/bert's `create_pretraining_data.py` except in two points. Documents
 * are a stream: random sentences come from the `neighbours` before and after the current one. And a
 * single sentence left at the end of a document starts no pair: since nothing follows it, B would
 * always be random, and random pairs would exceed one half.
 *
 * @throws UsageError for an option out of range, fewer than two documents, or documents of only one
 * sentence each.
 * @example
 * const options = { maxLength: 128, seed: 0, epoch: 0 };
 * for await (const row of nextSentenceExamples(documents, tokenizer, options))
 *   console.log(row.inputIds, row.nextSentenceLabel);
 */
export async function* nextSentenceExamples(
  documents: AsyncIterable<TokenDocument> | Iterable<TokenDocument>,
  tokenizer: BertTokenizer,
  options: NextSentenceOptions,
): AsyncGenerator<NextSentenceExample> {
  const { maxLength, shortSequenceProbability = 0.1, neighbours = 500, seed, epoch } = options;
  if (!Number.isInteger(maxLength) || maxLength < 5)
    throw new UsageError(
      `\`maxLength\`: expected an integer of at least 5 (three special tokens and two others), ` +
        `got ${maxLength}`,
    );
  if (!(shortSequenceProbability >= 0 && shortSequenceProbability <= 1))
    throw new UsageError(
      '`shortSequenceProbability`: expected a number from 0 to 1, ' +
        `got ${shortSequenceProbability}`,
    );
  if (!Number.isInteger(neighbours) || neighbours < 1)
    throw new UsageError(`\`neighbours\`: expected an integer of at least 1, got ${neighbours}`);

  const { clsTokenId, sepTokenId } = tokenizer;
  const window: TokenDocument[] = [];
  /** Index of the current document in the window, and its number in the stream. */
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
      'corpus: expected two or more documents, separated by blank lines, to draw random ' +
        `sentences from, got ${window.length}`,
    );
  while (at < window.length) yield* next();
  if (isEmpty)
    throw new UsageError(
      'corpus: expected documents of two or more sentences, one per line, got single sentences',
    );
}

interface Pair {
  a: number[];
  b: number[];
  nextSentenceLabel: 0 | 1;
}

/** Pairs whose A is in one document, about `length` tokens each. */
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

/** Tokens of whole sentences, until they reach a length; at least one sentence. */
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
