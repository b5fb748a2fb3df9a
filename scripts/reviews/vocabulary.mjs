const letters = 'abcdefghijklmnopqrstuvwxyz';
const digits = '0123456789';
const marks = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~’“”–—…';

/**
 * A lower-case WordPiece vocabulary of at most `size` entries: the special tokens, every character (so that no
 * English text is unknown), the frequent words, and the commonest parts that words end with or go on with.
 */
export function makeVocabulary(texts, size) {
  const counts = new Map();
  for (const text of texts)
    for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);

  const entries = new Set(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']);
  for (const char of marks + digits + letters) entries.add(char);
  for (const char of digits + letters) entries.add(`##${char}`);

  // A quarter of what is left goes to the parts of words.
  const wordLimit = entries.size + Math.floor(0.75 * (size - entries.size));
  for (const [word, count] of ranked(counts)) if (count > 1 && entries.size < wordLimit) entries.add(word);
  for (const [part] of ranked(countParts(counts.keys()))) if (entries.size < size) entries.add(part);
  return [...entries];
}

/** Parts of 2 to 5 letters inside words, each with the letters it would save over all words. */
function countParts(words) {
  const counts = new Map();
  for (const word of words)
    for (let start = 1; start < word.length - 1; start++)
      for (let length = 2; length <= 5 && start + length <= word.length; length++) {
        const part = `##${word.slice(start, start + length)}`;
        counts.set(part, (counts.get(part) ?? 0) + length - 1);
      }
  return counts;
}

/** Highest count first, then by alphabet. */
function ranked(counts) {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
