import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { evaluate } from '../../../src/train/recipes/evaluate.ts';
import { fineTune } from '../../../src/train/recipes/fineTune.ts';
import type { FineTuneEvent } from '../../../src/train/recipes/fineTuneEvents.ts';
import { pretrain } from '../../../src/train/recipes/pretrain.ts';
import { checkOfRun } from '../../../src/train/recipes/report/dataCheck.ts';
import { duration, metricTitle } from '../../../src/train/recipes/report/figures.ts';
import { writeReport } from '../../../src/train/recipes/report/writeReport.ts';
import { elementsOf } from '../../support/html.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-report-'));
afterAll(() => rmSync(dir, { recursive: true }));
beforeAll(() => setDevice(new CpuDevice()));

const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const words = ['film', 'story', 'music', 'actor', 'good', 'bad', 'of', 'the', '한국', '영화'];
const vocab = file(
  'vocab.txt',
  `${['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].join('\n')}\n`,
);
const config = file(
  'config.json',
  JSON.stringify({
    model_type: 'bert',
    vocab_size: 15,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 16,
    max_position_embeddings: 40,
  }),
);

/** Texts that would break a page, were they not escaped. */
const hostile = [
  '<script>alert(1)</script> bad',
  '</section></main><h1>bad</h1>',
  '"><img src=https://example.com/x.png onerror=alert(1)> bad',
  "bad ' onmouseover='alert(1)",
  '&lt;b&gt; &amp;amp; bad',
  '<!-- bad',
  ']]> \u202e bad \u0000 한국 영화',
];
const sentence = (i: number): string => `${words[i % 4]} of the ${words[(i + 1) % 4]}`;
const label = (i: number): string => (i % 2 ? '<b>good</b>' : 'bad & "worse"');
const rowsOf = (row: (i: number) => object): string =>
  `${Array.from({ length: 24 }, (_, i) => JSON.stringify(row(i))).join('\n')}\n`;

const datasets = {
  classification: rowsOf((i) => ({ text: hostile[i] ?? sentence(i), label: label(i) })),
  pairs: rowsOf((i) => ({
    text1: hostile[i] ?? sentence(i),
    text2: sentence(i + 2),
    label: `${i % 3}`,
  })),
  'multi-label': rowsOf((i) => ({
    text: hostile[i] ?? sentence(i),
    labels: [...(i % 2 ? ['<i>music</i>'] : []), ...(i % 3 ? ['plot'] : [])],
  })),
  regression: rowsOf((i) => ({ text: hostile[i] ?? sentence(i), score: (i % 5) + 0.5 })),
  'token-classification': rowsOf((i) => ({
    tokens: ['the', hostile[i]?.split(' ')[0] ?? words[i % 4], '한국'],
    tags: ['O', i % 2 ? 'B-PER' : 'O', 'B-LOC'],
  })),
};
const tasks = Object.keys(datasets) as (keyof typeof datasets)[];

const read = (out: string, name: string) => readFileSync(join(out, name), 'utf8');
const json = (out: string, name: string) => JSON.parse(read(out, name));

