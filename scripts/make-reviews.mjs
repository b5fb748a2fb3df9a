// Makes the sample data: data/reviews.tsv, data/reviews-test.tsv and data/vocab.txt.
// The same script gives the same bytes on every machine.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { reviewMaker } from './reviews/sentences.mjs';
import { makeVocabulary } from './reviews/vocabulary.mjs';

const trainCount = 3000;
const testCount = 600;
const vocabularySize = 1000;

/** Uniform numbers in [0, 1) from a 32-bit seed (Tommy Ettinger's mulberry32, public domain). */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000;
  };
}

const review = reviewMaker(mulberry32(2024));
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

const data = fileURLToPath(new URL('../data/', import.meta.url));
const table = (part) => ['text\tlabel', ...part.map(({ text, label }) => `${text}\t${label}`), ''].join('\n');
mkdirSync(data, { recursive: true });
writeFileSync(`${data}reviews.tsv`, table(train));
writeFileSync(`${data}reviews-test.tsv`, table(rows.slice(trainCount)));
writeFileSync(`${data}vocab.txt`, `${vocabulary.join('\n')}\n`);
