import { type ModelSource, openModelFolder } from '../../formats/modelFolder.ts';
import { checkPieces } from './algorithm.ts';
import { checkList, checkText, within } from './check.ts';
import {
  cleanUpTokenization,
  type DecodeOptions,
  joinTokensFast,
  joinTokensSlow,
  resolveDecodeOptions,
} from './decode.ts';
import {
  type BatchEncoding,
  buildEncoding,
  type Encoding,
  pad,
  type TextOrWords,
  textsOfRow,
  toBatch,
} from './encode.ts';
import {
  type EncodeOptions,
  type ResolvedEncodeOptions,
  resolveEncodeOptions,
} from './encodeOptions.ts';
import {
  type BertTokenizerOptions,
  type ResolvedTokenizerOptions,
  resolveOptions,
  withOverrides,
} from './options.ts';
import type { PassthroughSettings } from './passthrough.ts';
import { TokenizationPipeline } from './pipeline.ts';
import { readTokenizerFolder } from './readFolder.ts';
import { truncate } from './truncate.ts';
import { Vocabulary } from './vocabulary.ts';
import { splitVocabLines } from './vocabularyFile.ts';
import { folderFiles, saveFiles } from './writeFolder.ts';

/**
 * Converts text to token ids and back, exactly as Hugging Face's Python `BertTokenizer`
 * (transformers 4.29) or its Rust `BertTokenizerFast`: cleans a text, splits it into words, and
 * splits words by greedy longest-match WordPiece.
 * @example
 * const tokenizer = await BertTokenizer.fromPretrained('path/to/folder');
 * const { inputIds } = tokenizer.encode('a text', 'a second text');
 * console.log(tokenizer.convertIdsToTokens(inputIds), tokenizer.decode(inputIds));
 */
export class BertTokenizer {
  readonly #options: ResolvedTokenizerOptions;
  readonly #fast: boolean;
  readonly #vocabulary: Vocabulary;
  readonly #specialIds: ReadonlySet<number>;
  readonly #pipeline: TokenizationPipeline;
  #passthroughSettings: PassthroughSettings | undefined;

