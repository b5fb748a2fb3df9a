import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bertConfig, labelFields, parseBertConfig } from '../../src/bert/config.ts';
import { BertForSequenceClassification } from '../../src/bert/heads/sequenceClassification.ts';
import { BertTokenizer } from '../../src/text/tokenizer/index.ts';
import { cliFixture, vocab, wigbertHere } from '../support/cli.ts';

const { dir, file, data, config, trainedModel } = cliFixture();

describe('evaluate', () => {
  let model = '';
  beforeAll(async () => {
    model = await trainedModel();
  });

  it('evaluates on both devices alike', async () => {
    const run = async (device: string) =>
      JSON.parse(
        (await wigbertHere(['evaluate', data, '--model', model, '--device', device, '--json']))
          .stdout,
      );
    const cpu = await run('cpu');
    expect(cpu).toMatchObject({ examples: 40, skipped: 0, labels: ['bad', 'good'] });
    expect(cpu.accuracy).toBeGreaterThan(0.9);
    const best = await run('auto');
    expect(best.accuracy).toBe(cpu.accuracy);
    expect(best.loss).toBeCloseTo(cpu.loss, 4);
  });

  it('reads several files as one, each by its own columns', async () => {
    const lines = readFileSync(data, 'utf8').trimEnd().split('\n').slice(1);
    const first = file('first.tsv', `text\tlabel\n${lines.slice(0, 15).join('\n')}\n`);
    const rows = lines.slice(15).map((line) => line.split('\t'));
    const second = file(
      'second.jsonl',
      rows.map(([document, label]) => JSON.stringify({ label, document })).join('\n'),
    );
    const args = ['--model', model, '--device', 'cpu', '--worst', '40'];
    const json = async (...files: string[]) =>
      JSON.parse((await wigbertHere(['evaluate', ...files, ...args, '--json'])).stdout);
    const { worst, ...whole } = await json(data);
    const { worst: found, ...parts } = await json(first, second);
    expect(parts).toEqual(whole);
    const places = found.map(({ file, line }: { file: string; line: number }) =>
      file === first ? line : line + 16,
    );
    expect(places).toEqual(worst.map(({ line }: { line: number }) => line));
    const { stdout } = await wigbertHere(['evaluate', first, second, ...args]);
    expect(stdout).toMatch(/^file +line +loss/m);
    const { stderr, status } = await wigbertHere(['evaluate', first, first, ...args]);
    expect(stderr).toContain('expected each file once');
    expect(status).toBe(2);
  });
});

it.each([20, 21])(
  'shows whose label was taken for whose, for up to 20 labels (%i)',
  async (count) => {
    const labels = Array.from({ length: count }, (_, i) => `label${i}`);
    const sizes = parseBertConfig(JSON.parse(readFileSync(config, 'utf8')), config);
    const classifier = BertForSequenceClassification.fromConfig(
      bertConfig({ ...sizes, ...labelFields(labels) }),
    );
    const many = join(dir, `many-${count}`);
    await classifier.savePretrained(many, new BertTokenizer(readFileSync(vocab, 'utf8')).files());
    const rows = file(
      'many.tsv',
      `text\tlabel\n${labels.map((label) => `a film\t${label}`).join('\n')}\n`,
    );
    const args = ['evaluate', rows, '--model', many, '--device', 'cpu'];
    const { stdout } = await wigbertHere(args);
    if (count === 20)
      expect(stdout).toMatch(
        /^confusion \(rows: true label, columns: predicted\)\n +label0 +label1 .* label19$/m,
      );
    else
      expect(stdout).toMatch(
        /\n\nconfusion: the table of 21 labels is too wide; --json prints it\n$/,
      );
    expect(JSON.parse((await wigbertHere([...args, '--json'])).stdout).confusion).toHaveLength(
      count,
    );
  },
);
