import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { readStudyData, splitForSeed } from '../../src/study/data.ts';
import { methods, pretrainings } from '../../src/study/methods.ts';
import { openResults, type StudyResults } from '../../src/study/results.ts';
import { runStudy, type StudySettings, studySteps } from '../../src/study/study.ts';
import { formatDifference, formatSpread, spread, summarise } from '../../src/study/summary.ts';
import { setDevice } from '../../src/tensor/index.ts';
import { Philox } from '../../src/tensor/random.ts';
import { BertTokenizer } from '../../src/text/tokenizer/index.ts';
import { ExampleBuilder, type Objective } from '../../src/train/pretraining/objective.ts';

const cli = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'wigbert-study-'));
afterAll(() => rmSync(dir, { recursive: true }));

// A text's label is that of most of its words.
const random = new Philox(11);
const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 3 + random.randint(6) }, () =>
      random.uniform() < 0.8 ? i % 2 : 1 - (i % 2),
    );
    return `${words.map((side) => `${side ? 'good' : 'bad'}${random.randint(8)}`).join(' ')}\t${i % 2 ? 'yes' : 'no'}`;
  });
const table = (count: number) => `text\tlabel\n${rows(count).join('\n')}\n`;
const folder = join(dir, 'data');
mkdirSync(folder);
writeFileSync(join(folder, 'some_train.txt'), table(120));
writeFileSync(join(folder, 'some_test.txt'), table(40));
writeFileSync(join(folder, 'LICENSE'), '');
const file = join(folder, 'some_train.txt');

describe('arithmetic', () => {
  it('mean and deviation of a sample', () => {
    const { mean, deviation } = spread([2, 4, 4, 4, 5, 5, 7, 9]);
    expect(mean).toBe(5);
    // 32 / 7, not 32 / 8.
    expect(deviation).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(spread([0.5]).deviation).toBeNaN();
    expect(spread([]).mean).toBeNaN();
    expect([[0.5, 0.7], [0.6], []].map((values) => formatSpread(spread(values)))).toEqual([
      '60.0 ± 14.1',
      '60.0',
      '–',
    ]);
    expect(formatDifference(spread([0.1, -0.02, 0.04]))).toBe('+4.0 ± 6.0 (2 of 3)');
    expect(formatDifference(spread([]))).toBe('–');
  });

  it('differences are taken seed by seed, of seeds that have both', () => {
    const cell = (method: string, seed: number, size: number, accuracy: number) => ({
      ...{ method, seed, size, accuracy },
      ...{ parameters: 5, trained: 3 },
    });
    const cells = [
      cell('random', 1, 10, 0.5),
      cell('random', 2, 10, 0.8),
      cell('mlm-fine-tuned', 2, 10, 0.9),
      cell('mlm-fine-tuned', 1, 10, 0.75),
      cell('mlm-fine-tuned', 3, 10, 0.1),
      cell('mlm-fine-tuned', 1, 20, 0.6),
    ];
    const summary = summarise({ cells, settings: { sizes: [10, 20] } });
    const [first] = summary.claims;
    expect([first.better, first.worse]).toEqual([
      'masked language model: fine-tuned',
      'random weights: fine-tuned',
    ]);
    expect(first.difference[0].mean).toBeCloseTo(0.175);
    expect(first.difference[0].deviation).toBeCloseTo(Math.SQRT1_2 * 0.15);
    expect(first.difference[1].values).toEqual([]);
    expect(
      summary.methods
        .find(({ id }) => id === 'mlm-fine-tuned')!
        .accuracy.map(({ values }) => values.length),
    ).toEqual([3, 1]);
    expect(summary.methods.map(({ id }) => id)).toEqual(methods.map(({ id }) => id));
  });
});

