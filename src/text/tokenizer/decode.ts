import { checkKeys, checkOneOf } from '../../platform/usage.ts';
import { PYTHON_WHITESPACE } from './characters.ts';

/** Options of `decode`. */
export interface DecodeOptions {
  /**
   * Omit `[CLS]`, `[SEP]`, `[PAD]`, `[MASK]`, `[UNK]` and additional special tokens. Default false.
   */
  skipSpecialTokens?: boolean;
  /**
   * Remove blanks before `.,?!` and inside English contractions. Default: the tokenizer's. A
   * `BertTokenizerFast` whose tokenizer.json says `decoder.cleanup` removes them whatever is set.
   */
  cleanUpTokenizationSpaces?: boolean;
}

/**
 * Fills in the defaults.
 * @param cleanUp the tokenizer's `cleanUpTokenizationSpaces`
 * @throws UsageError on an unknown option or an invalid value.
 */
export function resolveDecodeOptions(
  options: DecodeOptions,
  cleanUp: boolean,
): Required<DecodeOptions> {
  const { skipSpecialTokens = false, cleanUpTokenizationSpaces = cleanUp } = options;
  const resolved = { skipSpecialTokens, cleanUpTokenizationSpaces };
  checkKeys(options, Object.keys(resolved), 'decoding option');
  for (const [key, value] of Object.entries(resolved))
    checkOneOf(value, [true, false], `\`${key}\``);
  return resolved;
}

/**
 * Joins tokens as the Rust tokenizer does: with a blank, except before pieces with `prefix`. With
 * `cleanup` each token is cleaned up with the blank before it.
 */
export function joinTokensFast(tokens: readonly string[], prefix: string, cleanup = false): string {
  const parts = tokens.map((token, i) =>
    i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`,
  );
  return (cleanup ? parts.map(cleanUpTokenization) : parts).join('');
}

/** Joins tokens as the Python class does: a piece after an added token keeps its `prefix`. */
export function joinTokensSlow(
  tokens: readonly string[],
  prefix: string,
  isAdded: (token: string) => boolean,
): string {
  const texts: string[] = [];
  let run: string[] = [];
  for (const token of tokens) {
    if (!isAdded(token)) {
      run.push(token);
      continue;
    }
    if (run.length > 0) texts.push(joinPieces(run, prefix));
    texts.push(token);
    run = [];
  }
  if (run.length > 0) texts.push(joinPieces(run, prefix));
  return texts.join(' ');
}

function joinPieces(tokens: readonly string[], prefix: string): string {
  const text = tokens.join(' ').replaceAll(` ${prefix}`, '');
  let start = 0;
  let end = text.length;
  while (start < end && PYTHON_WHITESPACE[text.charCodeAt(start)]) start++;
  while (end > start && PYTHON_WHITESPACE[text.charCodeAt(end - 1)]) end--;
  return text.slice(start, end);
}

/** Hugging Face's `clean_up_tokenization`; the order of the replacements matters. */
export function cleanUpTokenization(text: string): string {
  return text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}
