import { describe, expect, it } from 'vitest';
import { read, reasonsOf, valuesOf } from './fixtures.ts';

const objects = [
  { text: 'a, "b" {c} [d]', label: 1 },
  { text: '줄\n바꿈 \\ ', label: 0 },
  { text: '', label: 1 },
];
const expected = objects.map(({ text, label }) => [text, label]);

describe('JSON', () => {
  it.each([
    ['an array in one line', 'a.json', JSON.stringify(objects)],
    ['a printed array', 'a.json', JSON.stringify(objects, null, 2)],
    [
      'an array in .jsonl',
      'a.jsonl',
      `[\n${objects.map((o) => JSON.stringify(o)).join(',\n')}\n]\n`,
    ],
    ['an object a line', 'a.json', objects.map((object) => `${JSON.stringify(object)}\n`).join('')],
    [
      'printed objects after each other',
      'a.json',
      objects.map((o) => JSON.stringify(o, null, 1)).join('\n'),
    ],
    ['a list under data', 'a.json', JSON.stringify({ version: [1], n: 3, data: objects })],
    ['the only list', 'a.json', JSON.stringify({ info: { x: [{}] }, documents: objects })],
  ])('reads %s', async (_, name, source) => {
    const { table, rows, problems } = await read(source, name);
    expect(table.columns).toEqual(['text', 'label']);
    expect(rows.map(({ values }) => values)).toEqual(expected);
    expect(rows.map(({ object }) => object)).toEqual(objects);
    expect(problems).toEqual([]);
  });

  it('keeps the digits of whole numbers that JavaScript would round, as texts', async () => {
    const source =
      '{"id":1234567890123456789,"n":[-9007199254740993,9007199254740991,0.1234567890123456],' +
      '"text":"a \\"b\\", 1234567890123456789"}';
    for (const name of ['a.jsonl', 'a.json']) {
      const { rows } = await read(`${source}\n`, name);
      expect(rows.map(({ values }) => values)).toEqual([
        [
          '1234567890123456789',
          ['-9007199254740993', 9007199254740991, 0.1234567890123456],
          'a "b", 1234567890123456789',
        ],
      ]);
    }
  });

  it('reads lists by column, as pandas writes them', async () => {
    const lists = { text: ['a', 'b', ''], label: [1, 0, 1], more: [{ x: 1 }, null, { x: 2 }] };
    for (const source of [JSON.stringify(lists), JSON.stringify(lists, null, 2)]) {
      const { table, rows } = await read(source, 'a.json');
      expect(table.columns).toEqual(['text', 'label', 'more', 'more.x']);
      expect(rows.map(({ values, line }) => [...values, line])).toEqual([
        ['a', 1, { x: 1 }, 1, 1],
        ['b', 0, null, undefined, 2],
        ['', 1, { x: 2 }, 2, 3],
      ]);
    }
  });

  it('tells lists by column from other lists', async () => {
    const words = await read('{"tokens": ["a", "b"], "tags": ["X", "Y"]}', 'a.json');
    expect(words.rows.map(({ values }) => values)).toEqual([
      [
        ['a', 'b'],
        ['X', 'Y'],
      ],
    ]);
    const sentences = await read('{"tokens": [["a"], ["b"]], "tags": [["X"], ["Y"]]}', 'a.json');
    expect(sentences.rows).toHaveLength(2);
    const odd = await read('{"text": ["a"], "label": [1, 2]}', 'a.json');
    expect(odd.rows).toHaveLength(1);
    const split = '{"columns": ["text"], "index": [0], "data": [["a"]]}';
    await expect(read(split, 'a.json')).rejects.toThrow("pandas: orient='records'");
  });

  it('counts lines from those of the file', async () => {
    const { rows } = await read(
      JSON.stringify(objects, null, 2).replaceAll('\n', '\r\n'),
      'a.json',
    );
    expect(rows.map(({ line }) => line)).toEqual([2, 6, 10]);
  });

  it('has columns for the keys of objects within objects, unless a key is called so', async () => {
    const source = [
      { text: 'a', annotations: { label: 'x', by: { name: 'n' } }, 'annotations.by': 1 },
      { text: 'b', annotations: null },
    ];
    const { table, rows } = await read(JSON.stringify(source), 'a.json');
    expect(table.columns).toEqual([
      ...['text', 'annotations', 'annotations.by', 'annotations.label', 'annotations.by.name'],
    ]);
    expect(rows.map(({ values }) => values.slice(2))).toEqual([
      [1, 'x', 'n'],
      [undefined, undefined, undefined],
    ]);
  });

  it.each([
    ['a missing quote', '{"text": "b, "label": 0}', 'bad JSON'],
    ['a missing brace', '{"text": "b", "label": 0', 'bad JSON'],
    ['a stray brace', '{"text": "b"}}', 'bad JSON'],
    ['a stray bracket', '{"text": "b"}]', 'bad JSON'],
    ['an open list', '[{"text": "b"}', 'bad JSON'],
    ['a bracket and a colon before it', ']:{"text":"b"}', 'bad JSON'],
    ['a bare word', '{"text": b 나, "label": 0}', 'bad JSON'],
    ['a number', '7', 'not a JSON object'],
  ])('goes on after %s', async (_, broken, reason) => {
    for (const between of [',\n', ',', ', ']) {
      const records = ['{"text": "a"}', broken, '{"text": "c"}', '{"text": "d"}'];
      const source = `[${records.join(between)}]`;
      const { rows, problems } = await read(source, 'a.json');
      const texts = rows.map(({ values }) => values[0]);
      expect(texts.filter((text) => text !== 'b')).toEqual(['a', 'c', 'd']);
      const line = between.includes('\n') ? 2 : 1;
      expect(reasonsOf(problems)[0].slice(1)).toEqual([reason]);
      expect(problems[0].line).toBeGreaterThanOrEqual(line);
      expect(problems[0].line).toBeLessThanOrEqual(line + 1);
    }
  });

  it('says that a file is cut off, and which list it does not read', async () => {
    const cut = await read('[{"text":"a"},\n{"text":"b', 'a.json');
    expect([cut.rows.length, cut.problems.map(({ line }) => line)]).toEqual([1, [2]]);
    const open = await read('[{"text":"a"},\n{"text":"b"}', 'a.json');
    expect([open.rows.length, open.problems[0].reason]).toEqual([
      ...[2, 'bad JSON: the list is not closed, the file is cut off'],
    ]);
    const two = await read(
      '{"train":[{"text":"a"}],\n"test":[{"text":"b"},{"text":"c"}]}',
      'a.json',
    );
    expect(two.problems).toEqual([
      { line: 2, reason: 'the list "test" is not read: the rows are those of "train"' },
    ]);
  });

  it.each([
    ['text,label\na,b\n', 'is not JSON'],
    ['{"text": {"0": "a"}, "label": {"0": 1}}', 'is one JSON object'],
    ['{"a": [{"x": 1}], "b": [{"x": 1}]}', 'with several lists (a, b)'],
  ])('refuses %s', async (source, message) => {
    await expect(read(source, 'a.json')).rejects.toThrow(message);
  });

  it('reads an empty array, one object, and U+FFFD as it is', async () => {
    expect(await valuesOf('[]', 'a.json')).toEqual([]);
    expect(await valuesOf('{"text":"a","label":1}', 'a.json')).toEqual([['a', 1]]);
    expect(await valuesOf('{"text":"a\ufffd"}\n', 'a.jsonl')).toEqual([['a\ufffd']]);
  });

  it('reads a large array in one line', async () => {
    const many = Array.from({ length: 100_000 }, (_, i) => ({
      text: `문장 ${i} "x"`,
      label: i % 2,
    }));
    const { rows, problems } = await read(JSON.stringify(many), 'a.json');
    expect(problems).toEqual([]);
    expect(rows.map(({ object }) => object)).toEqual(many);
  });
});
