import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { UsageError } from '../../../src/platform/errors.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { fineTuneDefaults } from '../../../src/train/defaults.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import type { FineTuneEvent } from '../../../src/train/recipes/fineTuneEvents.ts';
import type { FineTuneResult } from '../../../src/train/recipes/fineTuneRun.ts';
import { inCheckpoint, rewriteInCheckpoint } from '../../support/checkpoints.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-fine-tune-'));
afterAll(() => rmSync(dir, { recursive: true }));
afterEach(() => setDevice(new CpuDevice()));

const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const words = Array.from({ length: 20 }, (_, i) => `w${i}`);
const vocab = file(
  'vocab.txt',
  `${['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', ...words].join('\n')}\n`,
);
const config = file(
  'config.json',
  JSON.stringify({
    model_type: 'bert',
    vocab_size: 27,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 16,
    max_position_embeddings: 40,
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
  }),
);

/** Texts of different lengths; one word tells the label. */
function table(rows: number, seed: number): string {
  const random = new Philox(seed);
  const lines = Array.from({ length: rows }, (_, i) => {
    const text = Array.from({ length: 1 + random.randint(8) }, () => words[random.randint(20)]);
    const label = i % 2 ? 'good' : 'bad';
    text[random.randint(text.length)] = label;
    return `${text.join(' ')}\t${label}`;
  });
  return `text\tlabel\n${lines.join('\n')}\n`;
}
const data = file('data.tsv', table(20, 1));

/** 16 texts to train on: 4 steps an epoch. */
const options = {
  data,
  vocab,
  config,
  epochs: 12,
  batchSize: 4,
  learningRate: 1e-2,
  warmupRatio: 0.2,
  groupByLength: true,
  patience: 1,
} as const satisfies Partial<FineTuneOptions>;

/** What a run leaves behind. */
const saved = ['model.safetensors', 'optimizer.safetensors', 'training.json', 'history.json'];
function contents(out: string): Record<string, string> {
  const files = ['model.safetensors', 'history.json'].map((name) => [name, join(out, name)]);
  const state = saved.map((name) => [`saved ${name}`, inCheckpoint(out, name)]);
  return Object.fromEntries(
    [...files, ...state].map(([name, path]) => [name, readFileSync(path, 'latin1')]),
  );
}
const settingsIn = (out: string) =>
  JSON.parse(readFileSync(inCheckpoint(out, 'training.json'), 'utf8')).settings;

/** Runs until the event of a step arrives, or to the end. */
async function stoppedAt(
  at: number,
  run: FineTuneOptions | { resume: string },
): Promise<FineTuneResult> {
  const controller = new AbortController();
  const onEvent = (event: FineTuneEvent) => {
    if (event.event === 'step' && event.step >= at) controller.abort();
  };
  return fineTune(run, { signal: controller.signal, onEvent });
}

const refusal = (message: RegExp) =>
  expect.objectContaining({ name: UsageError.name, message: expect.stringMatching(message) });

describe.each([
  ['every step', 1],
  ['every third step', 3],
  ['every epoch', undefined],
])('a run that saves after %s', (name, saveEvery) => {
  const whole = join(dir, `whole ${name}`);
  let end: FineTuneResult;
  let expected: Record<string, string>;
  const events: FineTuneEvent['event'][] = [];
  beforeAll(async () => {
    const onEvent = ({ event }: FineTuneEvent) => events.push(event);
    end = await fineTune({ ...options, saveEvery, out: whole }, { onEvent });
    expected = contents(whole);
  });

  it('stops early', () => {
    expect(events).toContain('earlyStop');
    expect(end.interrupted).toBe(false);
    expect(end.history.epochs.length).toBeGreaterThan(1);
    expect(end.history.epochs.length).toBeLessThan(options.epochs);
  });

  it('ends with the same bytes when it is stopped at any step, once or twice', async () => {
    const random = new Philox(saveEvery ?? 4);
    const last = end.history.steps.length;
    for (const times of [1, 2]) {
      const out = mkdtempSync(join(dir, 'parts-'));
      let stop = 1 + random.randint(last / 2);
      let part = await stoppedAt(stop, { ...options, saveEvery, out });
      expect(part.interrupted, `stop at ${stop}`).toBe(true);
      for (let i = 1; i < times; i++) {
        stop = part.history.steps.length + 1 + random.randint(last / 4);
        part = await stoppedAt(stop, { resume: out });
      }
      const resumed = await fineTune({ resume: out });
      expect(resumed.interrupted).toBe(false);
      const bytes = contents(out);
      for (const path in expected) expect(bytes[path] === expected[path], path).toBe(true);
    }
  });

  it('does nothing more when it is resumed after its end', async () => {
    const steps: number[] = [];
    const onEvent = (event: FineTuneEvent) => {
      if (event.event === 'step') steps.push(event.step);
    };
    await fineTune({ resume: whole }, { onEvent });
    expect(steps).toEqual([]);
    expect(contents(whole)).toEqual(expected);
  });
});

