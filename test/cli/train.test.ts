import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BertModel } from '../../src/bert/model.ts';
import { CpuDevice } from '../../src/device/cpu.ts';
import { setDevice } from '../../src/tensor/index.ts';
import { cliFixture, repositoryFile, rows, vocab, wigbertHere } from '../support/cli.ts';

const { dir, file, data, config, trainHere, fresh } = cliFixture();
const model = join(dir, 'model');

describe('train', () => {
  it('trains, saves the best model with history and picture, and says how to use it', async () => {
    const run = await trainHere(data, model);
    expect(run.stderr).toContain(
      '32 examples to train on, 8 to validate with, 2 labels (bad, good)',
    );
    expect(run.stdout).toContain(`npx wigbert predict --model ${model}`);
    expect(run.status).toBe(0);
    expect(run.stderr).toMatch(
      /step \d+\/32 · loss [\d.]+ · [\d.]+ texts\/s · [\d.]+ tokens\/s · \S+ left/,
    );
    const history = JSON.parse(readFileSync(join(model, 'history.json'), 'utf8'));
    expect(history.steps.length).toBe(4 * history.epochs.length);
    expect(readFileSync(join(model, 'history.svg'), 'utf8')).toMatch(/^<svg/);
  });

  it.each([
    ['none without validation data', '0', null],
    ['the epoch that validates best', '0.2', 1],
  ])('--json names as the best epoch %s', async (_, split, epoch) => {
    const out = join(dir, `best-${split}`);
    const args = [...fresh, '--valid-split', split, '--epochs', '1', '--out', out, '--json'];
    const run = await wigbertHere(['train', data, ...args]);
    const { event, best } = JSON.parse(run.stdout.trim().split('\n').at(-1)!);
    expect([event, best?.epoch ?? null]).toEqual(['end', epoch]);
  });

  it('trains a head on a frozen encoder, which stays as it was', async () => {
    setDevice(new CpuDevice());
    const out = join(dir, 'frozen');
    const args = [
      'train',
      data,
      '--model',
      model,
      '--freeze',
      'all',
      '--out',
      out,
      '--epochs',
      '1',
      '--device',
      'cpu',
    ];
    const run = await wigbertHere([...args, '--learning-rate', '0.01', '--batch-size', '8']);
    expect(run.stderr).toMatch(/parameters, 306 of them trained/);
    const [before, after] = [
      await BertModel.fromPretrained(model),
      await BertModel.fromPretrained(out),
    ];
    const end = after.stateDict();
    for (const [name, weight] of before.stateDict())
      if (!name.startsWith('pooler'))
        expect(await end.get(name)!.data(), name).toEqual(await weight.data());
    expect(await after.pooler.dense.weight.data()).not.toEqual(
      await before.pooler.dense.weight.data(),
    );
  });

  it('goes on from a folder, with new labels', async () => {
    const other = file(
      'other.jsonl',
      rows
        .map((row, i) =>
          JSON.stringify({ text: row.split('\t')[0], label: ['x', 'y', 'z'][i % 3] }),
        )
        .join('\n'),
    );
    const out = join(dir, 'other');
    const args = [
      'train',
      other,
      '--model',
      model,
      '--device',
      'cpu',
      '--out',
      out,
      '--epochs',
      '1',
      '--json',
    ];
    const refused = await wigbertHere(args);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(
      /other labels than .*model: expected labels among bad, good, got x, y, z; .* --replace-head/,
    );
    const run = await wigbertHere([...args, '--replace-head']);
    expect(run.status).toBe(0);
    const events = run.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual([
      'checkpoint',
      'step',
      'epoch',
      'checkpoint',
      'end',
    ]);
    expect(events[1]).toMatchObject({ step: 1, epoch: 1, tokensPerSecond: expect.any(Number) });
    expect(events[1]).not.toHaveProperty('utilisation');
    expect(run.stderr).toMatch(/its classifier \(bad, good\) is replaced by a new one \(x, y, z\)/);
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).id2label).toEqual({
      0: 'x',
      1: 'y',
      2: 'z',
    });
  });

  it('says when a vocabulary does not know the texts', async () => {
    const reviews = repositoryFile('data/reviews-ko.tsv');
    const korean = repositoryFile('models/bert-tiny-ko/vocab.txt');
    const sizes = { ...JSON.parse(readFileSync(config, 'utf8')), vocab_size: 8000 };
    const wide = file('korean.json', JSON.stringify(sizes));
    const some = file(
      'korean.tsv',
      readFileSync(reviews, 'utf8').split('\n').slice(0, 41).join('\n'),
    );
    const trainOnSome = async (...args: string[]) =>
      (
        await wigbertHere([
          'train',
          some,
          '--epochs',
          '1',
          '--quiet',
          '--device',
          'cpu',
          '--out',
          join(dir, 'korean'),
          '--overwrite',
          ...args,
        ])
      ).stderr;
    expect(await trainOnSome('--vocab', korean, '--config', wide)).toMatch(
      /korean.tsv: [\d.]+ % of the pieces are \[UNK\], .*add --cased if .*vocab.txt keeps/,
    );
    expect(await trainOnSome('--vocab', korean, '--config', wide, '--cased')).toBe('');
    expect(await trainOnSome('--vocab', vocab, '--config', config)).toMatch(/\[UNK\]/);
    expect(await trainOnSome('--model', model, '--replace-head')).toMatch(
      /% of the pieces are \[UNK\], .*: the vocabulary does not fit these texts/,
    );
  });

  it('says when it stops early', async () => {
    const args = ['--out', join(dir, 'early'), '--overwrite', '--epochs', '9'];
    const rate = ['--learning-rate', '1e-9'];
    const run = async (...more: string[]) =>
      (await wigbertHere(['train', data, ...fresh, ...args, ...rate, ...more])).stderr;
    expect(await run()).toMatch(
      new RegExp(
        '^epoch 3: .*\\nstopped early: ' +
          'no better validation accuracy in the last 2 epochs \\(--patience\\)$',
        'm',
      ),
    );
    expect(await run('--patience', '1')).toContain('in the last epoch (--patience)');
    expect(await run('--patience', '9')).not.toContain('stopped early');
  });
});
