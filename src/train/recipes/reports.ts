/** What recipes say of texts before the work begins: what is cut, lost or unknown. */
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { EncodedExample } from '../data/batch.ts';
import type { Example, LabelledData } from '../data/labelledData.ts';
import { predictDefaults } from '../defaults.ts';
import { areEntityTags } from '../metrics/entities.ts';
import { unusualTags } from '../metrics/tagSchemes.ts';
import type { InputEvent, InputEventOf } from './events.ts';

type Report<K extends InputEvent['event']> = (event: InputEventOf<K>) => void;

type ReadReport = Report<'skippedRows' | 'duplicateColumns' | 'encoding' | 'columns'>;

/** Reports what a file was read as, its rows that were skipped, and columns of the same name. */
export function reportRows(
  path: string,
  {
    problems,
    duplicateColumns = [],
    encoding,
    wordColumns,
  }: Omit<LabelledData, 'examples' | 'labels'>,
  report: ReadReport,
): void {
  if (encoding !== undefined) report({ event: 'encoding', path, encoding });
  if (wordColumns) report({ event: 'columns', path, ...wordColumns });
  if (duplicateColumns.length > 0)
    report({ event: 'duplicateColumns', path, columns: duplicateColumns });
  if (problems.length > 0) report({ event: 'skippedRows', path, problems });
}

/** Texts before and after the tokenizer. */
export interface EncodedTexts {
  examples: readonly Pick<Example, 'text' | 'pair' | 'words'>[];
  encoded: readonly EncodedExample[];
}

type EncodingReport = Report<
  'truncated' | 'windows' | 'lostWords' | 'unknownPieces' | 'loweredVocabulary'
>;

/** Share of unknown pieces above which a vocabulary does not fit, and a text is not read. */
const MAX_UNKNOWN = 0.2;
const MOSTLY = 0.5;
/** Texts by which the cause of unknown pieces is judged. */
const JUDGED_TEXTS = 200;

/**
 * Counts what a model does not see of texts: what is cut off, words without a token, and pieces
 * that the vocabulary lacks. Texts may come in several parts.
 * @example
 * const unseen = new UnseenCounter(tokenizer, maxLength);
 * unseen.add({ examples, encoded });
 * unseen.report(path, report);
 */
export class UnseenCounter {
  readonly #tokenizer: BertTokenizer;
  readonly #maxLength: number;
  readonly #counts = { texts: 0, cut: 0, pieces: 0, unknown: 0, unread: 0, split: 0, windows: 0 };
  readonly #words = { words: 0, cut: 0, withoutToken: 0 };
  /** Some texts with unknown pieces. */
  readonly #sample: string[] = [];

  constructor(tokenizer: BertTokenizer, maxLength: number) {
    this.#tokenizer = tokenizer;
    this.#maxLength = maxLength;
  }

  add({ examples, encoded }: EncodedTexts): void {
    for (const [i, example] of encoded.entries()) {
      const { text, pair, words } = examples[i];
      this.#counts.texts++;
      if (words) this.#addWords(words, example);
      else if (example.truncated) this.#counts.cut++;
      else if (example.overflow) {
        this.#counts.split++;
        this.#counts.windows += 1 + example.overflow.length;
      }
      const isUnread = this.#addPieces(example);
      if (isUnread && this.#sample.length < JUDGED_TEXTS)
        this.#sample.push(pair === undefined ? text : `${text} ${pair}`);
    }
  }

  #addWords(words: readonly string[], { lostWords }: EncodedExample): void {
    this.#words.words += words.length;
    this.#words.cut += lostWords?.cut ?? 0;
    this.#words.withoutToken += lostWords?.withoutToken ?? 0;
  }

