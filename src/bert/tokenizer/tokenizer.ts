import { UsageError } from '../../platform/errors.ts';
import { writeFiles } from '../../platform/files.ts';
import { findModel } from '../../platform/hub.ts';
import { BasicTokenizer } from './basic.ts';
import { classOf, isPythonSpace, SPACE } from './characters.ts';
import { checkArray, checkKeys, checkOneOf, checkString, show } from './check.ts';
import { cleanUp, type DecodeOptions, joinPieces } from './decode.ts';
import type { BatchEncoding, EncodeOptions, EncodePlan, Encoding } from './encode.ts';
import { assemble, pad, planEncoding, truncate } from './encode.ts';
import { folderFiles, readFolder, vocabLines } from './folder.ts';
import { type BertTokenizerOptions, override, type ResolvedOptions, resolveOptions } from './options.ts';
import { WholeTokens } from './special.ts';
import { Vocabulary } from './vocabulary.ts';
import { WordPiece } from './wordpiece.ts';

/** What a stretch of text between two blanks becomes. */
interface Pieces {
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
}

// Words repeat, so most stretches are found in the cache; long ones are rarely words and would cost memory.
const CACHED_STRETCHES = 1 << 15;
const LONGEST_CACHED = 48;
const SHORT_SLICE = 12;

const isSpace = (unit: number) => classOf(unit) === SPACE;

/**
 * Text to token ids and back, exactly as Hugging Face's Python `BertTokenizer` (transformers 4.29): cleaning and
 * splitting into words, then greedy longest-first WordPiece.
 */
export class BertTokenizer {
  readonly #options: ResolvedOptions;
  readonly #vocabulary: Vocabulary;
  readonly #special: readonly string[];
  readonly #specialIds: ReadonlySet<number>;
  readonly #whole: WholeTokens;
  readonly #basic: BasicTokenizer | null;
  readonly #neverSplit: ReadonlySet<string>;
  readonly #wordPiece: WordPiece;
  #cache = new Map<string, Pieces>();
  #olderCache = new Map<string, Pieces>();

