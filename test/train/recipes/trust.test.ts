import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { evaluate } from '../../../src/train/recipes/evaluate.ts';
import type { InputEvent } from '../../../src/train/recipes/events.ts';
import { fineTune } from '../../../src/train/recipes/fineTune.ts';
import { type PredictRecipeOptions, predict } from '../../../src/train/recipes/predict.ts';
import { predictFile } from '../../../src/train/recipes/predictFile.ts';
import type { LabelPrediction, LabelsPrediction } from '../../../src/train/recipes/predictor.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-trust-'));
afterAll(() => rmSync(dir, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const words = ['the', 'film', 'great', 'dull', 'of', 'story'];
const vocab = file(
  'vocab.txt',
  `${['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].join('\n')}\n`,
);
const config = file(
  'config.json',
  JSON.stringify({
    model_type: 'bert',
    vocab_size: 11,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 16,
    initializer_range: 0.2,
    max_position_embeddings: 40,
  }),
);
const table = (column: string, row: (i: number) => string): string =>
  `text\t${column}\n${Array.from({ length: 24 }, (_, i) => `${row(i)}\n`).join('')}`;
const classes = table(
  'label',
  (i) =>
    `the ${i % 2 ? 'great' : 'dull'} ${words[i % 5]}\t${i % 2 === (i % 7 && 1) ? 'yes' : 'no'}`,
);
const several = table('labels', (i) => {
  const labels = [...(i & 1 ? ['great'] : []), ...(i & 2 ? ['dull'] : [])];
  return `the film ${labels.join(' ')}\t${labels.join(',')}`;
});
const scores = table('score', (i) => `the ${words[i % 5]}\t${i % 4}`);
const models = { classification: '', 'multi-label': '', regression: '' };
const data = { classification: classes, 'multi-label': several, regression: scores };
const tasks = Object.keys(models) as (keyof typeof models)[];
for (const task of tasks) data[task] = file(`${task}.tsv`, data[task]);

beforeAll(async () => {
  setDevice(new CpuDevice());
  for (const task of tasks) {
    const out = join(dir, task);
    const rates = { epochs: 2, batchSize: 4, learningRate: 1e-2, validSplit: 0.4 };
    await fineTune({ data: data[task], task, vocab, config, ...rates, out });
    models[task] = out;
  }
});

/** Changes calibration.json; returns how to undo it. */
function withCalibration(model: string, change: object): () => void {
  const path = join(model, 'calibration.json');
  const before = readFileSync(path, 'utf8');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(before), ...change }));
  return () => writeFileSync(path, before);
}

const texts = ['the great film', 'the film', 'dull', 'story of the dull film'];

