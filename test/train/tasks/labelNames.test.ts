import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DataOptions, parseData } from '../../../src/train/data/labelledData.ts';
import {
  distinctLabels,
  isMissingLabel,
  labelFinder,
  labelKey,
} from '../../../src/train/tasks/labelNames.ts';

const parse = (content: string, name: string, options?: DataOptions) =>
  parseData(new TextEncoder().encode(content), name, options);
const csv = (labels: readonly string[]) =>
  `text,label\n${labels.map((label) => `a,${label}\n`).join('')}`;

describe('names of the same label', () => {
  it.each([
    ['1', '1.0', '1.00', '1.', '+1', ' 1 '],
    ['0', '0.0', '-0', '-0.0'],
    ['긍정', '긍정'.normalize('NFD'), ' 긍정', '긍정\u3000', '\u00a0긍정', '\ufeff긍정'],
    ['true', 'True', 'TRUE'],
    ['café', 'cafe\u0301'],
  ])('have the same key: %o', (...names) => {
    expect(new Set(names.map(labelKey)).size).toBe(1);
  });

  it.each([
    ['1', '01'],
    ['1', '1.5'],
    ['1.1', '1.10', '1.100'],
    ['1', '-1'],
    ['9007199254740992', '9007199254740993'],
    ['good', 'Good'],
    ['1', 'true'],
    ['1.0.0', '1.0'],
  ])('differ: %o', (...names) => {
    expect(new Set(names.map(labelKey)).size).toBe(names.length);
  });

  it('are numbers that are equal, however they are written', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(8), (value, zeros) => {
        const key = labelKey(`${value}`);
        expect(labelKey(` ${value}.${'0'.repeat(zeros)}`)).toBe(key);
        expect(labelKey(`${value + 1}`)).not.toBe(key);
      }),
    );
  });

  it('are one label under its most natural name', () => {
    expect(distinctLabels(['1.0', '0.0', '1', ' 10.0'])).toEqual(['0', '1', '10']);
    expect(distinctLabels(['True', 'False', 'true'])).toEqual(['False', 'True']);
    expect(distinctLabels(['+2.5', '2.5'])).toEqual(['2.5']);
  });

  it('are found among the labels of a model: as written, else by the same label', () => {
    const find = labelFinder(['긍정', '1.0', '1']);
    expect(['긍정'.normalize('NFD'), '1', '1.0', '1.00', '부정'].map(find)).toEqual([
      ...[0, 2, 1, 1, undefined],
    ]);
    const generic = labelFinder(['LABEL_0', 'LABEL_1']);
    expect(['1', '0.0', 'LABEL_1', '2'].map(generic)).toEqual([1, 0, 1, undefined]);
  });
});

describe('labels in files', () => {
  it('are folded in training data', async () => {
    const data = await parse(csv(['1.0', ' 0', '1', '0.0']), 'a.csv');
    expect(data.labels).toEqual(['0', '1']);
    expect(data.examples.map(({ label }) => label)).toEqual([1, 0, 1, 0]);
    const jsonl = await parse(
      [1, '1', 1.0, '1.0', true, 'true', 'True']
        .map((label) => JSON.stringify({ text: 'a', label }))
        .join('\n'),
      'a.jsonl',
    );
    expect(jsonl.labels).toEqual(['1', 'true']);
    expect(jsonl.examples.map(({ label }) => label)).toEqual([0, 0, 0, 0, 1, 1, 1]);
  });

  it('are matched to those of a model', async () => {
    const labels = ['부정', '긍정'];
    const data = await parse(csv(['긍정'.normalize('NFD'), '부정\u3000']), 'a.csv', { labels });
    expect(data.examples.map(({ label }) => label)).toEqual([1, 0]);
    expect(data.labels).toEqual(labels);
  });

  it('are folded among several labels and among tags', async () => {
    const several = await parse(
      `text\tlabels\na\t1.0, x \nb\t1,${'각'.normalize('NFD')}\n`,
      'a.tsv',
      {
        task: 'multi-label',
        labels: ['각', 'x', '1'],
      },
    );
    expect(several.examples.map(({ label }) => label)).toEqual([
      [0, 1, 1],
      [1, 0, 1],
    ]);
    const tags = await parse('a\tB-PER  \nb\tO \nc\tB-PER\n', 'a.conll', {
      task: 'token-classification',
    });
    expect(tags.labels).toEqual(['B-PER', 'O']);
  });

  it.each([`['x', "y, z"]`, `["x","y, z"]`, `[x,"y, z"]`, `['x' "y, z"]`])(
    'are read from a list as pandas writes it: %s',
    async (list) => {
      const row = `text\tlabels\na\t${list}\nb\t[]\n`;
      const data = await parse(row, 'a.tsv', { task: 'multi-label' });
      expect(data.labels).toEqual(['x', 'y, z']);
      expect(data.examples.map(({ label }) => label)).toEqual([
        [1, 1],
        [0, 0],
      ]);
    },
  );
});

it('labels in a list as JSON are read with its escapes', async () => {
  const list = JSON.stringify(['a "b"', 'c\\d']);
  const data = await parse(`text\tlabels\na\t${list}\n`, 'a.tsv', { task: 'multi-label' });
  expect(data.labels).toEqual(['a "b"', 'c\\d']);
});

describe('missing labels', () => {
  it.each(['nan', 'NaN', 'None', 'null', 'NA', '<NA>', '', '  '])('%o is one', async (missing) => {
    expect(isMissingLabel(missing)).toBe(true);
    const data = await parse(csv(['x', missing, 'y']), 'a.csv');
    expect(data.labels).toEqual(['x', 'y']);
    expect(data.problems).toEqual([
      { line: 3, reason: expect.stringContaining('no label in column label') },
    ]);
    const optional = await parse(csv(['x', missing]), 'a.csv', { labelOptional: true });
    expect(optional.examples.map(({ label }) => label)).toEqual([0, undefined]);
  });

  it.each(['none', 'nano', 'Na', '0'])('%o is a label', (name) => {
    expect(isMissingLabel(name)).toBe(false);
  });

  it('are labels where a model has them', async () => {
    const labels = ['NA', 'None', 'x'];
    const data = await parse(csv(['x', 'NA', 'None', 'nan']), 'a.csv', { labels });
    expect(data.examples.map(({ label }) => label)).toEqual([2, 0, 1]);
    expect(data.problems).toHaveLength(1);
  });

  it('are labels in an array, where a missing one is null or left out', async () => {
    const rows = [['NA', 'x'], ['None'], [null], ['']].map((labels) => ({ text: 'a', labels }));
    const jsonl = rows.map((row) => JSON.stringify(row)).join('\n');
    const data = await parse(jsonl, 'a.jsonl', { task: 'multi-label' });
    expect(data.labels).toEqual(['NA', 'None', 'x']);
    expect(data.problems.map(({ line }) => line)).toEqual([3, 4]);
  });

  it('are broken rows in scores, several labels and JSON too', async () => {
    const scores = await parse('text,score\na,nan\nb,1\n', 'a.csv', { task: 'regression' });
    expect(scores.problems).toEqual([{ line: 2, reason: 'no label in column score: got "nan"' }]);
    const several = await parse('text,labels\na,nan\nb,x\n', 'a.csv', { task: 'multi-label' });
    expect(several.problems).toHaveLength(1);
    const json = await parse('{"text":"a","label":null}\n{"text":"b","label":"x"}', 'a.jsonl');
    expect(json.problems).toHaveLength(1);
  });
});