describe('data', () => {
  it('a folder gives a file to train on and one to test with; a file sets test rows aside', async () => {
    const given = await readStudyData({ data: folder, testRows: 1000 });
    expect([given.train.length, given.test.length, given.labels]).toEqual([120, 40, ['no', 'yes']]);
    const drawn = await readStudyData({ data: folder, testRows: 10 });
    expect(drawn.test.filter(({ label }) => label === 1).length).toBe(5);
    const own = await readStudyData({ data: file, testRows: 30 });
    expect([own.train.length, own.test.length]).toEqual([90, 30]);
    expect(new Set([...own.train, ...own.test].map(({ line }) => line)).size).toBe(120);
    expect((await readStudyData({ data: file, testRows: 30 })).test).toEqual(own.test);
  });

  it.each([1, 2])(
    'labelled rows and texts have nothing in common, and each label its share (seed %i)',
    async (seed) => {
      const data = await readStudyData({ data: folder, testRows: 10 });
      const { texts, labelled } = splitForSeed(data, 30, seed);
      expect([texts.length, labelled.length]).toEqual([90, 30]);
      expect(labelled.filter(({ label }) => label === 0).length).toBe(15);
      const all = [...texts.map(([text]) => text), ...labelled.map(({ text }) => text)];
      expect(all.sort()).toEqual(data.train.map(({ text }) => text).sort());
      expect(splitForSeed(data, 30, seed)).toEqual({ texts, labelled });
      expect(splitForSeed(data, 30, seed + 1).labelled).not.toEqual(labelled);
      expect(() => splitForSeed(data, 120, seed)).toThrow(/`sizes`: expected less than 120 rows/);
    },
  );

  it('wrong use is explained', async () => {
    await expect(readStudyData({ data: dir, testRows: 10 })).rejects.toThrow(
      /one file with "train" in its name, got no TSV/,
    );
    await expect(readStudyData({ data: file, testRows: 120 })).rejects.toThrow(
      /`testRows`: expected less than the 120 rows/,
    );
    const one = join(dir, 'one.tsv');
    writeFileSync(one, 'text\tlabel\na\tx\nb\tx\n');
    await expect(readStudyData({ data: one, testRows: 1 })).rejects.toThrow(/got one only \(x\)/);
  });
});

it('all pre-trainings see the same texts in the same batches', async () => {
  const tokenizer = new BertTokenizer([
    '[PAD]',
    '[UNK]',
    '[CLS]',
    '[SEP]',
    '[MASK]',
    'a',
    'b',
    'c',
    'd',
  ]);
  const batch = async (objective: Objective) => {
    const maker = new ExampleBuilder(tokenizer, {
      objective,
      maxLength: 8,
      batchSize: 3,
      mlmProbability: 0.15,
      wholeWordMask: false,
    });
    const examples = await maker.examples([['a b c d a b c d'], ['b'], ['d c b a b']], 5);
    return maker.collate(maker.sortByLength(examples), 5, 0);
  };
  const masked = await batch('mlm');
  for (const objective of ['cbow', 'causal', 'joined'] as const) {
    const { inputs, tokens, examples, predicted } = await batch(objective);
    expect([tokens, examples]).toEqual([masked.tokens, masked.examples]);
    expect(predicted).toBe(tokens - (objective === 'cbow' ? 0 : examples));
    expect(inputs.attentionMask).toEqual(masked.inputs.attentionMask);
    const ids = Array.from(inputs.inputIds.data);
    expect(ids).not.toContain(tokenizer.maskTokenId);
    expect(Array.from(inputs.labels.data)).toEqual(
      ids.map((id, i) => (inputs.attentionMask.data[i] === 1 ? id : -100)),
    );
    expect(inputs.labels.data).toContain(-100);
  }
});

const settings: StudySettings = {
  ...{
    data: folder,
    testRows: 20,
    device: 'cpu',
    sizes: [8, 16],
    seeds: 1,
    pretrainSteps: 3,
    pretrainLearningRate: 1e-3,
  },
  ...{
    vocabSize: 60,
    layers: 1,
    hiddenSize: 8,
    maxLength: 10,
    batchSize: 4,
    epochs: 1,
    learningRate: 1e-3,
  },
};
const results = (out: string) =>
  JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as StudyResults;

