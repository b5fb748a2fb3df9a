import { type ModelSource, openModelFolder } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { writeFiles } from '../../platform/files.ts';
import { checkArray, checkKeys, checkOneOf, checkString, formatValue } from './check.ts';
import {
  cleanUpTokenization,
  type DecodeOptions,
  joinTokensFast,
  joinTokensSlow,
} from './decode.ts';
import type {
  BatchEncoding,
  EncodeOptions,
  Encoding,
  ResolvedEncodeOptions,
  Sequence,
} from './encode.ts';
import { buildEncoding, pad, resolveEncodeOptions, truncate } from './encode.ts';
import { folderFiles, readTokenizerFolder, splitVocabLines } from './folder.ts';
import {
  type BertTokenizerOptions,
  type ResolvedTokenizerOptions,
  resolveOptions,
  withOverrides,
} from './options.ts';
import { TokenizationPipeline } from './pipeline.ts';
import type { PassthroughSettings } from './tokenizerJson.ts';
import { Vocabulary } from './vocabulary.ts';

/**
 * Text to token ids and back, exactly as Hugging Face's Python `BertTokenizer` (transformers 4.29) or its Rust
 * `BertTokenizerFast`: cleaning and splitting into words, then greedy longest-first WordPiece.
 */
export class BertTokenizer {
  readonly #options: ResolvedTokenizerOptions;
  readonly #fast: boolean;
  readonly #vocabulary: Vocabulary;
  readonly #specialIds: ReadonlySet<number>;
  readonly #pipeline: TokenizationPipeline;
  #passthroughSettings: PassthroughSettings | undefined;

  /**
   * @param vocab the tokens in the order of their ids, or the text of a `vocab.txt`.
   * @throws UsageError on a bad option, or a vocabulary without the unknown, class, separator or padding token.
   */
  constructor(vocab: readonly string[] | string, options: BertTokenizerOptions = {}) {
    const resolved = resolveOptions(options);
    const { unkToken, sepToken, padToken, clsToken, noSplitTokens } = resolved;
    this.#options = resolved;
    this.#fast = resolved.tokenizerClass === 'BertTokenizerFast';

    this.#vocabulary = new Vocabulary(typeof vocab === 'string' ? splitVocabLines(vocab) : vocab);
    // Before there are added tokens: an unknown word must get an id of the vocabulary proper.
    this.#vocabulary.require(unkToken);
    for (const { content } of resolved.addedTokens) this.#vocabulary.add(content);
    for (const token of [clsToken, sepToken, padToken]) this.#vocabulary.require(token);
    for (const { content } of noSplitTokens) this.#vocabulary.add(content);
    const special = noSplitTokens.filter((token) => token.special).map(({ content }) => content);
    this.#specialIds = new Set(special.map((token) => this.#vocabulary.id(token)!));

    this.#pipeline = new TokenizationPipeline(this.#vocabulary, resolved);
  }

  /**
   * Loads a folder as Hugging Face writes it, by its path, its name on the hub, or opened already
   * (`openModelFolder`): `vocab.txt`, `tokenizer.json` or both and, if present,
   * `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`; `options` override
   * what the files say.
   * A folder whose `tokenizer_class` ends in `Fast`, or without a `vocab.txt`, is read as a `BertTokenizerFast`'s.
   * @throws UsageError when the vocabulary is missing or a file is not what it should be.
   */
  static async fromPretrained(
    source: ModelSource,
    options: BertTokenizerOptions = {},
  ): Promise<BertTokenizer> {
    const { dir } = await openModelFolder(source);
    const folder = await readTokenizerFolder(dir, options.tokenizerClass);
    const tokenizer = new BertTokenizer(folder.vocab, withOverrides(folder.options, options));
    tokenizer.#passthroughSettings = folder.passthroughSettings;
    return tokenizer;
  }

  /** Writes `files()` into a folder, which Python's `from_pretrained` loads. */
  async savePretrained(dir: string): Promise<void> {
    await writeFiles(dir, this.files());
  }

