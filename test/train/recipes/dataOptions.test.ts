import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { embed } from '../../../src/train/recipes/embed.ts';
import { evaluate } from '../../../src/train/recipes/evaluate.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import type { FineTuneEvent } from '../../../src/train/recipes/fineTuneEvents.ts';
import { type CrossValidateEvent, crossValidate } from '../../../src/train/recipes/folds.ts';
import { predict } from '../../../src/train/recipes/predict.ts';
import { inCheckpoint } from '../../support/checkpoints.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-data-options-'));
afterAll(() => rmSync(dir, { recursive: true }));
afterEach(() => setDevice(new CpuDevice()));
const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const words = Array.from({ length: 12 }, (_, i) => `w${i}`);
const tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', ...words];
const vocab = file('vocab.txt', `${tokens.join('\n')}\n`);
const config = file(
  'config.json',
  JSON.stringify({
    ...{ model_type: 'bert', vocab_size: tokens.length, hidden_size: 8, num_hidden_layers: 1 },
    ...{ num_attention_heads: 2, intermediate_size: 8, max_position_embeddings: 16 },
  }),
);
const row = (i: number, label: string): string =>
  `${words[i % 12]} ${words[(5 * i) % 12]} ${label}\t${label}`;
const table = (name: string, labels: readonly string[], header = 'text\tlabel'): string =>
  file(name, `${header}\n${labels.map((label, i) => row(i, label)).join('\n')}\n`);
const alternating = Array.from({ length: 12 }, (_, i) => (i % 2 ? 'good' : 'bad'));
const data = table('data.tsv', alternating);
const options = { vocab, config, epochs: 1, batchSize: 4, maxLength: 12 } as const;

/** Trains; returns what it reported and its history. */
async function train(given: Partial<FineTuneOptions>, name: string) {
  setDevice(new CpuDevice());
  const events: FineTuneEvent[] = [];
  const out = join(dir, name);
  const result = await fineTune(
    { data, ...options, ...given, out },
    { onEvent: (event) => events.push(event) },
  );
  const start = events.find((event) => event.event === 'start')!;
  return { ...result, out, events, start };
}
const bits = (out: string): string => readFileSync(join(out, 'model.safetensors')).toString('hex');

describe('several files', () => {
  it('are read by their own columns, and their labels are joined', async () => {
    const other = table('other.tsv', ['so', 'good', 'so'], 'document\tclass');
    const { labels, start } = await train({ data: [data, other] }, 'several');
    expect(labels).toEqual(['bad', 'good', 'so']);
    expect((start.train as number) + (start.valid as number)).toBe(15);
  });

  it.each([
    ['twice the same', () => [data, data], 'expected each file once'],
    ['none', () => [], '`data`: expected a file, got none'],
    [
      'pairs in one only',
      () => [data, file('pairs.tsv', 'premise\thypothesis\tlabel\na\tb\tgood\n')],
      'expected pairs of texts in both or in none',
    ],
  ])('are refused: %s', async (_, files, message) => {
    await expect(train({ data: files() }, 'refused')).rejects.toThrow(message);
  });
});

it('pairs to train on and none to validate with are refused', async () => {
  const pairs = file('train-pairs.tsv', 'premise\thypothesis\tlabel\na\tb\tgood\nc\td\tbad\n');
  await expect(train({ data: pairs, valid: data }, 'refused')).rejects.toThrow(
    `${pairs} and ${data}: expected pairs of texts in both or in none`,
  );
});

describe('balance', () => {
  const uneven = table('uneven.tsv', ['good', ...Array(9).fill('bad')]);
  it('repeats rare classes, with the same bits each time', async () => {
    const given = { data: uneven, balance: true, validSplit: 0 };
    const { start, events, out } = await train(given, 'balanced');
    expect(start.train).toBe(18);
    expect(events).toContainEqual({ event: 'balanced', path: uneven, before: 10, after: 18 });
    expect(bits((await train(given, 'balanced-again')).out)).toBe(bits(out));
  });

  it('goes with classes only, and without their weights', async () => {
    const scores = file('scores.tsv', 'text\tscore\nw1\t1\nw2\t2\n');
    await expect(
      train({ data: scores, task: 'regression', balance: true }, 'refused'),
    ).rejects.toThrow('`balance`: expected classification, got regression');
    await expect(
      train({ data: uneven, balance: true, classWeights: 'balanced' }, 'refused'),
    ).rejects.toThrow('`balance` and `classWeights` exclude each other');
  });
});

