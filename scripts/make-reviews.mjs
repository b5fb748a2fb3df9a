// Makes the sample data in data/: English reviews with a vocabulary, and Korean ones.
// It gives the same bytes on every machine. Run: node scripts/make-reviews.mjs [FOLDER]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { koreanReviewMaker } from './reviews/korean.mjs';
import { reviewMaker } from './reviews/sentences.mjs';
import { makeVocabulary } from './reviews/vocabulary.mjs';

const english = { train: 3000, test: 600 };
const korean = { train: 1200, test: 400 };
const vocabularySize = 1000;

/** Uniform numbers in (0, 1): Park and Miller's generator, x ← 48271 x mod 2^31 - 1. */
function uniforms(seed) {
  let x = seed;
  return () => {
    x = (48271 * x) % 0x7fffffff;
    return x / 0x7fffffff;
  };
}

/** Distinct reviews (no two have the same words in the same order); every other one is positive. */
function makeRows(review, { train, test }) {
  const seen = new Set();
  const newReview = (side) => {
    for (;;) {
      const text = review(side);
      const words = text
        .toLowerCase()
        .match(/\p{L}+/gu)
        .join(' ');
      if (seen.has(words)) continue;
      seen.add(words);
      return text;
    }
  };
  const rows = Array.from({ length: train + test }, (_, index) => {
    const label = index % 2 === 0 ? 'positive' : 'negative';
    return { text: newReview(label), label };
  });
  return { train: rows.slice(0, train), test: rows.slice(train) };
}

const inEnglish = makeRows(reviewMaker(uniforms(2024)), english);
const inKorean = makeRows(koreanReviewMaker(uniforms(2025)), korean);
const vocabulary = makeVocabulary(
  inEnglish.train.map(({ text }) => text),
  vocabularySize,
);

const folder = process.argv[2] ?? fileURLToPath(new URL('../data', import.meta.url));
const table = (part) =>
  ['text\tlabel', ...part.map(({ text, label }) => `${text}\t${label}`), ''].join('\n');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'reviews.tsv'), table(inEnglish.train));
writeFileSync(join(folder, 'reviews-test.tsv'), table(inEnglish.test));
writeFileSync(join(folder, 'reviews-ko.tsv'), table(inKorean.train));
writeFileSync(join(folder, 'reviews-ko-test.tsv'), table(inKorean.test));
writeFileSync(join(folder, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
