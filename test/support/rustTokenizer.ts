import { type JsEncoding, Tokenizer } from 'tokenizers';
import {
  type AddedToken,
  BertTokenizer,
  type BertTokenizerOptions,
  type Encoding,
} from '../../src/text/tokenizer/index.ts';

export const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

const bits = [true, false];

/** Each combination of the switches of normalisation. */
export const switches = bits.flatMap((doLowerCase) =>
  bits.flatMap((stripAccents) =>
    bits.flatMap((tokenizeChineseChars) =>
      bits.map((cleanText) => ({ doLowerCase, stripAccents, tokenizeChineseChars, cleanText })),
    ),
  ),
);

/**
 * What Hugging Face writes for a BERT tokenizer with these options; `vocab` has the usual special
 * tokens.
 */
export function tokenizerJson(vocab: readonly string[], options: BertTokenizerOptions = {}) {
  const ids = Object.fromEntries(vocab.map((token, id) => [token, id]));
  const flags = { single_word: false, lstrip: false, rstrip: false };
  const special = SPECIAL.map((content) => ({
    id: ids[content],
    content,
    ...flags,
    normalized: false,
    special: true,
  }));
  let next = vocab.length;
  const added = (options.addedTokens ?? []).map((token) => {
    const { content, ...given }: AddedToken =
      typeof token === 'string' ? { content: token } : token;
    const {
      singleWord: single_word = false,
      lstrip = false,
      rstrip = false,
      special = false,
    } = given;
    const id = ids[content] ?? next++;
    return {
      id,
      content,
      single_word,
      lstrip,
      rstrip,
      normalized: given.normalized ?? !special,
      special,
    };
  });
  const kept = special.filter(({ id }) => !added.some((token) => token.id === id));
  return {
    version: '1.0',
    truncation: null as object | null,
    padding: null as object | null,
    added_tokens: [...kept, ...added].sort((a, b) => a.id - b.id),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: options.cleanText ?? true,
      handle_chinese_chars: options.tokenizeChineseChars ?? true,
      strip_accents: options.stripAccents ?? null,
      lowercase: options.doLowerCase ?? true,
    } as object | null,
    pre_tokenizer: { type: 'BertPreTokenizer' } as object | null,
    post_processor: {
      type: 'BertProcessing',
      sep: ['[SEP]', ids['[SEP]']],
      cls: ['[CLS]', ids['[CLS]']],
    } as object | null,
    decoder: {
      type: 'WordPiece',
      prefix: options.continuingSubwordPrefix ?? '##',
      cleanup: true,
    } as object | null,
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: options.continuingSubwordPrefix ?? '##',
      max_input_chars_per_word: options.maxInputCharsPerWord ?? 100,
      vocab: ids,
    } as Record<string, unknown>,
  };
}

/** Hugging Face's Rust tokenizer with these options. */
export const rustTokenizer = (
  vocab: readonly string[],
  options?: BertTokenizerOptions,
): Tokenizer => Tokenizer.fromString(JSON.stringify(tokenizerJson(vocab, options)));

/**
 * An encoding as Rust gives it, in our form. Its offsets count code points, ours UTF-16 units:
 * these are brought to ours.
 */
export function fromRust(encoding: JsEncoding, text: string, pair?: string) {
  const sequences = encoding.getSequenceIds();
  const units = [text, pair ?? ''].map(unitsByCodePoint);
  return {
    inputIds: encoding.getIds(),
    attentionMask: encoding.getAttentionMask(),
    tokenTypeIds: encoding.getTypeIds(),
    specialTokensMask: encoding.getSpecialTokensMask(),
    offsetMapping: encoding.getOffsets().map(([start, end], i): [number, number] => {
      const inUnits = units[sequences[i] ?? 0];
      return inUnits ? [inUnits[start], inUnits[end]] : [start, end];
    }),
  };
}

/** Where in UTF-16 each code point begins; `null`: at its own number. */
function unitsByCodePoint(text: string): number[] | null {
  if (!/[\ud800-\udfff]/.test(text)) return null;
  const starts: number[] = [];
  let at = 0;
  for (const char of text) {
    starts.push(at);
    at += char.length;
  }
  return [...starts, at];
}

/** Encodes texts or pairs with both; gives the rows that differ in any field. */
export async function compareWithRust(
  vocab: readonly string[],
  options: BertTokenizerOptions,
  rows: readonly (string | [string, string])[],
): Promise<unknown[]> {
  const ours = new BertTokenizer(vocab, { ...options, tokenizerClass: 'BertTokenizerFast' });
  const theirs = rustTokenizer(vocab, options);
  const encodings = await Promise.all(
    rows.map((row) => (typeof row === 'string' ? theirs.encode(row) : theirs.encode(...row))),
  );
  return rows.flatMap((row, i) => {
    const [text, pair] = typeof row === 'string' ? [row, undefined] : row;
    const a: Encoding = ours.encode(text, pair, { returnOffsetsMapping: true });
    const b: Encoding = fromRust(encodings[i], text, pair);
    // Explained: where decomposing a text puts marks in order, Rust gives the places where they
    // would have stood.
    if (inDisorder(text) || inDisorder(pair ?? '')) a.offsetMapping = b.offsetMapping = [];
    return JSON.stringify(a) === JSON.stringify(b) ? [] : [{ row, ours: a, theirs: b }];
  });
}

function inDisorder(text: string): boolean {
  const kept = Array.from(text.replace(/\p{C}/gu, ''));
  return kept.join('').normalize('NFD') !== kept.map((char) => char.normalize('NFD')).join('');
}
