import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { openTable } from '../../../src/formats/tables/table.ts';
import { openTexts } from '../../../src/formats/tables/texts.ts';
import { UsageError } from '../../../src/platform/errors.ts';
import { readBytes } from '../../../src/platform/readFiles.ts';
import { read, readTable } from './fixtures.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-sources-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
};

const rows = Array.from({ length: 60_000 }, (_, i) => `문장 ${i} ${'x'.repeat(i % 200)}\t${i % 2}`);
const large = `text\tlabel\n${rows.join('\n')}\n`;
const expected = rows.map((row, i) => ({ values: row.split('\t'), line: i + 2 }));

describe('gzip files', () => {
  it('are read as what they hold, by the ending before .gz', async () => {
    for (const [name, content] of [
      ['a.tsv.gz', 'text\tlabel\na\tx\n'],
      ['a.csv.gz', 'text,label\na,x\n'],
      ['a.jsonl.gz', '{"text":"a","label":"x"}\n'],
      ['a.json.GZ', '[{"text":"a","label":"x"}]'],
    ]) {
      const read = await readTable(await openTable(file(name, gzipSync(content))));
      expect(read.rows.map(({ values }) => values)).toEqual([['a', 'x']]);
    }
  });

  it('may be large, and have several members', async () => {
    const half = large.length >> 1;
    const members = [large.slice(0, half), large.slice(half)].map((part) => gzipSync(part));
    const table = await openTable(file('large.tsv.gz', Buffer.concat(members)));
    for (let time = 0; time < 2; time++) expect((await readTable(table)).rows).toEqual(expected);
  });

  it('are refused by name when they are damaged', async () => {
    const whole = gzipSync(large);
    const flipped = Uint8Array.from(whole);
    flipped[whole.length >> 1] ^= 0xff;
    for (const content of [whole.subarray(0, -9), flipped, whole.subarray(0, 5)])
      await expect(openTable(file('b.tsv.gz', content)).then(readTable)).rejects.toThrow(
        /^cannot read .*b\.tsv\.gz: the gzip file is damaged or cut off$/,
      );
    await expect(openTable(file('c.tsv.gz', large))).rejects.toThrow('it is not a gzip file');
  });
});

describe('files of another kind', () => {
  it.each([
    ['.xlsx', Buffer.from('PK\x03\x04\x14\0\x06\0', 'latin1'), 'is a ZIP archive'],
    ['.xls', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1]), 'is an old Office file'],
    ['Parquet', Buffer.from('PAR1\x15\x04'), 'is a Parquet file'],
    ['a PDF', Buffer.from('%PDF-1.7\n'), 'is a PDF'],
    ['JSON', Buffer.from('[{"text": "a", "label": 1}]'), "looks like JSON: set `format: 'json'`"],
    ['printed JSON', Buffer.from('[\n  {\n "text": "a"}]'), 'looks like JSON'],
    ['JSON lines', Buffer.from('{"text": "a"}\n'), 'looks like JSON'],
  ])('are refused by what they are: %s', async (_, bytes, message) => {
    for (const name of ['a.csv', 'a.tsv']) await expect(read(bytes, name)).rejects.toThrow(message);
  });

  it('may begin with a bracket or brace all the same', async () => {
    for (const column of ['[text]', '{a}', '{"a"}']) {
      const { table } = await read(`${column},label\nb,1\n`, 'a.csv');
      expect(table.columns).toEqual([column, 'label']);
    }
  });
});

describe('pipes and devices', () => {
  it.skipIf(process.platform === 'win32')('a pipe is read once', async () => {
    const path = join(dir, 'pipe');
    spawnSync('mkfifo', [path]);
    spawn('cp', [file('large.tsv', large), path]);
    const table = await openTable(path, { format: 'tsv' });
    expect((await readTable(table)).rows).toEqual(expected);
    await expect(readTable(table)).rejects.toThrow(/pipe can be read only once: save it in a file/);
  });

  it('standard input needs a format', async () => {
    await expect(openTable('-')).rejects.toThrow(
      /^unknown format of standard input: .* or a `format`: tsv, csv, jsonl, json, conll, parquet$/,
    );
    await expect(openTable('-', { format: 'xml' as 'csv' })).rejects.toThrow(
      '`format`: expected tsv, csv, jsonl, json, conll, parquet, got xml',
    );
  });

  it.skipIf(process.platform === 'win32')('devices and folders are refused', async () => {
    for (const path of ['/dev/zero', '/dev/null', '/dev/random']) {
      await expect(openTable(path, { format: 'tsv' })).rejects.toThrow('is a device or a pipe');
      await expect(readBytes(path)).rejects.toThrow(UsageError);
    }
    await expect(openTable(dir, { format: 'tsv' })).rejects.toThrow('is a folder, not a file');
    await expect(readBytes(join(dir, 'pipe'))).rejects.toThrow('is a device or a pipe');
    await expect(openTable(join(dir, 'a.tsv', 'b.tsv'))).rejects.toThrow('no such file');
  });
});

describe('texts', () => {
  it('are a table by name, by format, or by a tab in the first line of .txt', async () => {
    const isTable = async (name: string, options = {}, hasColumns = false) =>
      'columns' in (await openTexts(file(name, 'text\tn\na\tb\n'), options, hasColumns));
    expect(await isTable('a.tsv')).toBe(true);
    expect(await isTable('a.txt')).toBe(true);
    expect(await isTable('a.log')).toBe(false);
    expect(await isTable('a.conll')).toBe(false);
    expect(await isTable('a.log', { format: 'tsv' })).toBe(true);
    await expect(isTable('a.log', {}, true)).rejects.toThrow('unknown format of');
    expect('lines' in (await openTexts(file('b.txt', 'plain\ntext\n'), {}, false))).toBe(true);
  });

  it('may be plain lines in any encoding, compressed or not', async () => {
    const text = '정말\r\n\ufffd\r끝';
    const wide = Buffer.from(`\ufeff${text}`, 'utf16le');
    for (const content of [text, wide, gzipSync(text)]) {
      const lines: unknown[] = [];
      const name = content instanceof Uint8Array && content[0] === 0x1f ? 'c.txt.gz' : 'c.txt';
      const texts = await openTexts(file(name, content), {}, false);
      if ('lines' in texts)
        for await (const { text, line } of texts.lines()) lines.push([line, text]);
      expect(lines).toEqual([
        [1, '정말'],
        [2, '\ufffd'],
        [3, '끝'],
      ]);
    }
  });
});