it('ends with the same bytes when it is stopped before its first step', async () => {
  const [whole, parts] = ['whole', 'parts'].map((name) => join(dir, `${name} from 0`));
  await fineTune({ ...options, epochs: 2, out: whole });
  const started = { ...options, epochs: 2, out: parts };
  const { history } = await fineTune(started, { signal: AbortSignal.abort() });
  expect(history.steps).toEqual([]);
  await fineTune({ resume: parts });
  expect(contents(parts)).toEqual(contents(whole));
});

describe('an unfinished run', () => {
  const out = join(dir, 'unfinished');
  const changing = file('changing.tsv', table(24, 2));
  const unfinished = { ...options, data: changing, out };
  beforeAll(() => stoppedAt(2, unfinished));

  it('is not overwritten by a new one', async () => {
    await expect(fineTune(unfinished)).rejects.toThrow(
      refusal(/holds a run that stands at step \d+: continue it with `resume: '.*'`/),
    );
  });

  it('is not resumed on another device', async () => {
    setDevice(Object.assign(new CpuDevice(), { kind: 'webgpu' }));
    await expect(fineTune({ resume: out })).rejects.toThrow(
      refusal(/expected the device that the run began on, cpu .*, got webgpu/),
    );
  });

  it('is not resumed on changed data', async () => {
    const text = readFileSync(changing, 'utf8');
    writeFileSync(changing, `${text}w1 good\tgood\n`);
    await expect(fineTune({ resume: out })).rejects.toThrow(
      refusal(/changing\.tsv: expected the \d+ bytes it had when .* began, got \d+/),
    );
    writeFileSync(changing, text.replace('good', 'w1 w'));
    await expect(fineTune({ resume: out })).rejects.toThrow(
      refusal(/changing\.tsv: expected the content it had when .* began, got another/),
    );
    writeFileSync(changing, text);
    await expect(stoppedAt(1, { resume: out })).resolves.toBeDefined();
  });

  it.each([
    ['epochs', '12', /training\.json is not .*: settings\.epochs: .*number.*"12"/],
    ['data', 7, /settings\.data: .*string/],
    ['groupByLength', 'yes', /settings\.groupByLength: .*boolean/],
    ['bytes', [1.5], /settings\.bytes\.0/],
  ])('is not resumed with a setting of another type: %s', async (field, value, message) => {
    const text = readFileSync(inCheckpoint(out, 'training.json'), 'utf8');
    const state = JSON.parse(text);
    const changed = { ...state, settings: { ...state.settings, [field]: value } };
    rewriteInCheckpoint(out, 'training.json', JSON.stringify(changed));
    await expect(fineTune({ resume: out })).rejects.toThrow(refusal(message));
    rewriteInCheckpoint(out, 'training.json', text);
  });
});

it('is not resumed from a folder without a run', async () => {
  await expect(fineTune({ resume: join(dir, 'nothing') })).rejects.toThrow(refusal(/nothing/));
});

it('options that are left out or undefined take the defaults', async () => {
  const small = { data: file('small.tsv', table(10, 3)), vocab, config };
  const [left, given] = ['left out', 'undefined'].map((name) => join(dir, name));
  await fineTune({ ...small, out: left });
  const missing = Object.fromEntries(
    Object.keys(fineTuneDefaults).map((name) => [name, undefined]),
  );
  await fineTune({ ...small, ...missing, out: given });
  expect(settingsIn(left)).toMatchObject(fineTuneDefaults);
  expect(contents(given)).toEqual(contents(left));
});

it('saves no model that has not made a step', async () => {
  const out = join(dir, 'not begun');
  await fineTune({ ...options, out }, { signal: AbortSignal.abort() });
  expect(existsSync(join(out, 'model.safetensors'))).toBe(false);
  expect(existsSync(inCheckpoint(out, 'training.json'))).toBe(true);
});
