import { type AddedTokens, PythonAddedTokens, RustAddedTokens } from './addedTokens.ts';
import { BasicTokenizer } from './basic.ts';
import { CLEAN_BLANKS, PYTHON_BLANKS, WHITE_SPACE } from './characters.ts';
import type { Sequence } from './encode.ts';
import { placeOf, type Traced } from './offsets.ts';
import type { ResolvedOptions } from './options.ts';
import type { Vocabulary } from './vocabulary.ts';
import { type Pieces, Stretches } from './wordCache.ts';
import { WordPiece } from './wordpiece.ts';

/** Takes the pieces of a stretch of text that begins at `at`. */
type Visit = (pieces: Pieces, at: number) => void;

/** Text to its own tokens, before special ones are put around them: added tokens, then words, then pieces of words. */
export class Sequencer {
  readonly #vocabulary: Vocabulary;
  readonly #added: AddedTokens;
  /** Added tokens that are looked for in the normalised text. */
  readonly #normalizedAdded: RustAddedTokens;
  readonly #basic: BasicTokenizer | null;
  readonly #blanks: Uint8Array;
  readonly #stretches: Stretches;

  constructor(vocabulary: Vocabulary, options: ResolvedOptions) {
    const { wholeTokens, neverSplit, doLowerCase, doBasicTokenize, unkToken } = options;
    const fast = options.tokenizerClass === 'BertTokenizerFast';
    const special = wholeTokens.filter((token) => token.special).map(({ content }) => content);
    const basic = new BasicTokenizer({
      ...options,
      fast,
      neverSplit: fast ? [] : [...special, ...neverSplit],
    });
    this.#vocabulary = vocabulary;
    this.#basic = doBasicTokenize ? basic : null;
    this.#blanks = !doBasicTokenize
      ? PYTHON_BLANKS
      : options.cleanText
        ? CLEAN_BLANKS
        : WHITE_SPACE;
    this.#normalizedAdded = new RustAddedTokens(
      fast ? wholeTokens.filter(({ normalized }) => normalized) : [],
      (content) => basic.normalize(content, false).text,
    );
    this.#added = fast
      ? new RustAddedTokens(wholeTokens.filter(({ normalized }) => !normalized))
      : new PythonAddedTokens(wholeTokens, doLowerCase && doBasicTokenize);

    const wordPiece = new WordPiece(vocabulary.base, unkToken, options);
    const known = (word: string) => vocabulary.id(word) ?? vocabulary.id(unkToken)!;
    const kept = doBasicTokenize
      ? neverSplit.map((word): [string, number] => [word, known(word)])
      : [];
    this.#stretches = new Stretches(this.#basic, wordPiece, new Map(kept), (id) =>
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
  located(text: string): Sequence {
    const ids: number[] = [];
    const offsets: [number, number][] = [];
    const { places } = this.#visit(text, true, (pieces, at) => {
      const { starts, ends } = pieces.places!;
      for (let i = 0; i < starts.length; i++) {
        ids.push(pieces.ids[i]);
        offsets.push([at + starts[i], at + ends[i]]);
      }
    });
    return {
      ids,
      offsets: places ? offsets.map(([start, end]) => placeOf(places, start, end)) : offsets,
    };
  }

  /** Goes through a text piece by piece; gives the text in which their places count. */
  #visit(text: string, asked: boolean, visit: Visit): Traced {
    const { from, parts } = this.#added.split(text, asked);
    if (!parts) this.#visitPart(from.text, asked, 0, visit);
    else
      for (const { start, end, token } of parts) {
        if (token !== null) visit(this.#whole(token, 0, end - start), start);
        else this.#visitPart(from.text.slice(start, end), asked, start, visit);
      }
    return from;
  }

  #visitPart(text: string, asked: boolean, at: number, visit: Visit): void {
    const basic = this.#basic;
    if (
      basic &&
      this.#normalizedAdded.any &&
      this.#normalizedAdded.test(basic.normalize(text, false).text)
    )
      this.#visitNormalized(basic, text, asked, at, visit);
    else this.#visitStretches(text, asked, at, visit);
  }

  /** Goes through a text in which there are added tokens once it is normalised. */
  #visitNormalized(
    basic: BasicTokenizer,
    text: string,
    asked: boolean,
    at: number,
    visit: Visit,
  ): void {
    const normalized = basic.normalize(text, asked);
    for (const { start, end, token } of this.#normalizedAdded.parts(normalized.text)) {
      if (token === null)
        visit(this.#stretches.cut(basic.split(normalized, start, end), asked), at);
      else visit(this.#whole(token, ...placeOf(normalized.places, start, end)), at);
    }
  }

  /** Goes through a text without added tokens. Blanks cut it exactly: no rule looks across one. */
  #visitStretches(text: string, asked: boolean, at: number, visit: Visit): void {
    const blanks = this.#blanks;
    let start = 0;
    for (let end = 0; end <= text.length; end++) {
      if (end < text.length && !blanks[text.charCodeAt(end)]) continue;
      if (end > start) visit(this.#stretches.pieces(text.slice(start, end), asked), at + start);
      start = end + 1;
    }
  }

  #whole(token: string, start: number, end: number): Pieces {
    return {
      tokens: [token],
      ids: [this.#vocabulary.id(token)!],
      places: { starts: [start], ends: [end] },
    };
  }
}
