import { type AddedTokens, PythonAddedTokens, RustAddedTokens } from './addedTokens.ts';
import { BasicTokenizer } from './basic.ts';
import { CLEANED_WHITESPACE, PYTHON_WHITESPACE, UNICODE_WHITESPACE } from './characters.ts';
import type { Sequence } from './encode.ts';
import { originalSpan, type TextWithOffsets } from './offsets.ts';
import type { ResolvedTokenizerOptions } from './options.ts';
import type { Vocabulary } from './vocabulary.ts';
import { type Pieces, WordCache } from './wordCache.ts';
import { WordPiece } from './wordpiece.ts';

/** Takes the pieces of a stretch of text that begins at `at`. */
type PieceVisitor = (pieces: Pieces, at: number) => void;

/** Text to its own tokens, before special ones are put around them: added tokens, then words, then pieces of words. */
export class TokenizationPipeline {
  readonly #vocabulary: Vocabulary;
  readonly #addedTokens: AddedTokens;
  /** Added tokens that are looked for in the normalised text. */
  readonly #normalizedAddedTokens: RustAddedTokens;
  readonly #basic: BasicTokenizer | null;
  readonly #blanks: Uint8Array;
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
    this.#blanks = !doBasicTokenize
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
    const known = (word: string) => vocabulary.id(word) ?? vocabulary.id(unkToken)!;
    const kept = doBasicTokenize
      ? neverSplit.map((word): [string, number] => [word, known(word)])
      : [];
    this.#wordCache = new WordCache(this.#basic, wordPiece, new Map(kept), (id) =>
      vocabulary.token(id),
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

  /** Ids, and where in the text each comes from. */
  encodeWithOffsets(text: string): Sequence {
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

  /** Goes through a text piece by piece; gives the text in which their places count. */
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

  /** Goes through a text in which there are added tokens once it is normalised. */
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

  /** Goes through a text without added tokens. Blanks cut it exactly: no rule looks across one. */
  #visitWords(text: string, withOffsets: boolean, at: number, visit: PieceVisitor): void {
    const whitespace = this.#blanks;
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
      ids: [this.#vocabulary.id(token)!],
      offsets: { starts: [start], ends: [end] },
    };
  }
}
