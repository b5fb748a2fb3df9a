import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cliFixture, wigbert, wigbertHere } from '../support/cli.ts';

const { dir, data, fresh } = cliFixture();
const model = join(dir, 'model');
const on = ['--model', model, '--device', 'cpu'];

describe('a trained classifier', () => {
  beforeAll(() => {
    const sizes = ['--epochs', '2', '--batch-size', '8', '--learning-rate', '0.01'];
    wigbert(['--profile', 'train', data, ...fresh, ...sizes, '--out', model, '--quiet']);
  });

  it('has a page with the command and its kernels, made again by report', async () => {
    const page = join(model, 'report.html');
    const before = readFileSync(page, 'utf8');
    expect(before).toContain(`<bdi>npx wigbert --profile train ${data} --vocab`);
    expect(before).toContain('GFLOP/s');
    expect((await wigbertHere(['report', '--out', model])).stdout).toBe(`${page}\n`);
    expect(readFileSync(page, 'utf8')).toBe(before);
    const { status, stderr } = await wigbertHere(['report', '--out', dir]);
    expect(stderr).toMatch(/--out: expected the folder of a run with a report\.json/);
    expect(status).toBe(2);
  });

  it('gives no label below --abstain-below, and says how often', async () => {
    const { stdout, stderr } = await wigbertHere([
      'predict',
      ...on,
      '--abstain-below',
      '1',
      'a',
      'film',
    ]);
    expect(stdout).toMatch(/^–\t0\.\d{4}\ta\n–\t0\.\d{4}\tfilm\n$/);
    expect(stderr).toContain(
      '2 of 2 texts get no label: the most probable one is less probable than 1 (--abstain-below)',
    );
  });

  it('is evaluated with calibration error, abstentions and worst texts', async () => {
    const { stdout } = await wigbertHere([
      'evaluate',
      data,
      ...on,
      '--worst',
      '2',
      '--abstain-below',
      '0.5',
      '--calibrated',
    ]);
    expect(stdout).toMatch(
      /calibration error +0\.\d{4} \(0\.\d{4} with temperature \d+\.\d{3}, --calibrated\)/,
    );
    expect(stdout).toMatch(/at 0\.5 or more +[\d.]+ % of the texts\naccuracy on these +[\d.]+ %/);
    expect(stdout).toMatch(/\nmost wrong\nline +loss +label +predicted +text\n( *\d.*\n){2}$/);
  });
});
