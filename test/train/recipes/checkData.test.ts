import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkData } from '../../../src/train/recipes/checkData.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-check-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
const reviews = Array.from({ length: 400 }, (_, i) => `review ${i}\t${i % 4 ? 'good' : 'bad'}`);
const tsv = (name: string, ...rows: string[]): string =>
  file(name, `text\tlabel\n${rows.join('\n')}\n`);
const kindsOf = async (...files: string[]): Promise<string[]> =>
  (await checkData({ files })).problems.map(({ kind }) => kind);

describe('checkData counts', () => {
  it('labels, lengths and rows that are odd, by their lines', async () => {
    const files = [
      tsv(
        'all.tsv',
        ...reviews,
        ...['review 1\tgood', 'review 1\tgood', 'review 2\tbad', '  \tgood'],
        ...['broken', `${'각'.normalize('NFD')}\tgood`, 'no label\t'],
      ),
    ];
    const result = await checkData({ files });
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    const [check] = result.files;
    expect(check).toMatchObject({
      ...{ file: files[0], format: 'tsv', encoding: 'UTF-8', rows: 406 },
      broken: { count: 1, first: [{ line: 406 }] },
      unlabelled: { count: 1, lines: [408] },
      labels: [
        { label: 'good', count: 304 },
        { label: 'bad', count: 101 },
      ],
      lengths: { unit: 'characters', min: 2, max: 10, median: 10, p95: 10 },
      empty: { count: 1, lines: [405] },
      decomposed: { count: 1, lines: [407] },
      duplicates: {
        ...{ texts: 2, rows: 3 },
        first: [{ lines: [3, 402] }, { lines: [4, 404] }],
      },
      conflicts: { texts: 1, first: [{ lines: [4, 404], labels: ['good', 'bad'] }] },
    });
    expect(check.imbalance).toBeCloseTo(304 / 101);
    expect(check.labels![1].share).toBeCloseTo(101 / 405);
    // None of these is more than one in a hundred.
    expect(result.problems).toEqual([]);
  });

  it('tokens, what is cut, and unknown characters', async () => {
    const vocab = file('vocab.txt', '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n');
    const files = [tsv('tokens.tsv', 'a b a\t1', 'a 뷁\t0', 'a a a a a\t1', '뷁 쀍 뷁 a\t0')];
    const { files: checks, problems } = await checkData({ files, vocab, maxLength: 6 });
    expect(checks[0].lengths).toEqual({
      ...{
        unit: 'tokens',
        texts: 4,
        min: 4,
        median: 5,
        p95: 7,
        max: 7,
        mean: 5.5,
        maxLength: 6,
        cut: 1,
      },
    });
    expect(checks[0].unknown).toEqual({
      ...{ pieces: 14, unknown: 4 },
      characters: [
        { character: '뷁', count: 3 },
        { character: '쀍', count: 1 },
      ],
    });
    expect(problems).toEqual([{ kind: 'unknown', files, count: 4, of: 14 }]);
  });

  it('the texts of a pair one by one for similarity, and scores that are all one', async () => {
    const vocab = file('pairs-vocab.txt', '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n');
    const rows = ['a a a\tb b\t1', 'a a\tb b b b\t1'];
    const files = [file('alike.tsv', `sentence1\tsentence2\tscore\n${rows.join('\n')}\n`)];
    const result = await checkData({ files, vocab, task: 'similarity', maxLength: 6 });
    expect(result.files[0].lengths).toMatchObject({ texts: 4, min: 4, max: 6, cut: 0 });
    expect(result.problems).toEqual([{ kind: 'oneLabel', files, count: 2, of: 2 }]);
  });

  it('texts that files share, and labels that one lacks', async () => {
    const train = tsv('train.tsv', ...reviews);
    const files = [
      train,
      tsv('valid.tsv', 'review 7\tgood', 'other\tgood'),
      tsv('test.tsv', 'x\tso'),
    ];
    const { shared, problems } = await checkData({ files });
    expect(shared).toEqual([{ files: files.slice(0, 2), texts: 1, first: [{ lines: [9, 2] }] }]);
    expect(problems).toEqual([
      { kind: 'oneLabel', files: [files[1]], count: 2, of: 2 },
      { kind: 'oneLabel', files: [files[2]], count: 1, of: 1 },
      { kind: 'otherLabels', files: [train, files[2]], count: 1, of: 1, labels: ['so'] },
      { kind: 'shared', files: files.slice(0, 2), count: 1, of: 2 },
    ]);
  });
});

