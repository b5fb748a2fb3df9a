import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { studyCells } from '../../src/study/cells.ts';
import { readStudyData } from '../../src/study/data.ts';
import { studyDefaults } from '../../src/study/defaults.ts';
import { methods, pretrainings } from '../../src/study/methods.ts';
import { openResults, type StudyResults } from '../../src/study/results.ts';
import type { StudySettings } from '../../src/study/settings.ts';
import { runStudy, studySteps } from '../../src/study/study.ts';
import { formatSpread, summarise } from '../../src/study/summary.ts';
import { setDevice } from '../../src/tensor/index.ts';
import { BertTokenizer } from '../../src/text/tokenizer/index.ts';
import { ExampleBuilder, type Objective } from '../../src/train/pretraining/objective.ts';
import { cli, dir, folder } from './fixtures.ts';

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
  const wordVectors: Objective[] = ['cbow', 'skip-gram'];
  for (const objective of [...wordVectors, 'causal', 'joined', 'bilstm'] as const) {
    const { inputs, tokens, examples, predicted } = await batch(objective);
    expect([tokens, examples]).toEqual([masked.tokens, masked.examples]);
    expect(predicted).toBe(tokens - (wordVectors.includes(objective) ? 0 : examples));
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
    pretrainings: [...pretrainings],
    testRows: 20,
    device: 'cpu',
    trainRows: 120,
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

  it('takes the four pre-trainings of before unless others are chosen', () => {
    const { pretrainings: chosen } = studyDefaults;
    expect(chosen).toEqual(['cbow', 'causal', 'joined', 'mlm']);
    // Eight methods on 8 and on 16 rows, in batches of 4.
    expect(studySteps({ ...settings, pretrainings: chosen })).toBe(4 * 3 + 8 * (2 + 4));
  });

  it('has a cell for each method, size and seed, and a pre-training for each task', () => {
    expect(results(whole)).toEqual(found);
    expect(found.pretraining.map(({ name }) => name)).toEqual([...pretrainings]);
    expect(found.cells.map(({ method, size }) => [method, size])).toEqual(
      methods.flatMap(({ id }) => [8, 16].map((size) => [id, size])),
    );
    for (const { method, parameters, trained, accuracy } of found.cells) {
      expect(accuracy * 20).toBeCloseTo(Math.round(accuracy * 20), 9);
      const { frozen, pretraining } = methods.find(({ id }) => id === method)!;
      // A pooling layer of 8 × 8, 16 × 8 where two are joined, and a classifier of 8 × 2; a weight
      // for the word vectors and the layer of LSTMs, and a factor.
      const mix = pretraining === 'bilstm' ? 3 : 0;
      const states = pretraining === 'joined' || pretraining === 'bilstm' ? 16 : 8;
      if (frozen) expect(trained).toBe(states * 8 + 8 + 18 + mix);
      else expect(trained).toBe(parameters);
    }
  });

  it('trains on all rows with the first seed alone, in no more steps than it may', async () => {
    const some: StudySettings = { ...settings, pretrainings: ['cbow'], sizes: [8, 120], seeds: 2 };
    const cells = studyCells(some).map(({ seed, method, size }) => [seed, method.id, size]);
    expect(cells).toEqual([
      [1, 'random', 8],
      [1, 'random', 120],
      [1, 'cbow-features', 8],
      [1, 'cbow-features', 120],
      [2, 'random', 8],
      [2, 'cbow-features', 8],
    ]);
    // 120 rows are 30 steps of 4.
    expect(studySteps(some)).toBe(2 * 3 + 4 * 2 + 2 * 30);
    const capped = { ...some, maxSteps: 7 };
    let steps = 0;
    const out = join(dir, 'all');
    const { cells: done } = await runStudy(await readStudyData(some), capped, out, {
      onStep: () => steps++,
    });
    expect(steps).toBe(2 * 3 + 4 * 2 + 2 * 7);
    expect(done.map(({ seed, method, size }) => [seed, method, size])).toEqual(cells);
  });

  describe('of two pre-trainings', () => {
    const few: StudySettings = { ...settings, pretrainings: ['cbow', 'mlm'] };
    const unstopped = join(dir, 'unstopped');
    beforeAll(async () => {
      await runStudy(await readStudyData(few), few, unstopped);
    });

    // With the first method, with a later one, and in the second pre-training.
    it.each([2, 20, 23])(
      'stopped after %i steps and run again, it finds the same',
      async (after) => {
        const out = join(dir, `stopped-${after}`);
        const data = await readStudyData(few);
        const controller = new AbortController();
        let steps = 0;
        const stop = () => ++steps === after && controller.abort();
        const some = await runStudy(data, few, out, { signal: controller.signal, onStep: stop });
        expect(some.cells.length).toBeLessThan(results(unstopped).cells.length);
        let skipped = 0;
        steps = 0;
        await runStudy(data, few, out, {
          onStep: () => steps++,
          onSkipped: (count) => (skipped += count),
        });
        expect(steps + skipped).toBe(studySteps(few));
        expect(readFileSync(join(out, 'results.json'), 'utf8')).toBe(
          readFileSync(join(unstopped, 'results.json'), 'utf8'),
        );
        steps = 0;
        await runStudy(data, few, out, { onStep: () => steps++ });
        expect(steps).toBe(0);
      },
    );
  });

  it('names the epochs that are wrong', async () => {
    const wrong = runStudy(
      await readStudyData(settings),
      { ...settings, epochs: 0 },
      join(dir, 'no'),
    );
    await expect(wrong).rejects.toThrow('`epochs`: expected an integer of at least 1, got 0');
  });

  it('is not mixed with one of other settings, or other data', async () => {
    const data = await readStudyData(settings);
    await expect(runStudy(data, { ...settings, epochs: 2 }, whole)).rejects.toThrow(
      /`epochs`: expected 1, got 2/,
    );
    const marks = { ...data.marks, hashes: ['a', 'b'] };
    await expect(runStudy({ ...data, marks }, settings, whole)).rejects.toThrow(
      /`hashes`: expected .*, got \["a","b"\]/,
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
    expect(page).toContain(readFileSync(join(killed, 'accuracy.svg'), 'utf8').trim());
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
      stderr: expect.stringMatching(/whole numbers or "all", separated by commas/),
    });
    const many = wigbert('study', '--data', folder, '--sizes', '8,121');
    expect(many).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /--sizes: expected different numbers of rows from 1 to the 120/,
      ),
    });
    const unknown = wigbert('study', '--data', folder, '--pretrainings', 'cbow,elmo');
    expect(unknown).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--pretrainings: expected one or more of cbow, .*, got elmo/),
    });
  });
});
