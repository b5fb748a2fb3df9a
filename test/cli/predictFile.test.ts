import { spawn } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, it } from 'vitest';
import { cli, cliFixture, wigbertHere } from '../support/cli.ts';

const { dir, file, trainHere, trainedModel } = cliFixture();

describe('predict on files', () => {
  let model = '';
  beforeAll(async () => {
    model = await trainedModel();
  });
  const predict = async (...args: string[]) =>
    await wigbertHere(['predict', '--model', model, '--device', 'cpu', ...args]);
  const texts = ['a wonderful film', 'a terrible film', 'a "wonderful", really\nwonderful film'];
  const jsonLines = texts.map((text, i) => JSON.stringify({ id: i, text, more: { a: [i] } }));
  const csv = `id,text\n0,${texts[0]}\n1,${texts[1]}\n2,"${texts[2].replaceAll('"', '""')}"\n`;

  it('CSV in gives the same CSV with label and score', async () => {
    const { stdout, stderr } = await predict('--input', file('in.csv', csv), '--quiet');
    expect(stderr).toBe('');
    const rows = parse<Record<string, string>>(stdout, { columns: true });
    expect(rows.map(({ id, text, label }) => [id, text, label])).toEqual(
      texts.map((text, i) => [`${i}`, text, i === 1 ? 'bad' : 'good']),
    );
    for (const { score } of rows) expect(Number(score)).toBeGreaterThan(0.5);
  });

  it('JSON lines keep what is nested, and JSON is an array', async () => {
    const input = file('in.jsonl', `${jsonLines.join('\n')}\n`);
    const lines = (await predict('--input', input, '--top-k', '2')).stdout.trim().split('\n');
    const objects = lines.map((line) => JSON.parse(line));
    expect(objects.map(({ id, text, more, label }) => [id, text, more, label])).toEqual(
      texts.map((text, i) => [i, text, { a: [i] }, i === 1 ? 'bad' : 'good']),
    );
    for (const { label, score, scores, top } of objects) {
      expect(top.map((each: { label: string }) => each.label)).toHaveLength(2);
      expect(top[0]).toEqual({ label, score });
      expect(scores[label]).toBe(score);
    }
    const out = join(dir, 'out.json');
    expect((await predict('--input', input, '--out', out, '--top-k', '2')).stdout).toBe(
      `${out}: 3 rows\n`,
    );
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual(objects);
  });

  it('TSV cannot hold line ends, and says so; names that are taken get another', async () => {
    const input = file('taken.jsonl', `${jsonLines[2].replace('"id"', '"label"')}\n`);
    const out = join(dir, 'out.tsv');
    expect((await predict('--input', input, '--out', out)).stderr).toMatch(
      /blanks in 1 cells: TSV/,
    );
    const [header, row, end] = readFileSync(out, 'utf8').split('\n');
    expect(header).toBe('label\ttext\tmore\tpredicted_label\tpredicted_score');
    expect(row).toMatch(/^2\ta "wonderful", really wonderful film\t\{"a":\[2\]\}\tgood\t0\.\d+$/);
    expect(end).toBe('');
  });

  it.each(['tsv', 'csv', 'jsonl', 'txt'])('%s is read in batches, and in order', async (ending) => {
    const many = Array.from({ length: 700 }, (_, i) => `${texts[i % 2]} ${'film '.repeat(i % 5)}`);
    const lines = {
      tsv: ['text', ...many],
      csv: ['text', ...many],
      jsonl: many.map((text) => JSON.stringify({ text })),
      txt: many,
    }[ending]!;
    const input = file(`many.${ending}`, lines.join('\n'));
    const out = join(dir, `many-out-${ending}.jsonl`);
    expect((await predict('--input', input, '--out', out, '--batch-size', '16')).status).toBe(0);
    const objects = readFileSync(out, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects.map(({ text }) => text)).toEqual(many);
    expect(objects.map(({ label }) => label)).toEqual(many.map((_, i) => (i % 2 ? 'bad' : 'good')));
  });

  it('reports broken rows, and leaves them out', async () => {
    const input = file('broken.tsv', 'id\ttext\n1\ta wonderful film\nx\n2\ta film\ttoo\n3\tbad\n');
    const { stdout, stderr, status } = await predict('--input', input);
    expect(status).toBe(0);
    expect(stdout.split('\n').map((line) => line.split('\t')[0])).toEqual(['id', '1', '3', '']);
    expect(stderr).toMatch(/2 broken rows were skipped:\n {2}line 3: .*\n {2}line 4: /);
  });

  it('makes one table of several files, with the columns of the first', async () => {
    const first = file('one.csv', `id,text\n0,${texts[0]}\nbroken\n`);
    const second = file('two.tsv', `text\tid\n${texts[1]}\t1\n${texts[0]}\t2\n`);
    const third = file('three.jsonl', `${JSON.stringify({ id: 3, text: texts[1] })}\n`);
    const { stdout, stderr } = await predict('--input', first, second, third);
    const rows = parse<Record<string, string>>(stdout, { columns: true });
    expect(rows.map(({ id, text, label }) => [id, text, label])).toEqual(
      [0, 1, 2, 3].map((i) => [`${i}`, texts[i % 2], i % 2 ? 'bad' : 'good']),
    );
    expect(stderr).toMatch(/one\.csv: 1 broken rows? .* skipped:\n {2}line 3: /);
    const set = ['--set', 'top-k=2', '--out', join(dir, 'joined.jsonl')];
    const joined = await predict('--input', third, first, '--input', second, ...set);
    expect(joined.stdout).toBe(`${join(dir, 'joined.jsonl')}: 4 rows\n`);
  });

  it('JSON loses no key of any file and row, and CSV none with a dot', async () => {
    const text = 'a wonderful film';
    const late = { text, label: 'late' };
    const many = Array.from({ length: 5 }, () => JSON.stringify({ text, pad: 'a'.repeat(1e6) }));
    const head = file('head.jsonl', `${many.join('\n')}\n${JSON.stringify(late)}\n`);
    const rows = (await predict('--input', head, '--max-length', '8')).stdout.trim().split('\n');
    expect(Object.keys(JSON.parse(rows[0]))).toEqual(['text', 'pad', 'label', 'score', 'scores']);
    expect(JSON.parse(rows[5])).toMatchObject({ ...late, predicted_label: 'good' });
    const dotted = file('dotted.jsonl', JSON.stringify({ text, 'text.lang': 'ko', a: { b: 1 } }));
    const two = await predict('--input', dotted, file('late.jsonl', JSON.stringify(late)));
    expect(
      two.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ predicted_label: 'good' }, { label: 'late', predicted_label: 'good' }]);
    const out = join(dir, 'dotted.csv');
    await predict('--input', dotted, '--out', out);
    expect(readFileSync(out, 'utf8')).toMatch(
      /^text,text\.lang,a,label,score\na wonderful film,ko,/,
    );
  });

  it('writes gzip by the ending, and the file that a link leads to', async () => {
    const [target, link] = [file('target.csv.gz', ''), join(dir, 'link.csv.gz')];
    symlinkSync(target, link);
    const input = file('in.csv', csv);
    expect((await predict('--input', input, '--out', link)).stdout).toBe(`${link}: 3 rows\n`);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    const { stdout } = await predict('--input', input);
    expect(gunzipSync(readFileSync(target)).toString()).toBe(stdout);
  });

  it('embed does not replace its input', async () => {
    const input = file('texts.jsonl', jsonLines[0]);
    const run = await wigbertHere([
      ...['embed', '--model', model, '--input', input, '--out', `${dir}/./texts.jsonl`],
    ]);
    expect(run.stderr).toContain('--out: expected another file than those that are read');
    expect(readFileSync(input, 'utf8')).toBe(jsonLines[0]);
  });

  it('says how many texts are cut', async () => {
    const input = file('long.txt', `a film\n${'a long film '.repeat(9)}\n`);
    expect((await predict('--input', input, '--max-length', '8')).stderr).toMatch(
      /1 of 2 texts are cut/,
    );
    expect((await predict('--max-length', '8', 'a film '.repeat(9))).stderr).toMatch(
      /1 of 1 texts are cut/,
    );
  });

  it.each<[string, string[], RegExp]>([
    ['no rows', ['--input', file('none.csv', 'text\n')], /has no rows/],
    ['a column that is missing', ['--input', file('no.csv', 'a,b\n1,2\n')], /has no text column/],
    ['texts besides', ['a film', '--input', file('x.csv', csv)], /--input and texts exclude/],
    [
      'files of other columns',
      ['--input', file('x.csv', csv), file('y.csv', 'text\na film\n')],
      /y\.csv: expected the columns of .*x\.csv, id, text, got text/,
    ],
    ['a file twice', ['--input', 'x.csv', './x.csv'], /--input: expected each file once/],
    [
      'one file without rows',
      ['--input', file('x.csv', csv), file('no-rows.csv', 'id,text\n')],
      /no-rows\.csv has no rows/,
    ],
    ['no input', ['--out', 'x.csv', 'a film'], /--out goes with --input/],
    ['itself as output', ['--input', 'x.csv', '--out', './x.csv'], /another file than those/],
    ['a folder as output', ['--input', 'x.csv', '--out', `${dir}/`], /unknown format|of a file/],
    ['words for labels', ['--input', 'x.csv', '--out', 'x.conll'], /cannot read|expected TSV, CSV/],
  ])('refuses %s', async (_, args, message) => {
    const run = await predict(...args);
    expect(run.stderr).toMatch(message);
    expect(run.status).toBe(2);
  });

  it.each([
    ['predict', 'out.csv', 200_000],
    ['embed', 'out.jsonl', 20_000],
  ] as const)('%s is stopped without leaving anything', async (command, name, count) => {
    const rows = Array.from({ length: count }, () => 'a film').join('\n');
    const input = file('endless.txt', rows);
    const folder = join(dir, `stopped ${command}`);
    const out = join(folder, name);
    const args = [cli, command, '--model', model, '--device', 'cpu'];
    const child = spawn(process.execPath, [...args, '--input', input, '--out', out]);
    let said = '';
    child.stderr.on('data', (text) => {
      said += text;
    });
    while (!existsSync(folder) || readdirSync(folder).length === 0)
      await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect({ code, left: readdirSync(folder) }).toEqual({ code: 130, left: [] });
    expect(said).toContain(`stopped: ${out} is not written`);
  });

  it.each(['predict', 'embed', 'tokenize'])(
    '%s takes no name of a file for a text',
    async (command) => {
      const path = file('my texts.txt', 'a film\n');
      const rest = command === 'embed' ? ['--out', join(dir, 'v.jsonl')] : [];
      const run = await wigbertHere([command, path, '--model', model, ...rest]);
      expect(run.stderr).toContain(`expected texts, got the file "${path}"`);
      if (command !== 'tokenize') expect(run.stderr).toContain(`--input '${path}'`);
      expect(run.status).toBe(2);
      const missing = await wigbertHere([command, 'nothing.csv', '--model', model, ...rest]);
      expect(missing.stderr).toMatch(/"nothing.csv", the name of a file that does not exist/);
    },
  );

  it('tags words of texts, and of CoNLL files', async () => {
    const sentence = 'anna NAME O\nsees O O\nseoul PLACE B-LOC\n';
    const rows = Array.from({ length: 30 }, (_, i) => `w${i} _ O\nseoul _ B-LOC\n`);
    const out = join(dir, 'tagger');
    const tagged = file('tags.conll', rows.join('\n'));
    expect((await trainHere(tagged, out, '--task', 'token-classification')).status).toBe(0);
    const tag = async (...args: string[]) =>
      await wigbertHere(['predict', '--model', out, '--device', 'cpu', ...args]);
    const conll = (await tag('--input', file('words.conll', `${sentence}\n${sentence}`))).stdout;
    const fields = conll.split('\n').map((line) => line.split('\t'));
    expect(fields.map(([word]) => word)).toEqual([
      ...['anna', 'sees', 'seoul', '', 'anna', 'sees', 'seoul', '', ''],
    ]);
    expect(fields[2]).toEqual(['seoul', 'PLACE', 'B-LOC', 'B-LOC']);
    const text = 'we see seoul, seoul';
    const json = (await tag('--input', file('t.jsonl', JSON.stringify({ text })))).stdout;
    const { words, entities } = JSON.parse(json);
    for (const { word, start, end } of [...words, ...entities])
      expect(text.slice(start, end)).toBe(word);
    expect(entities.length).toBeGreaterThan(0);
    const upper = JSON.stringify({ text, Tokens: ['seoul'] });
    const tokens = (await tag('--input', file('upper.jsonl', upper))).stdout;
    expect(JSON.parse(tokens).words).toHaveLength(1);
    const [, , seoul] = (await tag(text)).stdout.split('\n');
    expect(seoul).toMatch(/^seoul\t7\t12\t[\d.]+\tB-LOC$/);
  });
});