describe('a classifier', () => {
  const predictions = async (options: Partial<PredictRecipeOptions> = {}) =>
    (await predict({ model: models.classification, texts, ...options }))
      .predictions as LabelPrediction[];

  it.each([0.25, 1.5, 4])(
    'with temperature %d has the probabilities of its logits divided by it, and the same labels',
    async (temperature) => {
      const undo = withCalibration(models.classification, { temperature });
      const [plain, calibrated] = [await predictions(), await predictions({ calibrated: true })];
      undo();
      for (const [i, { label, scores }] of plain.entries()) {
        const odds = Math.log(scores.yes / scores.no);
        expect(calibrated[i].label).toBe(label);
        expect(calibrated[i].scores.yes).toBeCloseTo(1 / (1 + Math.exp(-odds / temperature)), 4);
      }
    },
  );

  it('is as sure of texts in windows when it is measured as when it predicts', async () => {
    const long = ['great great of dull dull', 'dull film the great', 'great story the film dull'];
    const rows = file('long.tsv', `text\tlabel\n${long.map((each) => `${each}\tno\n`).join('')}`);
    const lengths = { model: models.classification, maxLength: 4, stride: 0 };
    for (const temperature of [0.1, 5]) {
      const undo = withCalibration(models.classification, { temperature });
      const plain = await predictions({ ...lengths, texts: long });
      const calibrated = await predictions({ ...lengths, texts: long, calibrated: true });
      const { worst } = await evaluate({ ...lengths, data: rows, worst: 3, calibrated: true });
      const uncalibrated = await evaluate({ ...lengths, data: rows, worst: 3 });
      undo();
      for (const [i, { label, scores }] of plain.entries()) {
        const odds = Math.log(scores.yes / scores.no);
        expect(calibrated[i].label).toBe(label);
        expect(calibrated[i].scores.yes).toBeCloseTo(1 / (1 + Math.exp(-odds / temperature)), 4);
        const ofLine = ({ line }: { line: number }) => line === i + 2;
        expect(worst!.find(ofLine)!.probability).toBeCloseTo(calibrated[i].score, 5);
        const found = uncalibrated.worst!.find(ofLine)!;
        expect(found.probability).toBeCloseTo(plain[i].score, 5);
        expect(found.loss).toBeCloseTo(-Math.log(scores.no), 4);
      }
    }
  });

  it('gives no label to texts that it is less sure of, and reports their number', async () => {
    const sure = (await predictions()).map(({ score }) => score);
    for (const below of [0, ...sure, 1]) {
      const events: InputEvent[] = [];
      const { predictions: given } = await predict(
        { model: models.classification, texts, abstainBelow: below, topK: 2 },
        { onEvent: (event) => events.push(event) },
      );
      const isNull = (given as LabelPrediction[]).map(({ label }) => label === null);
      expect(isNull).toEqual(sure.map((each) => each < below));
      const abstained = isNull.filter(Boolean).length;
      expect(events).toContainEqual({ event: 'abstained', abstained, of: 4, below });
    }
  });

  it('leaves the label of a table empty, and of JSON null', async () => {
    const input = file('texts.csv', 'text,label\nthe film,x\n');
    const parts: string[] = [];
    const options = { model: models.classification, input, abstainBelow: 1 };
    const out = (text: string) => {
      parts.push(text);
    };
    await predictFile({ ...options, out });
    expect(parts.join('')).toMatch(
      /^text,label,predicted_label,predicted_score\nthe film,x,,0\.\d/,
    );
    parts.length = 0;
    await predictFile({ ...options, out, outFormat: 'jsonl' });
    expect(JSON.parse(parts.join(''))).toMatchObject({ label: 'x', predicted_label: null });
  });

  it('is evaluated by coverage and accuracy, which agree with its predictions', async () => {
    const [, ...lines] = readFileSync(data.classification, 'utf8').trim().split('\n');
    const rows = lines.map((line) => line.split('\t'));
    const given = await predictions({ texts: rows.map(([text]) => text) });
    const sorted = [...new Set(given.map(({ score }) => score))].sort((a, b) => a - b);
    const between = [1, Math.floor(sorted.length / 2)].map((i) => (sorted[i - 1] + sorted[i]) / 2);
    for (const below of [0, ...between]) {
      const { abstention, metrics } = await evaluate({
        ...{ model: models.classification, data: data.classification, abstainBelow: below },
      });
      const answered = given.flatMap(({ label, score }, i) =>
        score >= below ? [label === rows[i][1]] : [],
      );
      const accuracy = answered.filter(Boolean).length / answered.length;
      expect(abstention).toEqual({ below, coverage: answered.length / 24, accuracy });
      if (below === 0) expect(accuracy).toBe(metrics.accuracy);
    }
  });

  it('has no calibration for other weights', async () => {
    const undo = withCalibration(models.classification, { weights: '00' });
    await expect(predictions({ calibrated: true })).rejects.toThrow(
      /`calibrated`: expected a model with a calibration\.json for its weights/,
    );
    undo();
  });

  it.each([[{ temperature: 0 }], [{ temperature: 'hot' }], [{ examples: -1 }]])(
    'is not read with a broken calibration: %j',
    async (change) => {
      const undo = withCalibration(models.classification, change);
      await expect(predictions({ calibrated: true })).rejects.toThrow(/is not a calibration/);
      undo();
    },
  );
});

