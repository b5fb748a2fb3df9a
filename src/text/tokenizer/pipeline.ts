import { type AddedTokens, PythonAddedTokens, RustAddedTokens } from './addedTokens.ts';
import { BasicTokenizer } from './basic.ts';
import { CLEANED_WHITESPACE, PYTHON_WHITESPACE, UNICODE_WHITESPACE } from './characters.ts';
import { originalSpan, type TextWithOffsets } from './offsets.ts';
import type { ResolvedTokenizerOptions } from './options.ts';
import type { Sequence } from './truncate.ts';
import type { Vocabulary } from './vocabulary.ts';
import { type Pieces, WordCache } from './wordCache.ts';
import { WordPiece } from './wordpiece.ts';

/** Receives the pieces of a part of the text that begins at index `at`. */
type PieceVisitor = (pieces: Pieces, at: number) => void;

/** Turns a text into tokens, without adding special ones: added tokens, then words, then pieces. */
export class TokenizationPipeline {
  readonly #vocabulary: Vocabulary;
  readonly #addedTokens: AddedTokens;
  /** Added tokens that are searched in the normalised text. */
  readonly #normalizedAddedTokens: RustAddedTokens;
  readonly #basic: BasicTokenizer | null;
  /** 1 for each UTF-16 unit that separates words. */
  readonly #whitespace: Uint8Array;
  readonly #wordCache: WordCache;

  constructor(vocabulary: Vocabulary, options: ResolvedTokenizerOptions) {
    const { noSplitTokens, neverSplit, doLowerCase, doBasicTokenize, unkToken } = options;
    const fast = options.tokenizerClass === 'BertTokenizerFast';
    const special = noSplitTokens.filter((token) => token.special).map(({ content }) => content);
    const basic = new BasicTokenizer({
      ...options,
      fast,
      neverSplit: fast ? [] : [...special, ...neverSplit],
    });
    this.#vocabulary = vocabulary;
    this.#basic = doBasicTokenize ? basic : null;
    this.#whitespace = !doBasicTokenize
      ? PYTHON_WHITESPACE
      : options.cleanText
        ? CLEANED_WHITESPACE
        : UNICODE_WHITESPACE;
    this.#normalizedAddedTokens = new RustAddedTokens(
      fast ? noSplitTokens.filter(({ normalized }) => normalized) : [],
      (content) => basic.normalize(content, false).text,
    );
    this.#addedTokens = fast
      ? new RustAddedTokens(noSplitTokens.filter(({ normalized }) => !normalized))
      : new PythonAddedTokens(noSplitTokens, doLowerCase && doBasicTokenize);

    const wordPiece = new WordPiece(vocabulary.baseTokens, unkToken, options);
    const idOrUnknown = (word: string) =>
      vocabulary.tokenToId(word) ?? vocabulary.tokenToId(unkToken)!;
    const kept = doBasicTokenize
      ? neverSplit.map((word): [string, number] => [word, idOrUnknown(word)])
      : [];
    this.#wordCache = new WordCache(this.#basic, wordPiece, new Map(kept), (id) =>
      vocabulary.idToToken(id),
    );
  }

  tokens(text: string): string[] {
    const tokens: string[] = [];
    this.#visit(text, false, (pieces) => {
      for (const token of pieces.tokens) tokens.push(token);
    });
    return tokens;
  }

  ids(text: string): number[] {
    const ids: number[] = [];
    this.#visit(text, false, (pieces) => {
      for (const id of pieces.ids) ids.push(id);
    });
    return ids;
  }

  /** The ids of a text, with their offsets in it if `withOffsets`. */
  sequence(text: string, withOffsets: boolean): Sequence {
    return withOffsets ? this.#encodeWithOffsets(text) : { ids: this.ids(text) };
  }

  /** The ids of words one after the other, with offsets in their own words if `withOffsets`. */
  sequenceOfWords(words: readonly string[], withOffsets: boolean): Sequence {
    const ids: number[] = [];
    const wordIds: number[] = [];
    const offsets: [number, number][] | undefined = withOffsets ? [] : undefined;
    words.forEach((word, index) => {
      const sequence = this.sequence(word, withOffsets);
      for (const id of sequence.ids) {
        ids.push(id);
        wordIds.push(index);
      }
      for (const offset of sequence.offsets ?? []) offsets!.push(offset);
    });
    return { ids, offsets, wordIds };
  }

  #encodeWithOffsets(text: string): Sequence {
    const ids: number[] = [];
    const offsets: [number, number][] = [];
    const { offsets: sourceOffsets } = this.#visit(text, true, (pieces, at) => {
      const { starts, ends } = pieces.offsets!;
      for (let i = 0; i < starts.length; i++) {
        ids.push(pieces.ids[i]);
        offsets.push([at + starts[i], at + ends[i]]);
      }
    });
    return {
      ids,
      offsets: sourceOffsets
        ? offsets.map(([start, end]) => originalSpan(sourceOffsets, start, end))
        : offsets,
    };
  }

  /** Visits a text piece by piece; returns the text that their indices refer to. */
  #visit(text: string, withOffsets: boolean, visit: PieceVisitor): TextWithOffsets {
    const { source, segments } = this.#addedTokens.split(text, withOffsets);
    if (!segments) this.#visitSegment(source.text, withOffsets, 0, visit);
    else
      for (const { start, end, token } of segments) {
        if (token !== null) visit(this.#addedTokenPieces(token, 0, end - start), start);
        else this.#visitSegment(source.text.slice(start, end), withOffsets, start, visit);
      }
    return source;
  }

  #visitSegment(text: string, withOffsets: boolean, at: number, visit: PieceVisitor): void {
    const basic = this.#basic;
    if (
      basic &&
      this.#normalizedAddedTokens.hasAny &&
      this.#normalizedAddedTokens.test(basic.normalize(text, false).text)
    )
      this.#visitNormalized(basic, text, withOffsets, at, visit);
    else this.#visitWords(text, withOffsets, at, visit);
  }

  /** Visits a text that contains added tokens after normalisation. */
  #visitNormalized(
    basic: BasicTokenizer,
    text: string,
    withOffsets: boolean,
    at: number,
    visit: PieceVisitor,
  ): void {
    const normalized = basic.normalize(text, withOffsets);
    for (const { start, end, token } of this.#normalizedAddedTokens.segments(normalized.text)) {
      if (token === null)
        visit(this.#wordCache.tokenizeWords(basic.split(normalized, start, end), withOffsets), at);
      else
        visit(this.#addedTokenPieces(token, ...originalSpan(normalized.offsets, start, end)), at);
    }
  }

  /** Visits a text without added tokens. It can be split at blanks: no rule looks across them. */
  #visitWords(text: string, withOffsets: boolean, at: number, visit: PieceVisitor): void {
    const whitespace = this.#whitespace;
    let start = 0;
    for (let end = 0; end <= text.length; end++) {
      if (end < text.length && !whitespace[text.charCodeAt(end)]) continue;
      if (end > start)
        visit(this.#wordCache.pieces(text.slice(start, end), withOffsets), at + start);
      start = end + 1;
    }
  }

  #addedTokenPieces(token: string, start: number, end: number): Pieces {
    return {
      tokens: [token],
      ids: [this.#vocabulary.tokenToId(token)!],
      offsets: { starts: [start], ends: [end] },
    };
  }
}