describe('stride', () => {
  const rows = alternating.map((label, i) => `${`${words[i]} `.repeat(18)}${label}\t${label}`);
  const long = file('long.tsv', `text\tlabel\n${rows.join('\n')}\n`);

  it('makes windows to train on, and counts documents once', async () => {
    const { start, out, events } = await train({ data: long, stride: 1, valid: long }, 'stride');
    expect([start.train, start.valid]).toEqual([24, 12]);
    expect(events).toContainEqual({
      ...{ event: 'windows', path: long, split: 12, windows: 24, texts: 12, maxLength: 12 },
    });
    const result = await evaluate({ model: out, data: long, maxLength: 12, stride: 1 });
    expect(result.examples).toBe(12);
    expect(result.confusion!.flat().reduce((a, b) => a + b)).toBe(12);
    const text = `${'w1 '.repeat(18)}good`;
    const [first, last] = [`${'w1 '.repeat(9)}w1`, `${'w1 '.repeat(9)}w1 good`];
    const probability = async (some: string, stride?: number) => {
      const found = await predict({ model: out, texts: [some], maxLength: 12, stride });
      return found.task === 'classification' ? found.predictions[0].scores.good : Number.NaN;
    };
    const mean = ((await probability(first)) + (await probability(last.slice(3)))) / 2;
    // 19 words: the first ten, then the last eleven less one, two of them repeated.
    expect(await probability(text, 1)).toBeCloseTo(mean, 5);
    const { vectors } = await embed({ model: out, texts: [text], maxLength: 12, stride: 1 });
    const parts = await embed({ model: out, texts: [first, last.slice(3)] });
    for (const [i, value] of vectors[0].entries())
      expect(value).toBeCloseTo((parts.vectors[0][i] + parts.vectors[1][i]) / 2, 5);
  });

  it('is refused where it means nothing', async () => {
    const tags = file('tags.conll', 'w1 A\nw2 B\n\nw1 A\nw2 B\n');
    await expect(
      train({ data: tags, task: 'token-classification', stride: 1 }, 'refused'),
    ).rejects.toThrow('`stride`: expected a task that labels texts');
    await expect(train({ data: long, stride: 10 }, 'refused')).rejects.toThrow(
      '`stride`: expected less than the 10 tokens',
    );
    await expect(embed({ model: 'm', texts: ['a'], stride: 1, pooling: 'tokens' })).rejects.toThrow(
      "`stride`: expected `pooling` to be 'mean' or 'cls'",
    );
  });
});

describe('crossValidate', () => {
  const given = { data, ...options, folds: 3 };
  const run = async (out: string, stopAt?: number, resume?: string, more = {}) => {
    setDevice(new CpuDevice());
    const stop = new AbortController();
    const events: CrossValidateEvent[] = [];
    let steps = 0;
    const result = await crossValidate(resume ? { resume } : { ...given, ...more, out }, {
      signal: stop.signal,
      about: { command: resume ?? out, version: '1.2.3' },
      onEvent(event) {
        events.push(event);
        if (event.event === 'step' && ++steps === stopAt) stop.abort();
      },
    });
    return { ...result, events };
  };

  it('goes on with `auto` where its first fold was stopped', async () => {
    const out = join(dir, 'auto');
    expect(await run(out, 1)).toMatchObject({ interrupted: true, results: [] });
    const other = { ...given, data: [data, data], out, resume: 'auto' as const };
    await expect(crossValidate(other)).rejects.toThrow(/`data`: expected .* was begun, got \[/);
    const { results } = await crossValidate({ ...given, out, resume: 'auto' });
    expect(results.map(({ fold }) => fold)).toEqual([1, 2, 3]);
  });

  it('goes on where its first fold was stopped, in place of an older one', async () => {
    const [out, whole] = ['replaced', 'other-seed'].map((name) => join(dir, name));
    await run(out);
    const stopped = await run(out, 1, undefined, { overwrite: true, seed: 2 });
    expect(stopped).toMatchObject({ interrupted: true, results: [] });
    const { results } = await run(out, undefined, out);
    const expected = await run(whole, undefined, undefined, { seed: 2 });
    expect(results.map(({ metrics }) => metrics)).toEqual(
      expected.results.map(({ metrics }) => metrics),
    );
  });

  it('validates on each part once; a stopped one goes on with the same bits', async () => {
    const whole = join(dir, 'folds');
    const { results, summary } = await run(whole);
    expect(results.map(({ fold, epoch }) => [fold, epoch])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    const losses = results.map(({ metrics }) => metrics.validLoss);
    const mean = losses.reduce((a, b) => a + b) / 3;
    const std = Math.hypot(...losses.map((loss) => loss - mean)) / Math.SQRT2;
    expect(summary.validLoss.mean).toBeCloseTo(mean, 12);
    expect(summary.validLoss.std).toBeCloseTo(std, 12);
    const { results: saved } = JSON.parse(readFileSync(join(whole, 'folds.json'), 'utf8'));
    expect(saved).toEqual(results);

    const stopped = join(dir, 'stopped');
    // Two steps a fold: in the middle of the second.
    expect((await run(stopped, 3)).interrupted).toBe(true);
    const resumed = await run(stopped, undefined, stopped);
    expect(resumed.results.map(({ metrics }) => metrics)).toEqual(
      results.map(({ metrics }) => metrics),
    );
    expect(
      resumed.events.flatMap((event) => (event.event === 'foldEnd' ? [event.kept] : [])),
    ).toEqual([true, false, false]);
    for (const fold of [1, 2, 3]) {
      const [one, other] = [stopped, whole].map((out) => join(out, `fold-${fold}`));
      expect(bits(one)).toBe(bits(other));
      const stateOf = (out: string) => readFileSync(inCheckpoint(out, 'training.json'), 'utf8');
      expect(stateOf(one)).toBe(stateOf(other));
    }

    await expect(run(whole)).rejects.toThrow('already holds a cross-validation');
  });

  it.each([
    ['one fold', { folds: 1 }, '`folds`: expected an integer ≥ 2, got 1'],
    ['a file to validate with', { valid: data }, '`folds` and `valid` exclude each other'],
    ['more folds than examples', { folds: 13 }, 'expected at most the 12 examples'],
  ])('refuses %s', async (_, more, message) => {
    setDevice(new CpuDevice());
    const wrong = { ...given, ...more, out: join(dir, 'wrong') };
    await expect(crossValidate(wrong)).rejects.toThrow(message);
  });

  it('begins, once its data are right, without being told to overwrite', async () => {
    const out = join(dir, 'mended');
    await expect(run(out, undefined, undefined, { folds: 13 })).rejects.toThrow('at most the 12');
    expect((await run(out)).results).toHaveLength(3);
  });
});