  /** The files of the tokenizer's folder: name → content. */
  files(): Record<string, string> {
    return folderFiles(this.#vocabulary, this.#options, this.#passthroughSettings);
  }

  /** Which of Hugging Face's tokenizers this one follows. */
  get tokenizerClass(): 'BertTokenizer' | 'BertTokenizerFast' {
    return this.#options.tokenizerClass;
  }

  /** Lines of `vocab.txt`; added tokens not counted. */
  get vocabSize(): number {
    return this.#vocabulary.baseTokens.length;
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
    checkString(text, 'text');
    return this.#pipeline.tokens(text);
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
    return typeof ids === 'number'
      ? this.#vocabulary.token(ids)
      : Array.from(ids, (id) => this.#vocabulary.token(id));
  }

  /**
   * A text, or a pair of texts (an empty second text is one too), ready for the model.
   * @throws UsageError on a bad option, or a truncation that cannot reach `maxLength`.
   */
  encode(text: string, pair?: string | null, options: EncodeOptions = {}): Encoding {
    const plan = resolveEncodeOptions(options, this.#options);
    const encoding = this.#encode(text, pair ?? null, plan);
    pad([encoding], plan, this.padTokenId);
    return encoding;
  }

  /** Several texts or pairs, padded together as `padding` says. Throws as `encode`, naming the row (from 0). */
  encodeBatch(
    texts: readonly (string | readonly [string, string])[],
    options: EncodeOptions = {},
  ): BatchEncoding {
    const plan = resolveEncodeOptions(options, this.#options);
    checkArray(texts, 'texts');
    const rows = texts.map((row, index) => {
      try {
        if (typeof row === 'string') return this.#encode(row, null, plan);
        const pair: readonly string[] = row;
        if (!Array.isArray(pair) || pair.length !== 2)
          throw new UsageError(`${formatValue(pair)} is neither a string nor two of them`);
        return this.#encode(pair[0], pair[1], plan);
      } catch (error) {
        throw error instanceof UsageError
          ? new UsageError(`row ${index}: ${error.message}`)
          : error;
      }
    });
    pad(rows, plan, this.padTokenId);
    return {
      inputIds: rows.map((row) => row.inputIds),
      attentionMask: rows.map((row) => row.attentionMask),
      tokenTypeIds: rows.map((row) => row.tokenTypeIds),
      specialTokensMask: rows.map((row) => row.specialTokensMask),
      ...(plan.returnOffsetsMapping && { offsetMapping: rows.map((row) => row.offsetMapping!) }),
    };
  }

  /** Ids to text. @throws UsageError on an id that is not in the vocabulary, or an unknown option. */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    checkKeys(options, ['skipSpecialTokens', 'cleanUpTokenizationSpaces'], 'decoding option');
    const {
      skipSpecialTokens = false,
      cleanUpTokenizationSpaces = this.#options.cleanUpTokenizationSpaces,
    } = options;
    checkOneOf(skipSpecialTokens, [true, false], 'skipSpecialTokens');
    checkOneOf(cleanUpTokenizationSpaces, [true, false], 'cleanUpTokenizationSpaces');

    const { continuingSubwordPrefix: prefix } = this.#options;
    const shown = Array.from(ids).filter((id) => !(skipSpecialTokens && this.#specialIds.has(id)));
    const tokens = this.convertIdsToTokens(shown);
    const text = this.#fast
      ? joinTokensFast(tokens, prefix)
      : joinTokensSlow(tokens, prefix, (token) => this.#vocabulary.addedTokensEncoder.has(token));
    return cleanUpTokenizationSpaces ? cleanUpTokenization(text) : text;
  }

  #encode(text: string, pair: string | null, plan: ResolvedEncodeOptions): Encoding {
    checkString(text, 'text');
    if (pair !== null) checkString(pair, 'pair');
    const sequence = (of: string): Sequence =>
      plan.returnOffsetsMapping
        ? this.#pipeline.encodeWithOffsets(of)
        : { ids: this.#pipeline.ids(of) };
    const first = sequence(text);
    const second = pair === null ? null : sequence(pair);
    truncate(first, second, plan, this.#fast);
    return buildEncoding(first, second, plan, {
      cls: this.clsTokenId,
      sep: this.sepTokenId,
      fast: this.#fast,
    });
  }
}