describe.each(tasks)('the page of a run: %s', (name) => {
  const out = join(dir, name);
  const data = file(`${name}.jsonl`, datasets[name]);
  const task = name === 'pairs' ? 'classification' : name;
  let page = '';
  beforeAll(async () => {
    const sizes = { epochs: 2, batchSize: 8, validSplit: 0.5, maxLength: 24 };
    const start = { vocab, config, learningRate: 1e-2 };
    await fineTune(
      { data, task, ...start, ...sizes, out },
      { about: { command: 'npx wigbert train <data>', version: '1.2.3' } },
    );
    page = read(out, 'report.html');
  });

  it('is well-formed, and nothing of a text is more than text', () => {
    const elements = elementsOf(page);
    const names = new Set(elements.map((element) => element.name));
    for (const tag of ['script', 'img', 'link', 'iframe', 'object', 'base'])
      expect(names).not.toContain(tag);
    expect(elements.filter((element) => element.name === 'h1')).toHaveLength(1);
    const attributes = elements.flatMap((element) => Object.entries(element.attributes));
    expect(attributes.filter(([key]) => /^on|^src$|^href$|^xmlns/.test(key))).toEqual([]);
    const values = attributes.map(([, value]) => value);
    expect(values.filter((value) => /https?:|url\(/.test(value))).toEqual([]);
    expect(/@import|url\(/.test(page)).toBe(false);
    expect(page).toContain('npx wigbert train &lt;data&gt;');
    expect(page).toContain('wigbert 1.2.3');
  });

  it('shows the figures of the evaluation, and those of the worst texts', () => {
    const { evaluation } = json(out, 'report.json');
    expect(evaluation.examples).toBe(12);
    expect(page).toContain(evaluation.loss.toFixed(4));
    for (const [metric, value] of Object.entries(evaluation.metrics as Record<string, number>))
      expect(page, metric).toContain(
        ['accuracy', 'exactMatch'].includes(metric)
          ? `${(100 * value).toFixed(1)} %`
          : value.toFixed(4),
      );
    for (const scores of Object.values(evaluation.perLabel ?? {}) as Record<string, number>[])
      for (const key of ['precision', 'recall', 'f1'])
        expect(page).toContain(`<td class="number">${scores[key].toFixed(4)}</td>`);
    expect(evaluation.worst).toHaveLength(12);
    const losses = evaluation.worst.map(({ loss }: { loss: number }) => loss);
    expect(losses).toEqual([...losses].sort((a, b) => b - a));
    for (const loss of losses) expect(page).toContain(`loss ${loss.toFixed(4)}`);
    if (name === 'regression') expect(evaluation.calibration).toBeUndefined();
    else expect(page).toContain(`error ${evaluation.calibration.scaledError.toFixed(4)}`);
    const { epochs } = json(out, 'history.json');
    const best = epochs.find((epoch: { best: boolean }) => epoch.best);
    expect(evaluation.loss).toBeCloseTo(best.validLoss, 5);
  });

  it('is made again from the files of the folder, byte for byte', async () => {
    writeFileSync(join(out, 'report.html'), '');
    expect(await writeReport({ out })).toBe(join(out, 'report.html'));
    expect(read(out, 'report.html')).toBe(page);
  });

  it('agrees with an evaluation of the folder', async () => {
    const result = await evaluate({ model: out, data, worst: 3, maxLength: 24 });
    expect(result.examples).toBe(24);
    expect(result.worst).toHaveLength(3);
    const { temperature } = name === 'regression' ? {} : json(out, 'calibration.json');
    expect(result.calibration?.temperature).toBe(temperature);
    expect(result.calibration?.scaledError === undefined).toBe(temperature === undefined);
  });
});

it('the page of a pre-training has its perplexity', async () => {
  const out = join(dir, 'pretrained');
  const texts = file('texts.txt', Array.from({ length: 40 }, (_, i) => sentence(i)).join('\n'));
  const start = { vocab, config, steps: 4, evalEvery: 2, batchSize: 8, maxLength: 24 };
  const { history } = await pretrain({ files: [texts], ...start, validSplit: 0.3, out });
  const page = read(out, 'report.html');
  elementsOf(page);
  expect(page).toContain(history.evaluations.at(-1)!.validPerplexity!.toFixed(2));
  expect(page).toContain('pre-training (mlm)');
});

it('a file to validate a pre-training with is used to its end', async () => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, i) => `${sentence(i)} `.repeat(8)).join('\n');
  const [texts, valid] = [file('few.txt', lines(9)), file('many.txt', lines(1500))];
  const start = { vocab, config, steps: 1, evalEvery: 1, batchSize: 500, maxLength: 8 };
  let held = 0;
  const onEvent = (event: { event: string; valid?: unknown }) => {
    if (event.event === 'start') held = event.valid as number;
  };
  await pretrain({ files: [texts], valid, ...start, out: join(dir, 'of a file') }, { onEvent });
  expect(held).toBeGreaterThanOrEqual(1500);
});