describe('a study', () => {
  const whole = join(dir, 'whole');
  let found: StudyResults;
  beforeAll(async () => {
    setDevice(new CpuDevice());
    let steps = 0;
    found = await runStudy(await readStudyData(settings), settings, whole, {
      onStep: () => steps++,
    });
    expect(steps).toBe(studySteps(settings));
  }, 60_000);

  it('has a cell for each method, size and seed, and a pre-training for each task', () => {
    expect(results(whole)).toEqual(found);
    expect(found.pretraining.map(({ name }) => name)).toEqual([...pretrainings]);
    expect(found.cells.map(({ method, size }) => [method, size])).toEqual(
      methods.flatMap(({ id }) => [8, 16].map((size) => [id, size])),
    );
    for (const { method, parameters, trained, accuracy } of found.cells) {
      expect(accuracy * 20).toBeCloseTo(Math.round(accuracy * 20), 9);
      const { frozen, pretraining } = methods.find(({ id }) => id === method)!;
      // A pooling layer of 8 × 8, 16 × 8 where two are joined, and a classifier of 8 × 2.
      if (frozen) expect(trained).toBe((pretraining === 'joined' ? 16 : 8) * 8 + 8 + 18);
      else expect(trained).toBe(parameters);
    }
  });

  it.each([2, 20, 37])(
    'stopped after %i steps and run again, it finds the same',
    async (after) => {
      const out = join(dir, `stopped-${after}`);
      const data = await readStudyData(settings);
      const controller = new AbortController();
      let steps = 0;
      const stop = () => ++steps === after && controller.abort();
      const some = await runStudy(data, settings, out, { signal: controller.signal, onStep: stop });
      expect(some.cells.length).toBeLessThan(found.cells.length);
      let skipped = 0;
      steps = 0;
      await runStudy(data, settings, out, {
        onStep: () => steps++,
        onSkipped: (count) => (skipped += count),
      });
      expect(steps + skipped).toBe(studySteps(settings));
      expect(readFileSync(join(out, 'results.json'), 'utf8')).toBe(
        readFileSync(join(whole, 'results.json'), 'utf8'),
      );
      steps = 0;
      await runStudy(data, settings, out, { onStep: () => steps++ });
      expect(steps).toBe(0);
    },
    60_000,
  );

  it('is not mixed with one of other settings, or other data', async () => {
    const data = await readStudyData(settings);
    await expect(runStudy(data, { ...settings, epochs: 2 }, whole)).rejects.toThrow(
      /`epochs`: expected 1, got 2/,
    );
    await expect(runStudy({ ...data, bytes: [1, 2] }, settings, whole)).rejects.toThrow(
      /bytes is .* not \[1,2\]/,
    );
    const broken = join(dir, 'broken');
    mkdirSync(broken);
    writeFileSync(
      join(broken, 'results.json'),
      '{"settings": {}, "pretraining": [], "cells": [{"method": 3}]}',
    );
    await expect(openResults(broken, {})).rejects.toThrow(
      /results\.json is not a study's results: cells\.0/,
    );
  });
});

describe('on the command line', () => {
  const options = [
    ...[
      'study',
      '--data',
      folder,
      '--test-rows',
      '20',
      '--sizes',
      '16,8',
      '--seeds',
      '1',
      '--pretrain-steps',
      '3',
    ],
    ...[
      '--vocab-size',
      '60',
      '--layers',
      '1',
      '--hidden-size',
      '8',
      '--max-length',
      '10',
      '--batch-size',
      '4',
    ],
    ...['--epochs', '1', '--device', 'cpu'],
  ];
  const ended = (child: ChildProcess) =>
    new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const wigbert = (...args: string[]) =>
    spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });

  it('killed and run again, it gives the results of a run that was not, and a page', {
    timeout: 120_000,
  }, async () => {
    const [killed, whole] = ['killed', 'unkilled'].map((name) => join(dir, name));
    const child = spawn(process.execPath, [cli, ...options, '--out', killed], { stdio: 'ignore' });
    const over = ended(child);
    const path = join(killed, 'results.json');
    while (child.exitCode === null && !(existsSync(path) && results(killed).cells.length >= 5))
      await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGKILL');
    await over;
    expect(results(killed).cells.length).toBeLessThan(16);
    const again = wigbert(...options, '--out', killed, '--quiet');
    expect(again.stderr).toBe('');
    const once = wigbert(...options, '--out', whole, '--json');
    expect(readFileSync(path, 'utf8')).toBe(readFileSync(join(whole, 'results.json'), 'utf8'));

    const summary = summarise(results(whole));
    expect(JSON.parse(once.stdout)).toMatchObject({
      finished: true,
      sizes: [8, 16],
      pretraining: results(whole).pretraining,
    });
    const page = readFileSync(join(killed, 'report.html'), 'utf8');
    expect(page.match(/<svg/g)?.length).toBe(1);
    expect(page).not.toContain('NaN');
    for (const { title, accuracy } of summary.methods) {
      const cells = accuracy.map(formatSpread);
      expect(page).toContain([title, ...cells].map((cell) => `<td>${cell}</td>`).join(''));
      expect(again.stdout).toMatch(new RegExp(`${title} +${cells.join(' +')}`));
    }
  });

  it('explains wrong use', () => {
    expect(wigbert('study')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("'--data <path>' not specified"),
    });
    const sizes = wigbert('study', '--data', folder, '--sizes', '8,x');
    expect(sizes).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/whole numbers .* separated by commas/),
    });
  });
});
