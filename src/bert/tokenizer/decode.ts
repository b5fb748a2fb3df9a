import { PYTHON_BLANKS } from './characters.ts';

export interface DecodeOptions {
  /** Leave out `[CLS]`, `[SEP]`, `[PAD]`, `[MASK]`, `[UNK]` and additional special tokens. Default false. */
  skipSpecialTokens?: boolean;
  /** Take the blanks before `.,?!` and inside English contractions away. Default: the tokenizer's. */
  cleanUpTokenizationSpaces?: boolean;
}

/** Pieces to text: blanks between words, none before a piece that begins with `prefix`. */
export function joinPieces(tokens: readonly string[], prefix: string): string {
  const text = tokens.join(' ').replaceAll(` ${prefix}`, '');
  let start = 0;
  let end = text.length;
  while (start < end && PYTHON_BLANKS[text.charCodeAt(start)]) start++;
  while (end > start && PYTHON_BLANKS[text.charCodeAt(end - 1)]) end--;
  return text.slice(start, end);
}

/** Hugging Face's `clean_up_tokenization`, replacement by replacement: their order matters. */
export function cleanUp(text: string): string {
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