  /**
   * @param vocab the tokens in the order of their ids, or the text of a `vocab.txt`
   * @param isStored whether added tokens have ids already, as in a folder
   * @throws UsageError on a bad option, or a vocabulary without the unknown, class, separator or
   * padding token.
   */
  constructor(
    vocab: readonly string[] | string,
    options: BertTokenizerOptions = {},
    isStored = false,
  ) {
    const resolved = resolveOptions(options, isStored ? new Set(vocab) : undefined);
    this.#options = resolved;
    this.#fast = resolved.tokenizerClass === 'BertTokenizerFast';

    this.#vocabulary = new Vocabulary(typeof vocab === 'string' ? splitVocabLines(vocab) : vocab);
    checkPieces('the vocabulary', this.#vocabulary.baseTokens, resolved.continuingSubwordPrefix);
    this.#vocabulary.addTokens(resolved);
    const special = resolved.noSplitTokens
      .filter((token) => token.special)
      .map(({ content }) => content);
    this.#specialIds = new Set(special.map((token) => this.#vocabulary.tokenToId(token)!));

    this.#pipeline = new TokenizationPipeline(this.#vocabulary, resolved);
  }

  /**
   * Loads a Hugging Face folder, or a model by its name on the hub (`findModel`). The folder has
   * `vocab.txt`, `tokenizer.json` or both, and optionally `tokenizer_config.json`,
   * `special_tokens_map.json` and `added_tokens.json`. If its `tokenizer_class` ends in `Fast`, or
   * there is no `vocab.txt`, it is read as a `BertTokenizerFast`. A folder of sentence-transformers
   * with `do_lower_case` lower-cases texts.
   * @param options win over the files
   * @throws UsageError when the vocabulary is missing, a file is invalid, or the tokenizer is of
   * another algorithm than WordPiece.
   */
  static async fromPretrained(
    source: ModelSource,
    options: BertTokenizerOptions = {},
  ): Promise<BertTokenizer> {
    const folder = await openModelFolder(source);
    const read = await readTokenizerFolder(folder, options.tokenizerClass);
    const given = withOverrides(read.options, options);
    const isStored = options.addedTokens === undefined;
    const tokenizer = within(folder.name, () => new BertTokenizer(read.vocab, given, isStored));
    tokenizer.#passthroughSettings = read.passthroughSettings;
    return tokenizer;
  }

  /** Writes `files()` in place of another tokenizer's; Python's `from_pretrained` loads them. */
  async savePretrained(dir: string, options: { modelMaxLength?: number } = {}): Promise<void> {
    await saveFiles(dir, this.files(options));
  }

  /**
   * The files of the tokenizer's folder: content by name.
   * @param options `modelMaxLength`: positions of the model that it is saved with. The smaller of
   * this and the tokenizer's own limit is stored, so that Python's pipelines truncate.
   */
  files({ modelMaxLength = Number.POSITIVE_INFINITY } = {}): Record<string, string> {
    const limit = Math.min(modelMaxLength, this.modelMaxLength);
    const options = { ...this.#options, modelMaxLength: limit };
    return folderFiles(this.#vocabulary, options, this.#passthroughSettings);
  }

  /** Which of Hugging Face's tokenizers this one matches. */
  get tokenizerClass(): 'BertTokenizer' | 'BertTokenizerFast' {
    return this.#options.tokenizerClass;
  }

  /** Number of lines of `vocab.txt`, without added tokens. */
  get vocabSize(): number {
    return this.#vocabulary.baseTokens.length;
  }

  /** Number of ids, added tokens included: the rows of an embedding (Python's `len(tokenizer)`). */
  get length(): number {
    return this.#vocabulary.size;
  }

  get continuingSubwordPrefix(): string {
    return this.#options.continuingSubwordPrefix;
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

  /** If the vocabulary has no mask token, the token is added after its last id. */
  get maskTokenId(): number {
    return this.convertTokensToIds(this.#options.maskToken);
  }

  /** The tokens of a text, without adding special tokens. */
  tokenize(text: string): string[] {
    checkText(text, '`text`', false);
    return this.#pipeline.tokens(text);
  }

  /** Unknown tokens get the id of the unknown token. */
  convertTokensToIds(tokens: string): number;
  convertTokensToIds(tokens: readonly string[]): number[];
  convertTokensToIds(tokens: string | readonly string[]): number | number[] {
    const unknown = this.#vocabulary.tokenToId(this.#options.unkToken)!;
    const id = (token: string) => this.#vocabulary.tokenToId(token) ?? unknown;
    if (typeof tokens !== 'string') checkList(tokens, '`tokens`');
    return typeof tokens === 'string' ? id(tokens) : tokens.map(id);
  }

  /** @throws UsageError on an id that is not in the vocabulary. */
  convertIdsToTokens(ids: number): string;
  convertIdsToTokens(ids: ArrayLike<number>): string[];
  convertIdsToTokens(ids: number | ArrayLike<number>): string | string[] {
    if (typeof ids !== 'number') checkList(ids, '`ids`');
    return typeof ids === 'number'
      ? this.#vocabulary.idToToken(ids)
      : Array.from(ids, (id) => this.#vocabulary.idToToken(id));
  }

  /**
   * Encodes a text, or a pair of texts, for the model. An empty second text still makes a pair.
   *
   * With `returnOverflowingTokens`, nothing that truncation removes is lost, as in Hugging Face:
   * a `BertTokenizer` adds `overflowingTokens` and `numTruncatedTokens`; a `BertTokenizerFast`
   * returns a batch, one row for each window of `maxLength` tokens.
   * @throws UsageError on a bad option, if truncation cannot reach `maxLength`, or if a text is not
   * a string (with `isSplitIntoWords` a list of strings).
   * @example
   * const windows = fastTokenizer.encode(question, passage, {
   *   maxLength: 384,
   *   truncation: 'only_second',
   *   stride: 128,
   *   returnOverflowingTokens: true,
   * });
   * // windows.inputIds[i]: question and i-th part of the passage
   * @example
   * const { inputIds, wordIds } = fastTokenizer.encode(['Seoul', 'is', 'large'], null, {
   *   isSplitIntoWords: true,
   * });
   */
  encode(
    text: TextOrWords,
    pair: TextOrWords | null | undefined,
    options: EncodeOptions & { returnOverflowingTokens: true },
  ): Encoding | BatchEncoding;
  encode(text: TextOrWords, pair?: TextOrWords | null, options?: EncodeOptions): Encoding;
  encode(
    text: TextOrWords,
    pair?: TextOrWords | null,
    options: EncodeOptions = {},
  ): Encoding | BatchEncoding {
    const plan = resolveEncodeOptions(options, this.#options);
    const rows = this.#encode(text, pair ?? null, plan);
    if (plan.fast && plan.returnOverflowingTokens) return this.#batch([rows], plan);
    const [encoding] = rows;
    // Python's class does not pad a row without any token.
    if (plan.fast || encoding.inputIds.length > 0)
      pad(rows, encoding.inputIds.length, plan, this.padTokenId);
    return encoding;
  }

  /**
   * Encodes texts or pairs and pads them together. With `returnOverflowingTokens`, a
   * `BertTokenizerFast` returns each window as a row, and `overflowToSampleMapping`.
   * @throws as `encode`, naming the row (from 0).
   * @example
   * const batch = tokenizer.encodeBatch(['one text', ['first', 'second']], { padding: true });
   */
  encodeBatch(
    texts: readonly (TextOrWords | readonly [TextOrWords, TextOrWords])[],
    options: EncodeOptions = {},
  ): BatchEncoding {
    const plan = resolveEncodeOptions(options, this.#options);
    checkList(texts, '`texts`');
    const samples = texts.map((row, index) =>
      within(`row ${index}`, () => this.#encode(...textsOfRow(row, plan), plan)),
    );
    return this.#batch(samples, plan);
  }

  /**
   * Converts ids to text.
   * @throws UsageError on an id outside the vocabulary, or an unknown option.
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    checkList(ids, '`ids`');
    const { skipSpecialTokens, cleanUpTokenizationSpaces } = resolveDecodeOptions(
      options,
      this.#options.cleanUpTokenizationSpaces,
    );
    const { continuingSubwordPrefix: prefix } = this;
    const shown = Array.from(ids).filter((id) => !(skipSpecialTokens && this.#specialIds.has(id)));
    const tokens = this.convertIdsToTokens(shown);
    const text = this.#fast
      ? joinTokensFast(tokens, prefix, this.#passthroughSettings?.cleanup)
      : joinTokensSlow(tokens, prefix, (token) => this.#vocabulary.addedTokensEncoder.has(token));
    return cleanUpTokenizationSpaces ? cleanUpTokenization(text) : text;
  }

  /** The rows of a text or pair: several if it overflows and they are requested. */
  #encode(text: TextOrWords, pair: TextOrWords | null, plan: ResolvedEncodeOptions): Encoding[] {
    checkText(text, '`text`', plan.isSplitIntoWords);
    if (pair !== null) checkText(pair, '`pair`', plan.isSplitIntoWords);
    const sequenceOf = (source: TextOrWords) =>
      typeof source === 'string'
        ? this.#pipeline.sequence(source, plan.returnOffsetsMapping)
        : this.#pipeline.sequenceOfWords(source, plan.returnOffsetsMapping);
    const second = pair === null ? null : sequenceOf(pair);
    const { rows, overflow } = truncate(sequenceOf(text), second, plan);
    const ids = { cls: this.clsTokenId, sep: this.sepTokenId };
    return rows.map((row) => Object.assign(buildEncoding(row, plan, ids), overflow));
  }

  /** Pads the rows of all texts to the longest first row of a text, as Rust does. */
  #batch(samples: readonly Encoding[][], plan: ResolvedEncodeOptions): BatchEncoding {
    const rows = samples.flat();
    const longest = samples.reduce((most, [row]) => Math.max(most, row.inputIds.length), 0);
    pad(rows, longest, plan, this.padTokenId);
    return {
      ...toBatch(rows, plan),
      ...(plan.fast &&
        plan.returnOverflowingTokens && {
          overflowToSampleMapping: samples.flatMap((windows, i) => windows.map(() => i)),
        }),
    };
  }
}
