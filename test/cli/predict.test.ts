import { beforeAll, describe, expect, it } from 'vitest';
import { cliFixture, wigbert, wigbertHere } from '../support/cli.ts';

const { trainedModel } = cliFixture();

describe('predict', () => {
  let model = '';
  beforeAll(async () => {
    model = await trainedModel();
  });

  it('predicts arguments and standard input alike', async () => {
    const given = ['a wonderful film', 'a terrible film'];
    const fromArguments = await wigbertHere([
      'predict',
      '--model',
      model,
      '--device',
      'cpu',
      ...given,
    ]);
    const fromInput = wigbert(
      ['predict', '--model', model, '--device', 'cpu'],
      `${given.join('\n')}\n`,
    );
    expect(fromInput.stdout).toBe(fromArguments.stdout);
    expect(fromArguments.stdout.split('\n').map((line) => line.split('\t')[0])).toEqual([
      'good',
      'bad',
      '',
    ]);
    expect(fromArguments.stderr).toMatch(/^device: cpu \(.*\)\n$/);
    const asJson = await wigbertHere([
      'predict',
      '--model',
      model,
      '--device',
      'cpu',
      '--json',
      given[0],
    ]);
    expect(asJson.stderr).toBe('');
    const [line] = asJson.stdout.split('\n');
    const { label, score, scores } = JSON.parse(line);
    expect(scores[label]).toBe(score);
    expect(scores.good + scores.bad).toBeCloseTo(1, 5);
  });

  it('predicts a long standard input part by part, in its order', async () => {
    const given = Array.from(
      { length: 40 },
      (_, i) => `a ${i % 3 ? 'wonderful' : 'bad'} film ${i}`,
    );
    const args = ['predict', '--model', model, '--device', 'cpu', '--batch-size', '1', '--json'];
    const found = wigbert(args, given.join('\n')).stdout.trim().split('\n');
    expect(found.map((line) => JSON.parse(line).text)).toEqual(given);
    for (const i of [0, 17, 39])
      expect((await wigbertHere([...args, given[i]])).stdout).toBe(`${found[i]}\n`);
  });

  it('says what is wrong with standard input', () => {
    const args = ['predict', '--model', model, '--device', 'cpu'];
    expect(wigbert(args, '').stderr).toContain('expected texts on standard input, got none');
    const pairs = wigbert([...args, '--pairs'], 'a\tb\nc\n');
    expect(pairs.stderr).toContain('text 2: expected two texts separated by one tab, got 1');
    expect(pairs.status).toBe(2);
  });
});
