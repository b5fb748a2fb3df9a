import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { checkData } from '../../../src/train/recipes/checkData.ts';
import { evaluate } from '../../../src/train/recipes/evaluate.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import { crossValidate } from '../../../src/train/recipes/folds.ts';
import { predictFile } from '../../../src/train/recipes/predictFile.ts';
import { vocab } from '../../support/cli.ts';

/** Options that other tasks have too, on questions and choices. */

const dir = mkdtempSync(join(tmpdir(), 'wigbert-question-options-'));
afterAll(() => rmSync(dir, { recursive: true }));
beforeAll(() => setDevice(new CpuDevice()));

const file = (name: string, content: unknown): string => {
  const path = join(dir, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
};
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const config = file('config.json', {
  model_type: 'bert',
  ...{ vocab_size: 746, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2 },
  ...{ intermediate_size: 8, max_position_embeddings: 40 },
});
const films = ['story', 'music', 'actor', 'plot'];
const question = (i: number) => {
  const context = `${'the film was dull and '.repeat(1 + (i % 3))}the ${films[i % 4]} was good`;
  const start = context.indexOf(films[i % 4]);
  return { id: `${i}`, question: 'what?', context, answer: films[i % 4], answer_start: start };
};
const choice = (i: number) => {
  const endings = Array.from({ length: 2 + (i % 3) }, (_, at) => `${films[at]} ${i % 5}`);
  return { sent1: `the film ${i}`, endings, label: i % endings.length };
};
const rows = (of: (i: number) => object, from = 0) =>
  Array.from({ length: 12 }, (_, i) => of(from + i));
const tasks = {
  'question-answering': { first: rows(question), second: rows(question, 12) },
  'multiple-choice': { first: rows(choice), second: rows(choice, 12) },
};

describe.each(Object.entries(tasks))('%s', (name, parts) => {
  const task = name as keyof typeof tasks;
  const first = file(`${name}-1.json`, parts.first);
  const second = file(`${name}-2.json`, parts.second);
  const model = join(dir, name);
  const options = {
    ...{ vocab, config, task, epochs: 1, maxLength: 20 },
    ...(task === 'question-answering' && { stride: 4 }),
  } satisfies Partial<FineTuneOptions>;
  beforeAll(async () => {
    await fineTune({ ...options, data: [first, second], out: model });
  });

  it('takes several files, and has a report without what makes no sense', () => {
    const { data, evaluation } = read(join(model, 'report.json'));
    expect(data.train).toEqual([first, second]);
    const hasChoices = task === 'multiple-choice';
    const keys = ['examples', 'loss', 'metrics', ...(hasChoices ? ['calibration'] : []), 'worst'];
    expect(Object.keys(evaluation)).toEqual(keys);
    expect(evaluation.worst).toEqual([]);
    expect(data.labels).toBeUndefined();
    expect(Math.max(...data.lengths.counts.keys()) * data.lengths.width).toBeLessThanOrEqual(20);
    const page = readFileSync(join(model, 'report.html'), 'utf8');
    expect(page).toContain('Validation');
    expect(page).not.toMatch(/Confusion|Most wrong|LABEL_0/);
    expect(page.includes('Calibration')).toBe(hasChoices);
    expect(existsSync(join(model, 'calibration.json'))).toBe(hasChoices);
  });

  it('is validated by folds; no context is in two of them', async () => {
    const out = join(dir, `${name}-folds`);
    const { results, summary } = await crossValidate({ ...options, data: first, folds: 3, out });
    expect(results.length).toBe(3);
    const metric = task === 'question-answering' ? 'validF1' : 'validAccuracy';
    expect(summary[metric].mean).toBeGreaterThanOrEqual(0);
    const counts = results.map(({ out: fold }) => read(join(fold, 'report.json')).data);
    const all = counts.map(({ trainExamples, validExamples }) => trainExamples + validExamples);
    expect(new Set(all).size).toBe(1);
    const valid = counts.reduce((sum, { validExamples }) => sum + validExamples, 0);
    expect(valid).toBe(all[0]);
  });

  it('is looked through by check', async () => {
    const odd = { ...parts.first[0], ...(task === 'question-answering' ? { answer: 'the' } : {}) };
    const other = file(`${name}-odd.json`, [
      { ...odd, ...(task === 'question-answering' ? { answer_start: 0 } : { label: 1 }) },
      ...parts.first,
    ]);
    const { files, shared, problems } = await checkData({ files: [second, other], task, vocab });
    expect(files.map(({ rows, unlabelled }) => [rows, unlabelled.count])).toEqual([
      [12, 0],
      [13, 0],
    ]);
    expect(files[1].conflicts.texts).toBe(1);
    expect(files[0]).not.toHaveProperty('scores');
    expect(files[0].labels).toBeUndefined();
    expect(problems.map(({ kind }) => kind)).toContain('conflicts');
    expect(shared.length).toBe(task === 'question-answering' ? 1 : 0);
  });

  const refused: [object, RegExp][] = [
    [{ worst: 3 }, /`worst`: expected a model that gives labels or scores, got .*, a model for/],
    [{ abstainBelow: 0.5 }, /`abstainBelow`: expected a model that gives one label/],
    [{ threshold: 0.5 }, /`threshold`: expected a model that gives several labels/],
  ];
  if (task === 'question-answering')
    refused.push([{ calibrated: true }, /`calibrated`: expected a model that gives labels, got/]);
  it.each(refused)('refuses %j', async (wrong, message) => {
    await expect(evaluate({ model, data: first, ...wrong })).rejects.toThrow(message);
    if ('worst' in wrong) return;
    const out = join(dir, 'predicted.jsonl');
    await expect(predictFile({ model, input: first, out, ...wrong })).rejects.toThrow(message);
  });

  it('refuses options of training that it has no use for', async () => {
    const train = (more: Partial<FineTuneOptions>) =>
      fineTune({ ...options, data: first, out: join(dir, 'refused'), ...more });
    await expect(train({ balance: true })).rejects.toThrow('`balance`: expected classification');
    await expect(train({ classWeights: 'balanced' })).rejects.toThrow('`classWeights`: expected');
    const wrong = task === 'question-answering' ? { focalLoss: 1 } : { stride: 4 };
    await expect(train(wrong)).rejects.toThrow(/`(focalLoss|stride)`: expected a task/);
  });
});

it('choices are as probable as the temperature says that training found', async () => {
  const model = join(dir, 'multiple-choice');
  const data = file('calibrated.json', rows(choice, 24));
  const { temperature } = read(join(model, 'calibration.json'));
  const { calibration } = await evaluate({ model, data });
  expect(calibration).toMatchObject({ temperature, scaledError: expect.any(Number) });
  const chosen = async (calibrated: boolean) => {
    const out = join(dir, `calibrated-${calibrated}.jsonl`);
    await predictFile({ model, input: data, out, calibrated });
    const lines = readFileSync(out, 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as { choice: number; scores: number[] });
  };
  const [plain, scaled] = [await chosen(false), await chosen(true)];
  for (const [i, { choice, scores }] of plain.entries()) {
    expect(scaled[i].choice).toBe(choice);
    const powers = scores.map((score) => score ** (1 / temperature));
    const sum = powers.reduce((total, power) => total + power, 0);
    for (const [at, power] of powers.entries())
      expect(scaled[i].scores[at]).toBeCloseTo(power / sum, 5);
  }
});
