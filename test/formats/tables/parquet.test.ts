import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { classLabelReader } from '../../../src/formats/tables/classLabels.ts';
import { openTable } from '../../../src/formats/tables/table.ts';
import { openTexts } from '../../../src/formats/tables/texts.ts';
import { UsageError } from '../../../src/platform/errors.ts';
import { parseData, readData } from '../../../src/train/data/labelledData.ts';
import { repositoryFile } from '../../support/cli.ts';
import { read, readTable } from './fixtures.ts';

const fixture = (name: string): string =>
  repositoryFile(`test/formats/tables/parquet/${name}.parquet`);
const dir = mkdtempSync(join(tmpdir(), 'wigbert-parquet-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('openTable reads Parquet', () => {
  it.each(['snappy', 'zstd', 'gzip', 'brotli', 'lz4', 'none', 'delta'])(
    'of %s, with the names of labels',
    async (name) => {
      const { table, rows } = await readTable(await openTable(fixture(name)));
      expect([table.format, table.columns]).toEqual(['parquet', ['text', 'label']]);
      expect(rows.map(({ values, line }) => [...values, line])).toEqual(
        Array.from({ length: 25 }, (_, i) => [`영화 film ${i}`, i % 2 ? 'good' : 'bad', i + 1]),
      );
    },
  );

  it('whose nested fields are columns, and whose values are those of JSON', async () => {
    const { table, rows } = await readTable(await openTable(fixture('nested')));
    expect(table.columns.slice(-3)).toEqual(['doc.text', 'doc.meta', 'doc.meta.label']);
    expect(rows.map(({ object }) => object)).toEqual([
      {
        ...{ id: 1, doc: { text: 'a', meta: { label: 'no' } } },
        ...{ tokens: ['Kim', 'ran'], tags: ['B-PER', 'O'] },
        ...{ when: '2020-01-02T03:04:05.678Z', day: '2020-01-02', price: 1.5, share: 0.5 },
        ...{ flag: true, raw: '/wA=', kind: 'x' },
      },
      {
        ...{ id: null, doc: { text: null, meta: { label: 'yes' } }, tokens: ['Seoul'] },
        ...{ tags: ['B-LOC'], when: null, day: null, price: null, share: null, flag: null },
        ...{ raw: null, kind: 'y' },
      },
      {
        ...{ id: `${2n ** 60n}`, doc: { text: 'c', meta: { label: null } }, tokens: [], tags: [] },
        ...{ when: '2020-01-02T03:04:05.678Z', day: '2020-01-02', price: -2.25, share: -1 },
        ...{ flag: false, raw: '/g==', kind: 'x' },
      },
    ]);
    expect(rows.map(({ values }) => values.at(-1))).toEqual(['no', 'yes', null]);
  });

  it('whatever its name, from bytes too, and as texts', async () => {
    for (const name of ['data', 'data.csv', 'data.txt']) {
      const path = join(dir, name);
      copyFileSync(fixture('snappy'), path);
      expect((await openTable(path)).format).toBe('parquet');
      expect(await openTexts(path, {}, false)).toHaveProperty('format', 'parquet');
    }
    const { rows } = await read(readFileSync(fixture('zstd')), 'data');
    expect(rows).toHaveLength(25);
  });

  it('and reports texts that are not UTF-8 by their rows', async () => {
    const { rows, problems } = await readTable(await openTable(fixture('broken')));
    expect(rows.map(({ line }) => line)).toEqual([1, 3]);
    expect(problems).toEqual([{ line: 2, reason: 'not valid UTF-8' }]);
  });

  it('and refuses what is none', async () => {
    const whole = readFileSync(fixture('snappy'));
    const cases: [Buffer, string][] = [
      [Buffer.from('text,label\na,1\n'), 'is not a Parquet file'],
      [whole.subarray(0, -9), 'is not a Parquet file, or is cut off'],
      [Buffer.from(`PARE${'x'.repeat(20)}PARE`), 'is encrypted'],
      [Buffer.from(`PAR1${'\xff'.repeat(20)}PAR1`, 'latin1'), 'cannot read'],
    ];
    for (const [bytes, message] of cases) {
      const path = join(dir, 'broken.parquet');
      writeFileSync(path, bytes);
      await expect(openTable(path)).rejects.toThrow(message);
    }
    await expect(openTable('-', { format: 'parquet' })).rejects.toThrow('got a stream');
    await expect(openTable(fixture('snappy'), { format: 'csv' })).rejects.toThrow(
      "no other `format` than 'parquet'",
    );
  });

  it('and never fails but with a UsageError, whatever bytes are changed', async () => {
    const whole = readFileSync(fixture('nested'));
    let state = 7;
    const draw = (below: number) => (state = (state * 48271) % 2147483647) % below;
    let refused = 0;
    for (let round = 0; round < 60; round++) {
      const bytes = Uint8Array.from(whole);
      for (let i = 0; i < 3; i++) bytes[4 + draw(bytes.length - 8)] = draw(256);
      await read(bytes, 'mutated.parquet').catch((error) => {
        expect(error).toBeInstanceOf(UsageError);
        refused++;
      });
    }
    expect(refused).toBeGreaterThan(10);
  });
});

describe('readData reads Parquet', () => {
  it.each([
    ['snappy', ['bad', 'good'], 25],
    ['ids', ['0', '1'], 25],
    ['nested', ['no', 'yes'], 1],
  ])('%s', async (name, labels, count) => {
    const columns =
      name === 'nested' ? { textColumn: 'doc.text', labelColumn: 'doc.meta.label' } : {};
    const data = await readData(fixture(name), columns);
    expect([data.labels, data.examples.length]).toEqual([
      name === 'nested' ? ['no'] : labels,
      count,
    ]);
  });

  it.each(['nested', 'lists'])('tags of %s', async (name) => {
    const data = await readData(fixture(name), { task: 'token-classification' });
    expect(data.labels).toEqual(['B-LOC', 'B-PER', 'O']);
    expect(data.examples.map(({ label }) => label)).toEqual([[1, 2], [0]]);
  });

  it('from bytes, and says when there are no rows', async () => {
    const { examples } = await parseData(readFileSync(fixture('gzip')), 'a.parquet');
    expect(examples[1]).toEqual({ text: '영화 film 1', label: 1, line: 2 });
    await expect(readData(fixture('empty'))).rejects.toThrow('has no rows');
  });
});

describe('classLabelReader', () => {
  const label = { names: ['a', 'b'], _type: 'ClassLabel' };
  it.each([
    ['a label', label, 1, 'b'],
    ['no label', label, -1, null],
    ['an unknown id', label, 7, 7],
    ['a list as older versions wrote it', [label], [0, 1], ['a', 'b']],
    [
      'a sequence of structs',
      { feature: { x: label }, _type: 'Sequence' },
      { x: [0] },
      { x: ['a'] },
    ],
    ['another type', { _type: 'Value' }, 1, 1],
  ])('%s', (_, feature, value, expected) => {
    const source = JSON.stringify({ info: { features: { column: feature } } });
    expect(classLabelReader(source)('column', value)).toEqual(expected);
    expect(classLabelReader(source)('other', value)).toEqual(value);
  });

  it.each([undefined, 'no JSON', '{}', '[]', '{"info":{"features":[1]}}'])('of %s', (source) => {
    expect(classLabelReader(source)('column', 1)).toBe(1);
  });
});
