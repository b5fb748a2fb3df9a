import { describe, expect, it } from 'vitest';
import { type DataOptions, parseData } from '../../../src/train/data/labelledData.ts';

const parse = (content: string | Uint8Array, name: string, options?: DataOptions) =>
  parseData(
    typeof content === 'string' ? new TextEncoder().encode(content) : content,
    name,
    options,
  );

describe('TSV', () => {
  it('reads a quote as a plain character and keeps an empty text', async () => {
    const data = await parse(
      'id\tdocument\tlabel\n1\t"""a" b\t1\n2\t\t0\n3\t"\t1\n',
      'ratings.txt',
    );
    expect(data).toEqual({
      examples: [
        { text: '"""a" b', label: 1, line: 2 },
        { text: '', label: 0, line: 3 },
        { text: '"', label: 1, line: 4 },
      ],
      labels: ['0', '1'],
      problems: [],
    });
  });

  it('reads the same with a byte order mark, CRLF and without a final newline', async () => {
    const plain = await parse('text\tlabel\na\tx\n\nb\ty\n', 'a.tsv');
    expect(await parse('\ufefftext\tlabel\r\na\tx\r\n\r\nb\ty', 'a.tsv')).toEqual(plain);
    expect(plain.examples.map(({ line }) => line)).toEqual([2, 4]);
  });

  it('reports broken rows with their physical lines and goes on', async () => {
    const bytes = new Uint8Array([
      ...new TextEncoder().encode('text\tlabel\na\tx\tz\nb\n\nc\t\n'),
      ...[0xff, 0x09, 0x78, 0x0a],
      ...new TextEncoder().encode('d\ty\ne\uFFFD\tx\n'),
    ]);
    expect(await parse(bytes, 'a.tsv')).toEqual({
      examples: [
        { text: 'd', label: 1, line: 7 },
        { text: 'e\uFFFD', label: 0, line: 8 },
      ],
      labels: ['x', 'y'],
      problems: [
        { line: 2, reason: 'expected 2 fields, got 3' },
        { line: 3, reason: 'expected 2 fields, got 1' },
        { line: 5, reason: 'no label in column label' },
        { line: 6, reason: 'not valid UTF-8' },
      ],
    });
  });

  it('keeps a blank line where there is one column, for it is an empty text', async () => {
    const data = await parse('text\na\n\nb\n', 'a.tsv', { labelOptional: true });
    expect(data.examples.map(({ text }) => text)).toEqual(['a', '', 'b']);
  });
});

describe('CSV', () => {
  it('follows RFC 4180: quotes, doubled quotes, commas and line ends inside a field', async () => {
    const source = 'text,label\r\n"a, ""b""\r\nc",pos\r\nplain,neg\r\n"",neg\r\n';
    const data = await parse(source, 'a.csv');
    expect(data.examples).toEqual([
      { text: 'a, "b"\r\nc', label: 1, line: 2 },
      { text: 'plain', label: 0, line: 4 },
      { text: '', label: 0, line: 5 },
    ]);
    expect(await parse(`\ufeff${source.trimEnd()}`, 'a.csv')).toEqual(data);
  });

  it('reports broken rows with the line they begin on and goes on', async () => {
    const source = [
      'text,label', // 1
      '"two', //       2
      'lines",x', //   3
      'a "b" c,x', //  4
      '"a" b,x"', //   5
      'three,x,y', //  6
      'good,y', //     7
      '"open,x', //    8
      'more,y', //     9
    ].join('\n');
    const data = await parse(source, 'a.csv');
    expect(data.examples).toEqual([
      { text: 'two\nlines', label: 0, line: 2 },
      { text: 'a "b" c', label: 0, line: 4 },
      { text: 'good', label: 1, line: 7 },
      { text: 'more', label: 1, line: 9 },
    ]);
    expect(data.problems.map(({ line, reason }) => [line, reason.split(':')[0]])).toEqual([
      [5, 'a closing quote is followed by text'],
      [6, 'expected 2 fields, got 3'],
      [8, 'a quote is opened and never closed'],
    ]);
  });

  it.each([
    ['"quoted" tail,y', 'a closing quote is followed by text'],
    ['"he said "hi"",y', 'a closing quote is followed by text'],
    ['"he said "hi", and",y', 'a closing quote is followed by text'],
    ['"unclosed,y', 'a quote is opened and never closed'],
  ])('loses no other row for %s', async (broken, reason) => {
    const rows = Array.from({ length: 1000 }, (_, i) => `text ${i},x`);
    rows[10] = broken;
    const data = await parse(`text,label\n${rows.join('\n')}\n`, 'a.csv');
    expect(data.examples.map(({ line }) => line)).toEqual(
      [...rows.keys()].filter((i) => i !== 10).map((i) => i + 2),
    );
    expect(data.problems).toEqual([{ line: 12, reason: expect.stringContaining(reason) }]);
  });

  it('finds invalid UTF-8 in any line of a record', async () => {
    const bytes = new TextEncoder().encode('text,label\n"a\nb?",x\nc,x\n');
    bytes[bytes.indexOf('?'.charCodeAt(0))] = 0xfe;
    const data = await parse(bytes, 'a.csv');
    expect(data.examples.map(({ line }) => line)).toEqual([4]);
    expect(data.problems).toEqual([{ line: 2, reason: 'not valid UTF-8' }]);
  });

  it('rejects a broken header', async () => {
    await expect(parse('"te"xt,label\na,b\n', 'a.csv')).rejects.toThrow(
      'the header of a.csv is broken',
    );
    await expect(parse('\na,b\n', 'a.csv')).rejects.toThrow('a.csv has no header');
  });
});

describe('JSONL', () => {
  it('reads one object a line; numbers and booleans count as labels', async () => {
    const source = '{"text": "a\\nb", "label": 1}\n\n{"label": 0, "text": "", "more": [1]}\r\n';
    expect(await parse(`\ufeff${source}`, 'a.jsonl')).toEqual({
      examples: [
        { text: 'a\nb', label: 1, line: 1 },
        { text: '', label: 0, line: 3 },
      ],
      labels: ['0', '1'],
      problems: [],
    });
    expect((await parse('{"text":"a","label":false}', 'a.ndjson')).labels).toEqual(['false']);
  });

  it('reports values that are not objects, bad JSON, missing texts and labels', async () => {
    const data = await parse(
      '{"text":"a","label":"x"}\n[1]\n{"text":\n' +
        '{"label":"x"}\n{"text":3,"label":"x"}\n{"text":"b","label":null}\n',
      'a.jsonl',
    );
    expect(data.examples).toHaveLength(1);
    expect(data.problems.map(({ line, reason }) => [line, reason.split(':')[0]])).toEqual([
      [2, 'not a JSON object'],
      [3, 'bad JSON'],
      [4, 'no text'],
      [5, 'text is not a string'],
      [6, 'no label in column label'],
    ]);
  });
});