describe('a model for several labels', () => {
  const predictions = async (options: Partial<PredictRecipeOptions>, events: InputEvent[] = []) =>
    (
      await predict(
        { model: models['multi-label'], texts, ...options },
        { onEvent: (event) => events.push(event) },
      )
    ).predictions as LabelsPrediction[];

  it('uses the thresholds of its validation data, unless another is given', async () => {
    const thresholds = { dull: 0, great: 1 };
    const undo = withCalibration(models['multi-label'], { thresholds, temperature: 2 });
    const events: InputEvent[] = [];
    for (const calibrated of [false, true])
      for (const { labels } of await predictions({ calibrated }, events))
        expect(labels).toEqual(['dull']);
    expect(events).toContainEqual(expect.objectContaining({ event: 'thresholds', thresholds }));
    for (const { labels } of await predictions({ threshold: 1 })) expect(labels).toEqual([]);
    const run = { model: models['multi-label'], data: data['multi-label'] };
    const { perLabel } = await evaluate(run);
    expect([perLabel!.great.recall, perLabel!.dull.recall]).toEqual([0, 1]);
    const { perLabel: none } = await evaluate({ ...run, threshold: 1 });
    expect(none!.dull.recall).toBe(0);
    undo();
  });

  it('evaluates a threshold of calibrated probabilities as it predicts by it', async () => {
    // All probabilities become a half.
    const undo = withCalibration(models['multi-label'], { temperature: 1e6 });
    const run = { model: models['multi-label'], data: data['multi-label'], calibrated: true };
    for (const [threshold, count] of [
      [0.51, 0],
      [0.49, 2],
    ]) {
      for (const { labels } of await predictions({ threshold, calibrated: true }))
        expect(labels).toHaveLength(count);
      const { perLabel } = await evaluate({ ...run, threshold });
      expect([perLabel!.great.recall, perLabel!.dull.recall]).toEqual([count / 2, count / 2]);
    }
    undo();
  });

  it.each([{}, { maxLength: 4, stride: 0 }])(
    'gives the same labels with calibrated probabilities, with %j',
    async (windows) => {
      const thresholds = { dull: 0.45, great: 0.55 };
      const undo = withCalibration(models['multi-label'], { thresholds, temperature: 3 });
      const plain = await predictions(windows);
      const calibrated = await predictions({ ...windows, calibrated: true });
      for (const [i, { scores }] of plain.entries()) {
        const odds = Math.log(scores.dull / (1 - scores.dull));
        expect(calibrated[i].scores.dull).toBeCloseTo(1 / (1 + Math.exp(-odds / 3)), 4);
      }
      const labelsOf = (all: LabelsPrediction[]) => all.map(({ labels }) => [...labels].sort());
      expect(labelsOf(calibrated)).toEqual(labelsOf(plain));
      expect(calibrated[0].scores).not.toEqual(plain[0].scores);
      undo();
    },
  );
});

it.each([
  ['multi-label', { abstainBelow: 0.5 }, /`abstainBelow`: expected a model that gives one label/],
  ['regression', { abstainBelow: 0.5 }, /`abstainBelow`: expected a model that gives one label/],
  ['regression', { calibrated: true }, /`calibrated`: expected a model that gives labels/],
  ['classification', { threshold: 0.5 }, /`threshold`: expected a model that gives several labels/],
  ['classification', { abstainBelow: 2 }, /`abstainBelow`: expected a probability from 0 to 1/],
  ['multi-label', { threshold: -1 }, /`threshold`: expected a probability from 0 to 1, got -1/],
] as const)('a model for %s is not used with %j', async (task, options, message) => {
  const run = { model: models[task], ...options };
  await expect(predict({ ...run, texts })).rejects.toThrow(message);
  await expect(evaluate({ ...run, data: data[task] })).rejects.toThrow(message);
});

it('the worst texts are those of the highest loss', async () => {
  const { worst, loss } = await evaluate({
    ...{ model: models.classification, data: data.classification, worst: 24 },
  });
  const losses = worst!.map((each) => each.loss);
  expect(losses).toEqual([...losses].sort((a, b) => b - a));
  expect(losses.reduce((sum, each) => sum + each, 0) / 24).toBeCloseTo(loss, 4);
  for (const { probability, label, predicted, loss } of worst!)
    if (label === predicted) expect(Math.exp(-loss)).toBeCloseTo(probability!, 5);
    else expect(Math.exp(-loss)).toBeCloseTo(1 - probability!, 5);
});
