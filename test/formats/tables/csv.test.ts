import { parse } from 'csv-parse/browser/esm/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, reasonsOf, valuesOf } from './fixtures.ts';

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

describe('CSV', () => {
  it('equals csv-parse on what is well formed', async () => {
    const cell = fc.string({
      unit: fc.constantFrom('a', '가', '"', ',', '\n', '\r', ' ', ';', '😀'),
    });
    const record = fc.array(cell, { minLength: 3, maxLength: 3 });
    const eols = fc.constantFrom('\n', '\r\n', '\r');
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1 }),
        eols,
        fc.func(fc.boolean()),
        async (rows, eol, always) => {
          const write = (text: string) =>
            /[",\r\n]/.test(text) || always(text) ? quoted(text) : text;
          const source = [['a', 'b', 'c'], ...rows]
            .map((row) => row.map(write).join(',') + eol)
            .join('');
          const { rows: found, problems } = await read(source, 'a.csv');
          const expected = parse(source, { record_delimiter: eol, from: 2 }) as string[][];
          expect(found.map(({ values }) => values)).toEqual(expected);
          expect([rows, problems]).toEqual([expected, []]);
          let line = 2;
          for (const [i, row] of rows.entries()) {
            expect(found[i].line).toBe(line);
            line += row
              .map(write)
              .join('')
              .split(/\r\n|\n|\r/).length;
          }
        },
      ),
      { numRuns: 150, seed: 3 },
    );
  });

  it.each([
    ['semicolons, as Excel writes in many countries', 'text;label\n"a;b";1\nc, d;0\n'],
    ['tabs', 'text\tlabel\na;b\t1\n"c, d"\t0\n'],
    ['bars', 'text|label\na;b|1\nc, d|0\n'],
    ['a line that names the delimiter', 'sep=;\r\ntext;label\r\na;b;1\r\n"c, d";0\r\n'],
  ])('finds %s', async (_, source) => {
    const { table, rows } = await read(source.replace('\na;b;1', '\n"a;b";1'), 'a.csv');
    expect(table.columns).toEqual(['text', 'label']);
    expect(rows.map(({ values }) => values)).toEqual([
      ['a;b', '1'],
      ['c, d', '0'],
    ]);
  });

  it('keeps a comma as the delimiter where the header has one, or nothing else', async () => {
    expect(await valuesOf('a;b,c\n1;2,3\n', 'a.csv')).toEqual([['1;2', '3']]);
    expect(await valuesOf('text\na;b\n', 'a.csv')).toEqual([['a;b']]);
    expect((await read('"a;b"\nx\n', 'a.csv')).table.columns).toEqual(['a;b']);
  });

  it('reads quotes within unquoted fields, and blanks after a closing quote', async () => {
    const source = 'text,label\n5" screen,x\nsay "hi" now,y\n"quoted" ,z\na"b"",w\n';
    const { rows, problems } = await read(source, 'a.csv');
    expect(rows.map(({ values }) => values)).toEqual([
      ['5" screen', 'x'],
      ['say "hi" now', 'y'],
      ['quoted', 'z'],
      ['a"b""', 'w'],
    ]);
    expect(problems).toEqual([]);
  });

  it.each([
    ['at the end', '"open,x\nmore,y\n', [2, 'a quote is opened and never closed']],
    [
      'before a quoted field',
      '"open,x\nmore,y\n"good, one",z\n',
      [2, 'a closing quote is followed by text'],
    ],
    [
      'before a stray quote',
      '"open,x\nmore,y\nfine,z"\n',
      [2, 'expected 2 fields, got 1 (lines 2 to 4)'],
    ],
  ])('recovers the rows after an unclosed quote %s', async (_, broken, problem) => {
    const { rows, problems } = await read(`text,label\n${broken}last,w\n`, 'a.csv');
    expect(rows.map(({ line }) => line)).toEqual(
      Array.from({ length: broken.split('\n').length - 1 }, (_, i) => i + 3),
    );
    expect(reasonsOf(problems)).toEqual([problem]);
  });

  it('goes on where a stray quote has swallowed the beginning of a record', async () => {
    const source = 'text,label\n"open x\ngood,y\nshort\n"\nnext",z\nlast,w\n';
    const { rows, problems } = await read(source, 'a.csv');
    expect(rows).toEqual([
      { values: ['\nnext', 'z'], line: 5 },
      { values: ['last', 'w'], line: 7 },
    ]);
    expect(problems).toEqual([
      { line: 2, reason: 'expected 2 fields, got 1 (lines 2 to 5)' },
      { line: 3, reason: 'is inside the quotes opened on line 2' },
    ]);
  });

  it('keeps what follows a broken record, though its last line could begin another', async () => {
    const source = 'text,label\n"lacks\na ""label"" -,"\ngood,y\n"\nnext",z\n';
    const { rows, problems } = await read(source, 'a.csv');
    expect(rows.map(({ values }) => values)).toEqual([
      ['good', 'y'],
      ['\nnext', 'z'],
    ]);
    expect(reasonsOf(problems)).toEqual([
      [2, 'expected 2 fields, got 1 (lines 2 to 3)'],
      [3, 'is inside the quotes opened on line 2'],
    ]);
  });

  it.each([
    ['lacks a field', '"two\nlines, of text"', [[2, 'expected 2 fields, got 1 (lines 2 to 3)']]],
    ['has one too many', '"a\nb",c,d', [[2, 'expected 2 fields, got 3 (lines 2 to 3)']]],
    ['is an empty text alone', '""', [[2, 'expected 2 fields, got 1']]],
  ])('never takes a line of a record that %s for another', async (_, broken, expected) => {
    const { rows, problems } = await read(`text,label\n${broken}\n\nlast,w\n`, 'a.csv');
    expect(rows.map(({ values }) => values)).toEqual([['last', 'w']]);
    expect(reasonsOf(problems)).toEqual(expected);
  });

  it('never takes the rest of a large file into one field', async () => {
    const rows = Array.from({ length: 200_000 }, (_, i) => `text number ${i},x`);
    rows[5] = '"never closed,x';
    const { rows: found, problems } = await read(`text,label\n${rows.join('\n')}`, 'a.csv');
    expect([found.length, problems.length, problems[0].line]).toEqual([199_999, 1, 7]);
    expect(found.at(-1)).toEqual({ values: ['text number 199999', 'x'], line: 200_001 });
  });

  it('tells columns of the same name, and reads an index without one', async () => {
    const { table } = await read(',text,label,text,text\n0,a,1,b,c\n', 'a.csv');
    expect([table.columns[0], table.duplicateColumns]).toEqual(['', ['text']]);
  });
});