  /**
   * @param vocab the tokens in the order of their ids, or the text of a `vocab.txt`.
   * @throws UsageError on a bad option, or a vocabulary without the unknown, class, separator or padding token.
   */
  constructor(vocab: readonly string[] | string, options: BertTokenizerOptions = {}) {
    const resolved = resolveOptions(options);
    const { unkToken, sepToken, padToken, clsToken, maskToken, additionalSpecialTokens } = resolved;
    this.#options = resolved;
    this.#special = [unkToken, sepToken, padToken, clsToken, maskToken, ...additionalSpecialTokens];

    const lower = resolved.doLowerCase && resolved.doBasicTokenize;
    const added = resolved.addedTokens.map((token) => (lower && !this.#special.includes(token) ? token.toLowerCase() : token));
    this.#vocabulary = new Vocabulary(typeof vocab === 'string' ? vocabLines(vocab) : vocab);
    // Before there are added tokens: an unknown word must get an id of the vocabulary proper.
    this.#vocabulary.require(unkToken);
    for (const token of added) this.#vocabulary.add(token);
    for (const token of [clsToken, sepToken, padToken]) this.#vocabulary.require(token);
    for (const token of this.#special) this.#vocabulary.add(token);
    this.#specialIds = new Set(this.#special.map((token) => this.#vocabulary.id(token)!));

    this.#whole = new WholeTokens([...this.#special, ...added]);
    this.#neverSplit = new Set(resolved.neverSplit);
    this.#basic = resolved.doBasicTokenize
      ? new BasicTokenizer({ ...resolved, neverSplit: [...this.#special, ...resolved.neverSplit] })
      : null;
    this.#wordPiece = new WordPiece(this.#vocabulary.base, unkToken);
  }

  /**
   * Loads a folder as Hugging Face writes it: `vocab.txt` (or `tokenizer.json`) and, where they are there,
   * `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`; `options` go before what the files say.
   * @throws UsageError when the vocabulary is missing or a file is not what it should be.
   */
  static async fromPretrained(dir: string, options: BertTokenizerOptions = {}): Promise<BertTokenizer> {
    const folder = await readFolder(await findModel(dir));
    return new BertTokenizer(folder.vocab, override(folder.options, options));
  }

  /** Writes `files()` into a folder, which Python's `BertTokenizer.from_pretrained` loads. */
  async savePretrained(dir: string): Promise<void> {
    await writeFiles(dir, this.files());
  }

  /** The files of the tokenizer's folder: name → content. */
  files(): Record<string, string> {
    return folderFiles(this.#vocabulary, this.#options);
  }

  /** Lines of `vocab.txt`; added tokens not counted. */
  get vocabSize(): number {
    return this.#vocabulary.base.length;
  }

  /** All ids there are, added tokens included: the rows an embedding needs (Python's `len(tokenizer)`). */
  get length(): number {
    return this.#vocabulary.size;
  }

  get modelMaxLength(): number {
    return this.#options.modelMaxLength;
  }

  get unkTokenId(): number {
    return this.convertTokensToIds(this.#options.unkToken);
  }

  get sepTokenId(): number {
    return this.convertTokensToIds(this.#options.sepToken);
  }

  get padTokenId(): number {
    return this.convertTokensToIds(this.#options.padToken);
  }

  get clsTokenId(): number {
    return this.convertTokensToIds(this.#options.clsToken);
  }

  /** Where the vocabulary has no mask token, the id after its last. */
  get maskTokenId(): number {
    return this.convertTokensToIds(this.#options.maskToken);
  }

  /** The tokens of a text, without special tokens around them. */
  tokenize(text: string): string[] {
    return this.#pieces(text).flatMap((pieces) => pieces.tokens);
  }

  /** A token that is not in the vocabulary gets the unknown token's id. */
  convertTokensToIds(tokens: string): number;
  convertTokensToIds(tokens: readonly string[]): number[];
  convertTokensToIds(tokens: string | readonly string[]): number | number[] {
    const unknown = this.#vocabulary.id(this.#options.unkToken)!;
    const id = (token: string) => this.#vocabulary.id(token) ?? unknown;
    return typeof tokens === 'string' ? id(tokens) : tokens.map(id);
  }

  /** @throws UsageError on an id that is not in the vocabulary. */
  convertIdsToTokens(ids: number): string;
  convertIdsToTokens(ids: ArrayLike<number>): string[];
  convertIdsToTokens(ids: number | ArrayLike<number>): string | string[] {
    return typeof ids === 'number' ? this.#vocabulary.token(ids) : Array.from(ids, (id) => this.#vocabulary.token(id));
  }

  /**
   * A text, or a pair of texts (an empty second text is one too), ready for the model.
   * @throws UsageError on a bad option, or a truncation that cannot reach `maxLength`.
   */
  encode(text: string, pair?: string | null, options: EncodeOptions = {}): Encoding {
    const plan = planEncoding(options, this.#options.modelMaxLength);
    const encoding = this.#encode(text, pair ?? null, plan);
    pad([encoding], plan, this.padTokenId);
    return encoding;
  }

  /** Several texts or pairs, padded together as `padding` says. Throws as `encode`, naming the row (from 0). */
  encodeBatch(texts: readonly (string | readonly [string, string])[], options: EncodeOptions = {}): BatchEncoding {
    const plan = planEncoding(options, this.#options.modelMaxLength);
    checkArray(texts, 'texts');
    const rows = texts.map((row, index) => {
      try {
        if (typeof row === 'string') return this.#encode(row, null, plan);
        const pair: readonly string[] = row;
        if (!Array.isArray(pair) || pair.length !== 2) throw new UsageError(`${show(pair)} is neither a string nor two of them`);
        return this.#encode(pair[0], pair[1], plan);
      } catch (error) {
        throw error instanceof UsageError ? new UsageError(`row ${index}: ${error.message}`) : error;
      }
    });
    pad(rows, plan, this.padTokenId);
    return {
      inputIds: rows.map((row) => row.inputIds),
      attentionMask: rows.map((row) => row.attentionMask),
      tokenTypeIds: rows.map((row) => row.tokenTypeIds),
      specialTokensMask: rows.map((row) => row.specialTokensMask),
    };
  }

  /** Ids to text. @throws UsageError on an id that is not in the vocabulary, or an unknown option. */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    checkKeys(options, ['skipSpecialTokens', 'cleanUpTokenizationSpaces'], 'decoding option');
    const { skipSpecialTokens = false, cleanUpTokenizationSpaces = true } = options;
    checkOneOf(skipSpecialTokens, [true, false], 'skipSpecialTokens');
    checkOneOf(cleanUpTokenizationSpaces, [true, false], 'cleanUpTokenizationSpaces');

    // Added tokens stand alone: a `##` piece after one keeps its mark.
    const texts: string[] = [];
    let run: string[] = [];
    for (const token of this.convertIdsToTokens(ids)) {
      if (skipSpecialTokens && this.#specialIds.has(this.#vocabulary.id(token)!)) continue;
      if (!this.#vocabulary.added.has(token)) {
        run.push(token);
        continue;
      }
      if (run.length > 0) texts.push(joinPieces(run));
      texts.push(token);
      run = [];
    }
    if (run.length > 0) texts.push(joinPieces(run));
    const text = texts.join(' ');
    return cleanUpTokenizationSpaces ? cleanUp(text) : text;
  }

  #encode(text: string, pair: string | null, plan: EncodePlan): Encoding {
    const first = this.#ids(text, 'text');
    const second = pair === null ? null : this.#ids(pair, 'pair');
    truncate(first, second, plan);
    return assemble(first, second, plan, this.clsTokenId, this.sepTokenId);
  }

  #ids(text: string, name: string): number[] {
    const ids: number[] = [];
    for (const pieces of this.#pieces(text, name)) for (const id of pieces.ids) ids.push(id);
    return ids;
  }

  #pieces(text: string, name = 'text'): Pieces[] {
    checkString(text, name);
    const pieces: Pieces[] = [];
    const cased = this.#basic && this.#options.doLowerCase ? this.#whole.lowerCaseAround(text) : text;
    this.#whole.split(cased).forEach((part, index) => {
      if (index % 2) pieces.push({ tokens: [part], ids: [this.convertTokensToIds(part)] });
      else this.#stretches(part, pieces);
    });
    return pieces;
  }

  /** Pieces of a text without special tokens. Blanks cut it exactly: no rule looks across one. */
  #stretches(text: string, pieces: Pieces[]): void {
    const ends = this.#basic ? isSpace : isPythonSpace;
    let start = 0;
    for (let at = 0; at <= text.length; at++) {
      if (at < text.length && !ends(text.charCodeAt(at))) continue;
      if (at > start) {
        const stretch = text.slice(start, at);
        pieces.push(this.#cache.get(stretch) ?? this.#uncached(stretch));
      }
      start = at + 1;
    }
  }

  /** Two generations bound the cache and keep what is used: the older one goes when the newer one is full. */
  #uncached(stretch: string): Pieces {
    const pieces = this.#olderCache.get(stretch) ?? this.#compute(stretch);
    if (stretch.length > LONGEST_CACHED) return pieces;
    if (this.#cache.size === CACHED_STRETCHES) {
      this.#olderCache = this.#cache;
      this.#cache = new Map();
    }
    // Engines copy short slices; a long one would keep the whole text it was cut from.
    const key = stretch.length < SHORT_SLICE ? stretch : Array.from(stretch).join('');
    this.#cache.set(key, pieces);
    return pieces;
  }

  #compute(stretch: string): Pieces {
    const tokens: string[] = [];
    const ids: number[] = [];
    const add = (token: string, id: number) => {
      tokens.push(token);
      ids.push(id);
    };
    for (const word of this.#basic ? this.#basic.tokenize(stretch) : [stretch]) {
      if (this.#basic && this.#neverSplit.has(word)) add(word, this.convertTokensToIds(word));
      else for (const id of this.#wordPiece.ids(word)) add(this.#vocabulary.token(id), id);
    }
    return { tokens, ids };
  }
}
