import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliFixture, wigbert, wigbertHere } from '../support/cli.ts';

const { dir, file, trainHere } = cliFixture();

describe('train, evaluate and predict for every task', () => {
  const trainOn = async (path: string, out: string, ...args: string[]) =>
    await trainHere(path, out, '--epochs', '6', ...args);
  const measure = async (path: string, dir: string, ...args: string[]) =>
    JSON.parse(
      (await wigbertHere(['evaluate', path, '--model', dir, '--device', 'cpu', '--json', ...args]))
        .stdout,
    );
  const read = (dir: string, name: string) => JSON.parse(readFileSync(join(dir, name), 'utf8'));

  it('several labels', async () => {
    const examples = Array.from({ length: 48 }, (_, i) => [
      [
        'the film',
        ...(i & 1 ? ['great music'] : []),
        ...(i & 2 ? ['dull plot'] : []),
        `in ${i}`,
      ].join(' '),
      [...(i & 1 ? ['music'] : []), ...(i & 2 ? ['plot'] : [])].join('|'),
    ]);
    const several = file(
      'several.tsv',
      `text\tlabels\n${examples.map((row) => row.join('\t')).join('\n')}\n`,
    );
    const out = join(dir, 'several');
    const separator = ['--label-separator', '|'];
    const run = await trainOn(several, out, '--task', 'multi-label', ...separator);
    expect(run.stderr).toContain(
      '38 examples to train on, 10 to validate with, 2 labels (music, plot)',
    );
    expect(run.stderr).toMatch(
      /epoch 1: loss [\d.]+, micro F1 [\d.]+ · validation loss [\d.]+, micro F1 [\d.]+/,
    );
    expect(run.stdout).toMatch(/best: epoch \d, validation micro F1 (?:0\.[789]|1\.0)/);
    expect(read(out, 'config.json').problem_type).toBe('multi_label_classification');
    expect(read(out, 'history.json').monitor).toBe('microF1');
    const result = await measure(several, out, ...separator);
    expect(result).toMatchObject({ task: 'multi-label', examples: 48, labels: ['music', 'plot'] });
    expect(result.microF1).toBeGreaterThan(0.8);
    expect(result.perLabel.plot.support).toBe(24);
    const predict = async (...args: string[]) =>
      (await wigbertHere(['predict', '--model', out, '--device', 'cpu', ...args])).stdout.trim();
    const { labels, scores } = JSON.parse(await predict('--json', 'the film great music'));
    expect(labels).toEqual(Object.keys(scores).filter((label) => scores[label] > 0.5));
    expect(await predict('--threshold', '1', 'the film')).toBe('–\tthe film');
    expect(await predict('--threshold', '0', 'the film')).toMatch(
      /^(music|plot) [\d.]+, (music|plot) [\d.]+\tthe film$/,
    );
  });

  it('scores of pairs', async () => {
    const words = ['film', 'story', 'music', 'actor'];
    const examples = Array.from({ length: 48 }, (_, i) => [
      i % 3 ? 0.5 : 4.5,
      `a ${words[i % 4]}`,
      i % 3 ? 'terrible' : 'wonderful',
    ]);
    const pairs = file(
      'scores.tsv',
      `score\tsentence1\tsentence2\n${examples.map((row) => row.join('\t')).join('\n')}\n`,
    );
    expect((await trainOn(pairs, join(dir, 'none'))).stderr).toMatch(/no label column/);
    expect((await trainOn(pairs, join(dir, 'none'), '--label-column', 'score')).stderr).toMatch(
      /numbers with fractions \(0.5, 4.5\); set --task regression for scores/,
    );
    const out = join(dir, 'scores');
    const run = await trainOn(pairs, out, '--task', 'regression');
    expect(run.stderr).toMatch(
      /epoch 1: loss [\d.]+ · validation loss [\d.]+, Spearman -?[\d.]+, Pearson -?[\d.]+/,
    );
    expect(run.stderr).toContain(' pairs/s ');
    expect(run.stdout).toContain('--pairs < pairs.txt');
    expect(read(out, 'config.json')).toMatchObject({
      problem_type: 'regression',
      id2label: { 0: 'LABEL_0' },
    });
    expect(readFileSync(join(out, 'history.svg'), 'utf8')).toMatch(/>Spearman</);
    const result = await measure(pairs, out);
    expect(result).toMatchObject({ task: 'regression', examples: 48 });
    expect(Math.min(result.spearman, result.pearson)).toBeGreaterThan(0.7);
    const given = ['predict', '--pairs', '--model', out, '--device', 'cpu'];
    const lines = wigbert(given, 'a film\twonderful\na film\tterrible\n').stdout.split('\n');
    expect(Number(lines[0].split('\t')[0])).toBeGreaterThan(Number(lines[1].split('\t')[0]));
    expect(JSON.parse((await wigbertHere([...given, '--json', 'a\tb'])).stdout)).toEqual({
      text: 'a\tb',
      score: expect.any(Number),
    });
    expect((await wigbertHere([...given, '--threshold', '0.5', 'a\tb'])).stderr).toMatch(
      /--threshold: expected a model that gives several labels, got .* for regression/,
    );
  });

  it('tags of words', async () => {
    const sentences = Array.from({ length: 40 }, (_, i) => {
      const name = ['James\tB-PER', 'Mary\tB-PER\nJames\tI-PER'][i % 2];
      return `the\tO\nfilm\tO\nby\tO\n${i % 4 ? name : 'nobody\tO'}\n.\tO\n`;
    });
    const tagged = file('tags.conll', sentences.join('\n'));
    const out = join(dir, 'tags');
    const run = await trainOn(tagged, out, '--task', 'token-classification', '--max-length', '11');
    expect(run.stderr).toContain(
      '32 examples to train on, 8 to validate with, 3 tags (B-PER, I-PER, O)',
    );
    expect(run.stderr).toMatch(
      new RegExp(
        'epoch 1: loss [\\d.]+, accuracy [\\d.]+ % · ' +
          'validation loss [\\d.]+, F1 [\\d.]+, accuracy [\\d.]+ %',
      ),
    );
    expect(run.stderr).toMatch(/tags.conll: 20 of 220 words are left out/);
    expect(read(out, 'config.json')).toMatchObject({
      architectures: ['BertForTokenClassification'],
      problem_type: null,
    });
    const result = await measure(tagged, out);
    expect(result).toMatchObject({
      task: 'token-classification',
      examples: 40,
      perLabel: { PER: { support: 30 } },
    });
    expect(Math.min(result.f1, result.accuracy)).toBeGreaterThan(0.7);
    const text = 'the film by James.';
    const predict = async (...args: string[]) =>
      await wigbertHere(['predict', '--model', out, '--device', 'cpu', ...args]);
    const lines = (await predict(text)).stdout.split('\n');
    expect(lines.map((line) => line.split('\t')[0])).toEqual([
      'the',
      'film',
      'by',
      'James',
      '.',
      '',
      '',
    ]);
    const { words, entities } = JSON.parse((await predict('--json', text)).stdout);
    expect(words.map(({ entity }: { entity: string }) => entity)).toEqual(
      lines.slice(0, 5).map((line) => line.split('\t')[4]),
    );
    for (const { word, start, end } of [...words, ...entities])
      expect(text.slice(start, end)).toBe(word);
    // What it prints, it reads.
    const again = file('again.conll', (await predict(text, text)).stdout);
    expect(await measure(again, out)).toMatchObject({ examples: 2, accuracy: 1 });
    expect((await predict('--max-length', '5', text)).stdout.split('\n').length).toBe(5);
    expect((await predict('--pairs', 'a\tb')).stderr).toMatch(
      /<texts>: expected single texts, since .* tags words/,
    );
  });
});