  /** Returns whether the text has unknown pieces, more of them than known ones. */
  #addPieces({ inputIds, overflow = [] }: EncodedExample): boolean {
    const { unkTokenId, clsTokenId, sepTokenId } = this.#tokenizer;
    let [pieces, unknown] = [0, 0];
    for (const ids of [inputIds, ...overflow.map((window) => window.inputIds)]) {
      for (const id of ids) {
        if (id !== clsTokenId && id !== sepTokenId) pieces++;
        if (id === unkTokenId) unknown++;
      }
    }
    this.#counts.pieces += pieces;
    this.#counts.unknown += unknown;
    const isUnread = unknown > MOSTLY * pieces;
    if (isUnread) this.#counts.unread++;
    return isUnread;
  }

  report(path: string, report: EncodingReport): void {
    const { texts, cut, pieces, unknown, unread, split, windows } = this.#counts;
    const maxLength = this.#maxLength;
    reportTruncated(path, { cut, texts, maxLength }, report);
    if (split > 0) report({ event: 'windows', path, split, windows, texts, maxLength });
    if (this.#words.cut + this.#words.withoutToken > 0)
      report({ event: 'lostWords', path, ...this.#words, maxLength });
    if (unread > 0 || unknown > MAX_UNKNOWN * pieces) {
      const cause = causeOf(this.#sample, this.#tokenizer);
      report({ event: 'unknownPieces', path, share: unknown / pieces, unread, texts, ...cause });
    } else reportLoweredVocabulary(path, this.#tokenizer, report);
  }
}

/** Reports all that a model does not see of texts. */
export function reportUnseen(
  path: string,
  {
    tokenizer,
    maxLength,
    ...texts
  }: EncodedTexts & { tokenizer: BertTokenizer; maxLength: number },
  report: EncodingReport,
): void {
  const counter = new UnseenCounter(tokenizer, maxLength);
  counter.add(texts);
  counter.report(path, report);
}

/** Reports how many texts are cut to `maxLength` tokens. */
export function reportTruncated(
  path: string,
  counts: { cut: number; texts: number; maxLength: number },
  report: Report<'truncated'>,
): void {
  if (counts.cut > 0) report({ event: 'truncated', path, ...counts });
}

/** Why the pieces of texts are unknown, if another form of them is known. */
function causeOf(texts: readonly string[], tokenizer: BertTokenizer) {
  const unknownIn = (some: readonly string[], by: BertTokenizer) =>
    some
      .flatMap((text) => by.convertTokensToIds(by.tokenize(text)))
      .filter((id) => id === by.unkTokenId).length;
  const most = unknownIn(texts, tokenizer) / 2;
  if (most === 0) return undefined;
  const composed = texts.map((text) => text.normalize('NFC'));
  if (unknownIn(composed, tokenizer) <= most) return { cause: 'decomposed' } as const;
  if (unknownIn(texts, casedTwin(tokenizer)) <= most) return { cause: 'lowerCase' } as const;
  return undefined;
}

/** A tokenizer of the same vocabulary that keeps case and accents. */
function casedTwin(tokenizer: BertTokenizer): BertTokenizer {
  const token = (id: number) => tokenizer.convertIdsToTokens(id);
  return new BertTokenizer(vocabularyOf(tokenizer), {
    doLowerCase: false,
    unkToken: token(tokenizer.unkTokenId),
    clsToken: token(tokenizer.clsTokenId),
    sepToken: token(tokenizer.sepTokenId),
    padToken: token(tokenizer.padTokenId),
  });
}

const vocabularyOf = (tokenizer: BertTokenizer): string[] =>
  tokenizer.convertIdsToTokens(Array.from({ length: tokenizer.vocabSize }, (_, id) => id));

/** Share of a vocabulary with capitals or accents from which it is one that keeps them. */
const CASED_SHARE = 0.05;

/** Reports a tokenizer that takes case or accents from texts though its vocabulary has them. */
function reportLoweredVocabulary(
  path: string,
  tokenizer: BertTokenizer,
  report: Report<'loweredVocabulary'>,
): void {
  const vocabulary = vocabularyOf(tokenizer);
  const cased = vocabulary.filter(
    (token) => !/^\[.*\]$|^##/.test(token) && token !== token.toLowerCase().normalize('NFD'),
  );
  if (cased.length < CASED_SHARE * vocabulary.length) return;
  const every = Math.ceil(cased.length / JUDGED_TEXTS);
  const sample = cased.filter((_, i) => i % every === 0);
  const lost = sample.filter((token) => tokenizer.tokenize(token)[0] !== token).length;
  if (lost > sample.length / 2)
    report({ event: 'loweredVocabulary', path, share: cased.length / vocabulary.length });
}

/** Reports why tags are not measured by entities. */
export function reportTags(
  path: string,
  tags: readonly string[],
  report: Report<'noEntityScores'>,
): void {
  if (!areEntityTags(tags))
    report({ event: 'noEntityScores', path, tags: unusualTags(tags), of: tags.length });
}

/** Reports thresholds that a model's folder has, unless they are the usual ones. */
export function reportThresholds(
  model: string,
  labels: readonly string[],
  thresholds: readonly number[],
  report: Report<'thresholds'>,
): void {
  if (thresholds.some((each) => each !== predictDefaults.threshold))
    report({
      event: 'thresholds',
      model,
      thresholds: Object.fromEntries(labels.map((label, id) => [label, thresholds[id]])),
    });
}
