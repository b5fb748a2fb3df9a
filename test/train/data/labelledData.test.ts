import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOf } from '../../../src/formats/tables/format.ts';
import { UsageError } from '../../../src/platform/errors.ts';
import { type DataOptions, parseData, readData } from '../../../src/train/data/labelledData.ts';
import { dataPath, hasData } from '../../support/golden.ts';

const parse = (content: string | Uint8Array, name: string, options?: DataOptions) =>
  parseData(
    typeof content === 'string' ? new TextEncoder().encode(content) : content,
    name,
    options,
  );

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

  it('may be missing if that is allowed', async () => {
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
  it('derives the format from the extension', () => {
    expect(
      ['a.TSV', 'b/c.d.txt', 'x.csv', 'http://h/x.jsonl?a=b.c#d', 'n.ndjson'].map(formatOf),
    ).toEqual([...['tsv', 'tsv', 'csv', 'jsonl', 'jsonl']]);
    expect(['c# reviews.csv', 'what?.tsv'].map(formatOf)).toEqual(['csv', 'tsv']);
    for (const name of ['a.zip', 'a', 'dir.tsv/a', 'a.constructor'])
      expect(() => formatOf(name)).toThrow(
        `unknown format of ${name}: expected a file that ends in ` +
          '.tsv, .tab, .txt, .csv, .jsonl, .ndjson, .json, .conll, .conllu, .bio, .iob, .iob2, ' +
          '.parquet (',
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
        new RegExp(
          '^f has no usable rows: all 2 are broken, the first on line \\d: ' +
            '(expected 2 fields, got 1|bad JSON)',
        ),
      );
    },
  );

  it('refuses an empty file and a header that is not UTF-8', async () => {
    await expect(parse('', 'a.tsv')).rejects.toThrow('a.tsv has no header');
    await expect(parse('', 'a.csv')).rejects.toThrow('a.csv has no header');
    for (const name of ['a.tsv', 'a.csv'])
      await expect(parse(Uint8Array.of(0xc3, 0x0a, 0x61, 0x0a), name)).rejects.toThrow(
        `the first line of ${name} is not valid UTF-8`,
      );
  });

  it('throws UsageError, for a missing file too', async () => {
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
            line += texts[i].split(/\r\n|\r|\n/).length;
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
