import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BertTokenizer } from '../../src/text/tokenizer/index.ts';
import { trainWordPiece } from '../../src/text/vocabulary/index.ts';
import { wigbertHere } from '../support/cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-vocab-'));
afterAll(() => rmSync(dir, { recursive: true }));

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
const vocab = (...args: string[]) => wigbertHere(['vocab', ...args]);
const lines = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);

const texts = ['Gute Filme', 'gute Filme, schlechte Filme', 'ein schlechter Film'];

describe('wigbert vocab', () => {
  it('reads lines, tables and pairs alike', async () => {
    const inputs = [
      file('lines.txt', `\ufeff${texts.join('\r\n')}\r\n`),
      file('lines', `${texts.join('\n')}`),
      file(
        'table.txt',
        `id\tdocument\tlabel\n${texts.map((text, i) => `${i}\t${text}\t0\n`).join('')}`,
      ),
      file(
        'pairs.jsonl',
        texts.map((text) => JSON.stringify({ sentence1: text, sentence2: '' })).join('\n'),
      ),
      file('named.csv', `mine\n${texts.map((text) => `"${text}"\n`).join('')}`),
    ];
    for (const input of inputs) {
      const out = join(dir, 'vocab.txt');
      const named = input.endsWith('.csv') ? ['--text-column', 'mine'] : [];
      const run = await vocab(input, '--size', '40', '--out', out, '--json', ...named);
      expect(run.stderr).toBe('');
      expect(JSON.parse(run.stdout)).toEqual({ out, size: 40, coverage: 1 });
      expect(lines(out)).toEqual(trainWordPiece(texts, { vocabSize: 40 }).vocab);
    }
  });

  it('reads several files of any size', async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `영화 ${i % 97} 정말 좋아요`);
    const out = join(dir, 'several.txt');
    const run = await vocab(
      file('many.txt', many.join('\n')),
      file('few.txt', texts.join('\n')),
      '--size',
      '200',
      '--out',
      out,
    );
    expect(run.stderr).toContain('fewer than the 200 of --size: no other pair occurs 2 times');
    expect(lines(out)).toEqual(trainWordPiece([...many, ...texts], { vocabSize: 200 }).vocab);
  });

  it('writes a folder that says how to read it', async () => {
    const out = join(dir, 'folder');
    const options = [
      '--cased',
      '--score',
      'likelihood',
      '--min-frequency',
      '1',
      '--limit-alphabet',
      '12',
    ];
    const run = await vocab(
      file('lines.txt', texts.join('\n')),
      '--size',
      '50',
      '--out',
      out,
      ...options,
    );
    expect(run.status).toBe(0);
    const trained = trainWordPiece(texts, {
      ...{
        vocabSize: 50,
        lowercase: false,
        score: 'likelihood',
        minFrequency: 1,
        limitAlphabet: 12,
      },
    });
    expect(run.stdout).toContain(
      `${(100 * trained.coverage).toFixed(2)} % of the words are split without [UNK]`,
    );
    expect(lines(join(out, 'vocab.txt'))).toEqual(trained.vocab);
    const tokenizer = await BertTokenizer.fromPretrained(out);
    expect(tokenizer.tokenize('Filme')).toEqual(
      new BertTokenizer(trained.vocab, { doLowerCase: false }).tokenize('Filme'),
    );
    expect(tokenizer.tokenize('Filme')).not.toContain('[UNK]');
  });

  it('reports lines that are not text', async () => {
    const bytes = Buffer.concat([
      Buffer.from('gut\n'),
      Buffer.from([0x67, 0xfc, 0x74, 0x0a]),
      Buffer.from('gut'),
    ]);
    const out = join(dir, 'broken.txt');
    const run = await vocab(file('latin.txt', bytes), '--out', out);
    expect(run.stderr).toContain('1 broken row was skipped:\n  line 2: not valid UTF-8');
    expect(lines(out).slice(5)).toEqual(['g', 't', 'u', '##t', '##u', 'gu', 'gut']);
  });

  it.each([
    [[`${dir}/./none.txt`], '--out: expected another file than those that are read'],
    [['nowhere.txt'], 'cannot read nowhere.txt: no such file'],
    [[file('empty.txt', '')], 'the corpus has no words'],
    [[file('wide.txt', 'abcdefgh'), '--size', '12'], '--vocab-size: expected at least 20, got 12'],
    [[file('column.tsv', 'words\tlabel\na\t1\n')], 'has no text column'],
  ])('refuses %j', async (args, message) => {
    const run = await vocab(...args, '--out', join(dir, 'none.txt'));
    expect(run.stderr).toContain(`wigbert: `);
    expect(run.stderr).toContain(message);
    expect(run.status).toBe(2);
  });
});
