const letters = 'abcdefghijklmnopqrstuvwxyz';
const digits = '0123456789';
const marks = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~’“”–—…';

/**
 * A lower-case WordPiece vocabulary of at most `size` entries: the special tokens, every character
 * (so that no English text is unknown), the words that occur more than once, and parts that several
 * words share.
 */
export function makeVocabulary(texts, size) {
  const wordCounts = count(texts.flatMap((text) => text.toLowerCase().match(/[a-z]+/g) ?? []));
  const partCounts = count([...wordCounts.keys()].flatMap(partsOf));
  const entries = new Set([
    ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
    ...(marks + digits + letters),
    ...Array.from(digits + letters, (char) => `##${char}`),
    ...ranked(wordCounts, 2),
    ...ranked(partCounts, 3),
  ]);
  return [...entries].slice(0, size);
}

/** Parts of a word after its first letter, two to four letters long. */
function partsOf(word) {
  const parts = new Set();
  for (let start = 1; start < word.length - 1; start++)
    for (let end = start + 2; end <= Math.min(start + 4, word.length); end++)
      parts.add(`##${word.slice(start, end)}`);
  return [...parts];
}

function count(items) {
  const counts = new Map();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** Items that occur at least `least` times, the most frequent first, then by alphabet. */
function ranked(counts, least) {
  return [...counts]
    .filter(([, times]) => times >= least)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([item]) => item);
}