describe('TSV', () => {
  it.each([
    ['pandas', 'text\tlabel\n"say ""hi"""\t1\n"two\nlines"\t0\n"a\ttab"\t1\nplain\t0\n'],
    [
      'QUOTE_ALL',
      '"text"\t"label"\n"say ""hi"""\t"1"\n"two\nlines"\t"0"\n"a\ttab"\t"1"\n"plain"\t"0"\n',
    ],
    [
      'an index',
      '\ttext\tlabel\n0\t"say ""hi"""\t1\n1\t"two\nlines"\t0\n2\t"a\ttab"\t1\n3\tplain\t0\n',
    ],
  ])('reads quoted fields as %s writes them', async (_, source) => {
    const values = (await valuesOf(source, 'a.tsv')).map((row) => row.slice(-2));
    expect(values).toEqual([
      ['say "hi"', '1'],
      ['two\nlines', '0'],
      ['a\ttab', '1'],
      ['plain', '0'],
    ]);
    expect(await valuesOf(source, 'a.txt')).toHaveLength(4);
  });

  it('reads fields that Excel quotes for their commas', async () => {
    expect(await valuesOf('text\tlabel\n"a, b"\t1\nc\t0\n', 'a.tsv')).toEqual([
      ['a, b', '1'],
      ['c', '0'],
    ]);
  });

  it.each([
    ['quotes at the start', '"hi" he said'],
    ['a quotation', '"great"'],
    ['a single quote', '"'],
    ['quotes inside', 'the "best" one'],
  ])('leaves %s as they are', async (_, text) => {
    const source = `text\tlabel\n${text}\t1\nc, d\t0\n`;
    expect(await valuesOf(source, 'a.tsv')).toEqual([
      [text, '1'],
      ['c, d', '0'],
    ]);
  });

  it('leaves doubled quotes in .txt as they are, as in NSMC', async () => {
    const source = 'id\tdocument\tlabel\n1\t"say ""hi"""\t1\n';
    expect(await valuesOf(source, 'ratings.txt')).toEqual([['1', '"say ""hi"""', '1']]);
  });

  it('reads LF, CRLF, CR and a mixture with the right lines', async () => {
    const source = ['text\tlabel', 'a\t1', '', 'b\t0', 'c', 'd\t1'];
    for (const ends of [['\n'], ['\r\n'], ['\r'], ['\n', '\r\n', '\r']]) {
      const content = source.map((line, i) => line + ends[i % ends.length]).join('');
      const { rows, problems } = await read(content, 'a.tsv');
      expect(rows.map(({ line, values }) => [line, values[0]])).toEqual([
        [2, 'a'],
        [4, 'b'],
        [6, 'd'],
      ]);
      expect(problems).toEqual([{ line: 5, reason: 'expected 2 fields, got 1' }]);
    }
  });
});
