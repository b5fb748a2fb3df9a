import { PYTHON_WHITESPACE } from './characters.ts';

/** Options of `decode`. */
export interface DecodeOptions {
  /**
   * Omit `[CLS]`, `[SEP]`, `[PAD]`, `[MASK]`, `[UNK]` and additional special tokens. Default false.
   */
  skipSpecialTokens?: boolean;
  /** Remove blanks before `.,?!` and inside English contractions. Default: the tokenizer's. */
  cleanUpTokenizationSpaces?: boolean;
}

/** Joins tokens as the Rust tokenizer does: with a blank, except before pieces with `prefix`. */
export const joinTokensFast = (tokens: readonly string[], prefix: string): string =>
  tokens
    .map((token, i) =>
      i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`,
    )
    .join('');

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
