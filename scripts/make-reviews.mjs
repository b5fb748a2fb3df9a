// Makes the sample data: data/reviews.tsv, data/reviews-test.tsv and data/vocab.txt.
// The same script gives the same bytes on every machine. Run: node scripts/make-reviews.mjs [FOLDER]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reviewMaker } from './reviews/sentences.mjs';
import { makeVocabulary } from './reviews/vocabulary.mjs';

const trainCount = 3000;
const testCount = 600;
const vocabularySize = 1000;

/** Uniform numbers in (0, 1): Park and Miller's generator, x ← 48271 x mod 2^31 - 1. */
function uniforms(seed) {
  let x = seed;
  return () => {
    x = (48271 * x) % 0x7fffffff;
    return x / 0x7fffffff;
  };
}

const review = reviewMaker(uniforms(2024));
const seen = new Set();

/** A review whose words, in their order, are those of no other. */
function newReview(side) {
  for (;;) {
    const text = review(side);
    const words = text
      .toLowerCase()
      .match(/[a-z]+/g)
      .join(' ');
    if (seen.has(words)) continue;
    seen.add(words);
    return text;
  }
}

const rows = Array.from({ length: trainCount + testCount }, (_, index) => {
  const label = index % 2 === 0 ? 'positive' : 'negative';
  return { text: newReview(label), label };
});
const train = rows.slice(0, trainCount);
const vocabulary = makeVocabulary(
  train.map(({ text }) => text),
  vocabularySize,
);

const folder = process.argv[2] ?? fileURLToPath(new URL('../data/', import.meta.url));
const table = (part) => ['text\tlabel', ...part.map(({ text, label }) => `${text}\t${label}`), ''].join('\n');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'reviews.tsv'), table(train));
writeFileSync(join(folder, 'reviews-test.tsv'), table(rows.slice(trainCount)));
writeFileSync(join(folder, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