it('times and metrics are written as people do', () => {
  expect([59.94, 59.97, 3599.4, 3600, 7190, 7229].map(duration)).toEqual([
    ...['59.9 s', '1 min 0 s', '59 min 59 s', '1 h 0 min', '2 h 0 min', '2 h 0 min'],
  ]);
  expect(metricTitle('exactMatch', 'question-answering')).toBe('exact match');
  expect(metricTitle('exactMatch', 'multi-label')).toBe('all labels right');
});

it('a run without validation data has a page without results', async () => {
  const out = join(dir, 'no validation');
  const data = file('all.jsonl', datasets.classification);
  await fineTune({ data, vocab, config, epochs: 1, validSplit: 0, out });
  const { evaluation, data: about } = json(out, 'report.json');
  expect(evaluation).toBeUndefined();
  expect(about.labels.map(({ train }: { train: number }) => train)).toEqual([12, 12]);
  expect(elementsOf(read(out, 'report.html')).some(({ name }) => name === 'svg')).toBe(true);
});

it('the page says what was found in the data', async () => {
  const out = join(dir, 'checked');
  const rows = [
    ['good film', 'a'],
    ['good film', 'b'],
    ['bad film', 'b'],
    ['', 'a'],
    ['한국', 'a'],
  ];
  const tsv = (lines: string[][]) => ['text\tlabel', ...lines.map((row) => row.join('\t'))];
  const data = file('<b>.tsv', tsv([...rows, ...rows, ['zz', 'b']]).join('\n'));
  const valid = file(
    'valid.tsv',
    tsv([
      ['bad film', 'b'],
      ['the film', 'a'],
    ]).join('\n'),
  );
  await fineTune({ data, valid, vocab, config, epochs: 1, out });
  const { check } = json(out, 'report.json').data;
  expect(check.shared).toEqual([{ files: [data, valid], texts: 1 }]);
  expect(check.files[0]).toMatchObject({ rows: 11, duplicates: 6, conflicts: 1, empty: 2 });
  const page = read(out, 'report.html');
  elementsOf(page);
  expect(page).toContain('The same text has two labels in <bdi>&lt;b&gt;.tsv</bdi>: lines 2 and 3');
  expect(page).toMatch(/1 text is both in .*valid\.tsv/s);
  expect(page).toMatch(/that the vocabulary lacks:\n<bdi>[^<]*z[^<]*<\/bdi>/);
});

it.each<[string, (data: string) => void]>([
  ['is gone', (data) => rmSync(data)],
  ['has other columns', (data) => writeFileSync(data, '{"a": 1}\n')],
  ['is no text', (data) => writeFileSync(data, Uint8Array.of(0xff, 0, 0xfe, 0, 1))],
])('a run ends well with a page without a check if its data %s by then', async (name, spoil) => {
  const out = join(dir, name);
  const data = file(`${name}.jsonl`, datasets.classification);
  const onEvent = ({ event }: FineTuneEvent) => event === 'epoch' && spoil(data);
  const { interrupted } = await fineTune({ data, vocab, config, epochs: 1, out }, { onEvent });
  expect(interrupted).toBe(false);
  expect(json(out, 'report.json').evaluation.examples).toBeGreaterThan(0);
  expect(json(out, 'report.json').data.check).toBeUndefined();
});

it('a check of data that is stopped leaves the run as it is', async () => {
  const data = file('stopped.jsonl', datasets.classification);
  expect(await checkOfRun({ files: [data] }, AbortSignal.abort())).toBeUndefined();
  expect((await checkOfRun({ files: [data] }))!.files).toHaveLength(1);
});

it.each([
  ['no report', {}, /expected the folder of a run with a report\.json/],
  ['no history', { 'report.json': '{}' }, /report\.json is not the report of a run: kind/],
  ['broken JSON', { 'report.json': '{' }, /report\.json is not valid JSON/],
])('refuses a folder with %s', async (_, files, message) => {
  const out = mkdtempSync(join(dir, 'broken-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(out, name), text);
  await expect(writeReport({ out })).rejects.toThrow(message);
});

it('refuses the history of another run', async () => {
  const out = join(dir, 'no validation');
  const history = json(out, 'history.json');
  writeFileSync(join(out, 'history.json'), JSON.stringify({ ...history, steps: [] }));
  await expect(writeReport({ out })).rejects.toThrow(/they belong to different runs/);
});
