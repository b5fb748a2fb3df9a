import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOf } from '../../../src/formats/tables/rows.ts';
import { UsageError } from '../../../src/platform/errors.ts';
import { type DataOptions, parseData, readData } from '../../../src/train/data/labelledData.ts';
import { dataPath, hasData } from '../../support/golden.ts';

const parse = (content: string | Uint8Array, name: string, options?: DataOptions) =>
  parseData(
    typeof content === 'string' ? new TextEncoder().encode(content) : content,
    name,
    options,
  );

describe('TSV', () => {
  it('takes a quote as a character like any other and keeps an empty text', async () => {
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

  it('reads the same with a byte order mark, CRLF and no newline at the end', async () => {
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
        { line: 2, reason: '3 fields where the header has 2' },
        { line: 3, reason: '1 fields where the header has 2' },
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
      { text: 'good', label: 1, line: 7 },
      { text: 'more', label: 1, line: 9 },
    ]);
    expect(data.problems.map(({ line, reason }) => [line, reason.split(':')[0]])).toEqual([
      [4, 'a quote inside an unquoted field'],
      [5, 'a closing quote is followed by text'],
      [6, '3 fields where the header has 2'],
      [8, 'a quote is opened and never closed'],
    ]);
  });

  it.each([
    ['"quoted" tail,y', 'a closing quote is followed by text'],
    ['"he said "hi"",y', 'a closing quote is followed by text'],
    ['he said "hi",y', 'a quote inside an unquoted field'],
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
    await expect(parse('te"xt,label\na,b\n', 'a.csv')).rejects.toThrow(
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

  it('reports what is no object, bad JSON, a missing text and a missing label', async () => {
    const data = await parse(
      '{"text":"a","label":"x"}\n[1]\n{"text":\n{"label":"x"}\n{"text":3,"label":"x"}\n{"text":"b","label":null}\n',
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

describe('columns', () => {
  it('guesses pairs', async () => {
    const data = await parse('sentence1\tsentence2\tgold_label\na\tb\tneutral\n', 'a.tsv');
    expect(data.examples).toEqual([{ text: 'a', pair: 'b', label: 0, line: 2 }]);
  });

  it('takes the columns asked for, and then guesses no pair', async () => {
    const source = 'sentence1,sentence2,score,label\na,b,2.5,1\n';
    const one = await parse(source, 'a.csv', { textColumn: 'sentence2', labelColumn: 'score' });
    expect(one).toEqual({
      examples: [{ text: 'b', label: 0, line: 2 }],
      labels: ['2.5'],
      problems: [],
    });
    const two = await parse(source, 'a.csv', { textColumn: 'sentence2', pairColumn: 'sentence1' });
    expect(two.examples).toEqual([{ text: 'b', pair: 'a', label: 0, line: 2 }]);
  });

  it.each([
    [
      { textColumn: 'body' },
      'a.tsv has no column "body" for the text: its columns are title, text, label',
    ],
    [
      { labelColumn: 'stars' },
      'a.tsv has no column "stars" for the label: its columns are title, text, label',
    ],
    [
      { pairColumn: 'other' },
      'a.tsv has no column "other" for the pair: its columns are title, text, label',
    ],
  ])('names the columns there are when %o is wrong', async (options, message) => {
    await expect(parse('title\ttext\tlabel\na\tb\t1\n', 'a.tsv', options)).rejects.toThrow(message);
  });

  it('says when nothing can be guessed', async () => {
    await expect(parse('title\tlabel\na\t1\n', 'a.tsv')).rejects.toThrow(
      'a.tsv has no text column (text,',
    );
    await expect(parse('text\tstars\na\t1\n', 'a.tsv')).rejects.toThrow(
      'a.tsv has no label column (label, gold_label, labels, class, category): its columns are text, stars; name the one to use (--label-column)',
    );
  });

  it('says that the names may be missing, and not all of a long first line', async () => {
    const text = 'a long text '.repeat(1000);
    await expect(parse(`${text}\t1\n`.repeat(3), 'a.tsv')).rejects.toThrow(
      `: its columns are ${text.slice(0, 80)}…; name the one to use (--text-column), or, if these are no names, put a line with the names above`,
    );
    await expect(parse(`${text}\t1\n`.repeat(3), 'a.tsv', { textColumn: 'body' })).rejects.toThrow(
      `for the text: its columns are ${text.slice(0, 80)}…`,
    );
  });
});

describe('labels', () => {
  const labelsOf = async (labels: string[]) =>
    (await parse(`text\tlabel\n${labels.map((label) => `a\t${label}`).join('\n')}`, 'a.tsv'))
      .labels;

  it('sorts integers by value and all else by code point', async () => {
    expect(await labelsOf(['10', '9', '-1', '9'])).toEqual(['-1', '9', '10']);
    expect(await labelsOf(['10', '9', 'x'])).toEqual(['10', '9', 'x']);
    expect(await labelsOf(['\u{1F600}', '\uFF21', 'a', 'ab', 'B'])).toEqual([
      'B',
      'a',
      'ab',
      '\uFF21',
      '\u{1F600}',
    ]);
  });

  it('follows a given set and names what is not in it', async () => {
    const source = 'text\tlabel\na\tneg\nb\tpos\n';
    const data = await parse(source, 'a.tsv', { labels: ['pos', 'neg', 'other'] });
    expect(data.examples.map(({ label }) => label)).toEqual([1, 0]);
    expect(data.labels).toEqual(['pos', 'neg', 'other']);
    await expect(parse(source, 'a.tsv', { labels: ['0', 'neg'] })).rejects.toThrow(
      'a.tsv, line 3: label "pos" is not one of "0", "neg"',
    );
  });

  it('may be missing where that is allowed', async () => {
    const some = await parse('text\tlabel\na\tx\nb\t\n', 'a.tsv', { labelOptional: true });
    expect(some.examples.map(({ label }) => label)).toEqual([0, undefined]);
    const none = await parse('{"text":"a"}', 'a.jsonl', { labelOptional: true });
    expect(none).toEqual({
      examples: [{ text: 'a', label: undefined, line: 1 }],
      labels: [],
      problems: [],
    });
  });
});

describe('files', () => {
  it('tells the format by the extension', () => {
    expect(
      ['a.TSV', 'b/c.d.txt', 'x.csv', 'http://h/x.jsonl?a=b.c#d', 'n.ndjson'].map(formatOf),
    ).toEqual([...['tsv', 'tsv', 'csv', 'jsonl', 'jsonl']]);
    for (const name of ['a.json', 'a', 'dir.tsv/a', 'a.constructor'])
      expect(() => formatOf(name)).toThrow(
        `cannot tell the format of ${name}: expected a file that ends in .tsv, .txt, .csv, .jsonl, .ndjson, .conll, .bio, .iob, .iob2 (JSON: an object a line, .jsonl)`,
      );
  });

  it.each(['tsv', 'csv', 'jsonl'] as const)(
    'says when a %s file has no usable row',
    async (format) => {
      const header = { tsv: 'text\tlabel\n', csv: 'text,label\n', jsonl: '' }[format];
      await expect(parse(header, 'f', { format })).rejects.toThrow(
        'f has no rows: expected at least one',
      );
      const broken = { tsv: 'a\n', csv: 'a\n', jsonl: '{"text":"a"\n' }[format];
      await expect(parse(header + broken + broken, 'f', { format })).rejects.toThrow(
        /^f has no usable rows: all 2 are broken, the first on line \d: (1 fields|bad JSON)/,
      );
    },
  );

  it('says what is wrong with an empty file, UTF-16, a header that is not UTF-8', async () => {
    await expect(parse('', 'a.tsv')).rejects.toThrow('a.tsv has no header');
    await expect(parse('', 'a.csv')).rejects.toThrow('a.csv has no header');
    await expect(parse(Uint8Array.of(0xff, 0xfe, 0x61, 0), 'a.tsv')).rejects.toThrow(
      'a.tsv is UTF-16',
    );
    for (const name of ['a.tsv', 'a.csv'])
      await expect(parse(Uint8Array.of(0xc3, 0x0a, 0x61, 0x0a), name)).rejects.toThrow(
        `the first line of ${name} is not valid UTF-8`,
      );
  });

  it('throws usage errors, for a missing file too', async () => {
    await expect(readData('/nowhere/a.tsv')).rejects.toThrow(UsageError);
    await expect(parse('text\tlabel\n', 'a.tsv')).rejects.toThrow(UsageError);
  });

  it('reads back what was written, whatever the texts are', async () => {
    const text = fc.string({ unit: 'binary' }).map((s) => s.replace(/[\ud800-\udfff]/gu, ''));
    const quoted = (s: string) => `"${s.replaceAll('"', '""')}"`;
    const dir = mkdtempSync(join(tmpdir(), 'wigbert-'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1 }),
        fc.constantFrom('\n', '\r\n'),
        async (texts, eol) => {
          const csv = join(dir, 'a.csv');
          writeFileSync(
            csv,
            `text,label${eol}${texts.map((t) => `${quoted(t)},x${eol}`).join('')}`,
          );
          const jsonl = join(dir, 'a.jsonl');
          writeFileSync(
            jsonl,
            texts.map((t) => JSON.stringify({ text: t, label: 'x' }) + eol).join(''),
          );
          let line = 2;
          for (const [i, example] of (await readData(csv)).examples.entries()) {
            expect(example).toEqual({ text: texts[i], label: 0, line });
            line += texts[i].split('\n').length;
          }
          expect((await readData(jsonl)).examples.map((e) => e.text)).toEqual(texts);
        },
      ),
      { numRuns: 60 },
    );
    rmSync(dir, { recursive: true });
  });
});

if (!hasData)
  console.warn(
    'the published data sets (../shared/data) are not here: the tests that read them are skipped',
  );

describe.skipIf(!hasData)('published files', () => {
  it.each([
    ['ratings_train.txt', 150_000, 5],
    ['ratings_test.txt', 50_000, 3],
  ])('reads NSMC %s as it is', async (file, count, empty) => {
    const { examples, labels, problems } = await readData(dataPath(`nsmc/${file}`));
    const rows = (await readFile(dataPath(`nsmc/${file}`), 'utf8'))
      .split('\n')
      .map((line) => line.split('\t'));
    expect(problems).toEqual([]);
    expect(labels).toEqual(['0', '1']);
    expect(examples).toHaveLength(count);
    expect(examples.filter(({ text }) => text === '')).toHaveLength(empty);
    const differing = examples.filter(
      ({ text, label, line }, i) =>
        line !== i + 2 || rows[i + 1][1] !== text || rows[i + 1][2] !== labels[label as number],
    );
    expect(differing).toEqual([]);
  });

  it('reads KorNLI and KorSTS as they are', async () => {
    const nli = await readData(dataPath('kornli/xnli.test.ko.tsv'));
    expect([nli.examples.length, nli.labels, nli.problems]).toEqual([
      ...[5010, ['contradiction', 'entailment', 'neutral'], []],
    ]);
    for (const [part, count] of [
      ['train', 5749],
      ['dev', 1500],
      ['test', 1379],
    ]) {
      const sts = await readData(dataPath(`korsts/sts-${part}.tsv`), { labelColumn: 'score' });
      expect([sts.examples.length, sts.problems]).toEqual([count, []]);
      expect(sts.examples.every(({ text, pair }) => text !== '' && pair !== '')).toBe(true);
    }
  });
});
