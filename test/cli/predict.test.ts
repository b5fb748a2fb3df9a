import { beforeAll, describe, expect, it } from 'vitest';
import { cliFixture, wigbert } from '../support/cli.ts';

const { trainedModel } = cliFixture();

describe('predict', () => {
  let model = '';
  beforeAll(() => {
    model = trainedModel();
  });

  it('predicts arguments and standard input alike', () => {
    const given = ['a wonderful film', 'a terrible film'];
    const fromArguments = wigbert(['predict', '--model', model, '--device', 'cpu', ...given]);
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
    const asJson = wigbert(['predict', '--model', model, '--device', 'cpu', '--json', given[0]]);
    expect(asJson.stderr).toBe('');
    const [line] = asJson.stdout.split('\n');
    const { label, score, scores } = JSON.parse(line);
    expect(scores[label]).toBe(score);
    expect(scores.good + scores.bad).toBeCloseTo(1, 5);
  });
});
