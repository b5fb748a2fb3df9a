import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { RowProblem } from '../../../src/formats/tables/rows.ts';
import { openCorpus } from '../../../src/train/pretraining/corpus.ts';
import { all } from './fixtures.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-corpus-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
};

describe('openCorpus', () => {
  const read = async (paths: string[], options: Partial<Parameters<typeof openCorpus>[1]> = {}) => {
    const reported: [string, RowProblem[]][] = [];
    const onProblems = (path: string, problems: readonly RowProblem[]) => {
      if (problems.length > 0) reported.push([path, [...problems]]);
    };
    const found = await all(
      (await openCorpus(paths, { blankLineSeparated: false, onProblems, ...options }))(),
    );
    return { found, problems: reported.flatMap(([, problems]) => problems) };
  };

  it('reads plain text by lines or by blocks', async () => {
    const path = file('plain.txt', '\ufeffone\r\ntwo \r\n\r\n\n three\nfour');
    expect((await read([path])).found).toEqual([['one'], ['two'], ['three'], ['four']]);
    expect((await read([path, path], { blankLineSeparated: true })).found).toEqual([
      ['one', 'two'],
      ['three', 'four'],
      ['one', 'two'],
      ['three', 'four'],
    ]);
  });

  it('reads tables, each row a document', async () => {
    const tsv = file('t.txt', 'id\tdocument\n1\tone "\n2\ttwo\n\n3\t\n4\tfour');
    const csv = file('t.csv', 'text,n\n"one\ntwo, ""2""",1\nthree,2\n');
    const jsonl = file(
      't.jsonl',
      '{"sentence1": "one", "sentence2": "two"}\n{"sentence1": 3}\n' +
        '{"sentence1": "a\\nb", "sentence2": "c"}\n',
    );
    expect((await read([tsv])).found).toEqual([['one "'], ['two'], ['four']]);
    expect((await read([csv])).found).toEqual([['one', 'two, "2"'], ['three']]);
    const { found, problems } = await read([jsonl]);
    expect(found).toEqual([
      ['one', 'two'],
      ['a', 'b', 'c'],
    ]);
    expect(problems).toEqual([{ line: 2, reason: 'sentence1 is not a string' }]);
    await expect(read([tsv], { textColumn: 'body' })).rejects.toThrow(
      'has no column "body" for the text',
    );
    await expect(read([join(dir, 'nowhere.txt')])).rejects.toThrow('no such file');
  });

  it('reads what is larger than its pieces, with the right lines', async () => {
    const long = 'x'.repeat(100);
    const rows = Array.from({ length: 30_000 }, (_, i) =>
      i % 7 ? `${long} ${i}` : `${long}\n${i}`,
    );
    const csv = file('long.csv', `text\n${rows.map((text) => `"${text}"`).join('\n')}\n"a"b\n`);
    const { found, problems } = await read([csv]);
    expect(found.map((document) => document.join('\n'))).toEqual(rows);
    const lines = rows.reduce((sum, text) => sum + text.split('\n').length, 0);
    expect(problems.map(({ line }) => line)).toEqual([lines + 2]);
    const tsv = file(
      'long.tsv',
      `text\n${Array.from({ length: 30_000 }, (_, i) => `${long} ${i}`).join('\n')}\nb\tc\n`,
    );
    const table = await read([tsv]);
    expect(table.found.length).toBe(30_000);
    expect(table.problems.map(({ line }) => line)).toEqual([30_002]);
  });

  it('passes over what is no text', async () => {
    const path = file('bytes.txt', Uint8Array.of(0x61, 0x0a, 0xff, 0x0a, 0x62));
    expect(await read([path])).toEqual({
      found: [['a'], ['b']],
      problems: [{ line: 2, reason: 'not valid UTF-8' }],
    });
  });
});