it('checkData lists the first of the texts that files share', async () => {
  const files = [tsv('whole.tsv', ...reviews), tsv('again.tsv', ...reviews.toReversed())];
  const [{ texts, first }] = (await checkData({ files })).shared;
  expect(texts).toBe(400);
  expect(first.map(({ lines }) => lines)).toEqual(
    [2, 3, 4, 5, 6].map((line) => [line, 403 - line]),
  );
});

describe('checkData takes the data of every task', () => {
  const pairs = 'premise\thypothesis\tlabel\na\tb\tyes\na\tc\tno\na\tb\tno\n';
  it.each([
    ['pairs', 'pairs.tsv', pairs, {}, { labels: [{ label: 'no' }, { label: 'yes' }] }],
    ['pairs that contradict', 'pairs.tsv', pairs, {}, { conflicts: { texts: 1 } }],
    [
      'several labels',
      'multi.tsv',
      'text\tlabels\na\tx,y\nb\ty\nc\tx\nc\tx\n',
      { task: 'multi-label' },
      { labels: [{ label: 'x', count: 3, share: 0.75 }, { label: 'y' }], conflicts: { texts: 0 } },
    ],
    [
      'columns of 0 and 1',
      'columns.csv',
      'text,x,y\na,1,0\nb,1,1\n',
      { labelColumns: ['x', 'y'] },
      {
        labels: [
          { label: 'x', count: 2 },
          { label: 'y', count: 1 },
        ],
      },
    ],
    [
      'scores',
      'scores.tsv',
      'text\tscore\na\t1\nb\t2.5\nb\t2.5\n',
      { task: 'regression' },
      { scores: { min: 1, mean: 2, max: 2.5 }, duplicates: { texts: 1 } },
    ],
    [
      'tags',
      'tags.conll',
      'Kim B-PER\nran O\n\nhe O\nran O\n',
      {},
      { labels: [{ label: 'O', count: 3, share: 0.75 }, { label: 'B-PER' }], rows: 2 },
    ],
    [
      'tags in JSON',
      'tags.jsonl',
      '{"tokens": ["Kim", "ran"], "tags": ["B-PER", "O"]}\n',
      {},
      { lengths: { max: 7 }, labels: [{ label: 'B-PER' }, { label: 'O' }] },
    ],
  ] as const)('%s', async (_, name, content, options, expected) => {
    const { files } = await checkData({ files: [file(name, content)], ...options });
    expect(files[0]).toMatchObject(expected);
  });
});

describe('checkData finds', () => {
  const copies = (n: number, row: string) => Array.from({ length: n }, () => row);
  it.each([
    ['rows that are broken', copies(5, 'broken'), ['broken']],
    [
      'rows without a label',
      reviews.slice(0, 5).map((row) => `new ${row.split('\t')[0]}\t`),
      ['unlabelled'],
    ],
    ['empty texts', copies(5, ' \tgood'), ['empty']],
    [
      'texts with two labels',
      reviews.slice(0, 5).map((row) => row.replace(/\t.*/, '\tsome')),
      ['conflicts'],
    ],
    ['decomposed Hangul', copies(5, `${'한글'.normalize('NFD')}\tgood`), ['decomposed']],
    ['nothing in duplicates', copies(50, reviews[0]), []],
  ])('%s', async (_, rows, kinds) => {
    expect(await kindsOf(tsv('odd.tsv', ...reviews, ...rows))).toEqual(kinds);
  });

  it('one label only, and no usable row', async () => {
    expect(await kindsOf(tsv('one.tsv', 'a\tx', 'b\tx'))).toEqual(['oneLabel']);
    expect(await kindsOf(tsv('none.tsv', 'broken'))).toEqual(['noRows']);
  });

  it('what cannot be read, as an error', async () => {
    await expect(checkData({ files: [join(dir, 'missing.tsv')] })).rejects.toThrow('no such file');
    await expect(checkData({ files: [] })).rejects.toThrow('`files`: expected one or more');
    await expect(
      checkData({ files: [tsv('a.tsv', 'a\tb')], model: 'm', vocab: 'v' }),
    ).rejects.toThrow('`model` and `vocab` exclude each other');
  });
});
