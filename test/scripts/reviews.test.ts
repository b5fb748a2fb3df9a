import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readData } from '../../src/train/data/labelledData.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const data = join(root, 'data');

describe('the sample data', () => {
  it('equals the output of its script, byte for byte', () => {
    const folder = mkdtempSync(join(tmpdir(), 'wigbert-'));
    execFileSync(process.execPath, [join(root, 'scripts/make-reviews.mjs'), folder]);
    for (const file of [
      'reviews.tsv',
      'reviews-test.tsv',
      'reviews-ko.tsv',
      'reviews-ko-test.tsv',
      'vocab.txt',
    ])
      expect(
        readFileSync(join(folder, file), 'utf8') === readFileSync(join(data, file), 'utf8'),
        file,
      ).toBe(true);
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['English', { 'reviews.tsv': 3000, 'reviews-test.tsv': 600 }],
    ['Korean', { 'reviews-ko.tsv': 1200, 'reviews-ko-test.tsv': 400 }],
  ])('in %s is balanced and has no duplicates', async (_, files) => {
    const seen = new Set<string>();
    let rows = 0;
    for (const [file, count] of Object.entries(files)) {
      const { examples, labels, problems } = await readData(join(data, file));
      expect(problems).toEqual([]);
      expect(labels).toEqual(['negative', 'positive']);
      expect(examples).toHaveLength(count);
      expect(examples.filter(({ label }) => label === 1)).toHaveLength(count / 2);
      for (const { text } of examples)
        seen.add(
          text
            .toLowerCase()
            .replace(/\P{L}+/gu, ' ')
            .trim(),
        );
      rows += count;
    }
    expect(seen.size).toBe(rows);
  });

  it('has a vocabulary with every character of English, as a word and inside a word', () => {
    const entries = readFileSync(join(data, 'vocab.txt'), 'utf8').split('\n').slice(0, -1);
    expect(entries.slice(0, 5)).toEqual(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']);
    expect(new Set(entries).size).toBe(entries.length);
    expect(entries.length).toBeLessThanOrEqual(1000);
    expect(
      entries.filter((entry) => entry === '' || entry !== entry.trim() || /[A-Z]/.test(entry)),
    ).toEqual(entries.slice(0, 5));
    const known = new Set(entries);
    for (let code = 0x21; code < 0x7f; code++) {
      const char = String.fromCharCode(code).toLowerCase();
      expect(known).toContain(char);
      if (/[a-z0-9]/.test(char)) expect(known).toContain(`##${char}`);
    }
    for (const word of ['the', 'film', 'brilliant', '##ing']) expect(known).toContain(word);
  });
});
