import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliFixture, repositoryFile, rows, vocab, wigbertHere } from '../support/cli.ts';

const { dir, file, data, fresh } = cliFixture();

describe('wigbert check', () => {
  it('shows one screen, and exits with 0 if there is nothing to mend', async () => {
    const { status, stdout, stderr } = await wigbertHere(['check', data, '--vocab', vocab]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      `${data}: 40 rows, classification, TSV, UTF-8`,
      '  labels   bad 20 (50.0 %), good 20 (50.0 %); the most frequent is 1 × the rarest',
      expect.stringMatching(/^ {2}lengths {2}\d+ to \d+ tokens; half have at most \d+, 95 %/),
    ]);
    expect(stdout).toMatch(/\n {2}cut {6}0 texts longer than 39 tokens \(--max-length\)\n/);
    expect(stdout).toMatch(/\nnothing was found that would spoil a training\n$/);
  });

  it('exits with 1 and says why, also as JSON', async () => {
    const both = file('both.tsv', `text\tlabel\n${rows[3]}\n${rows[3]}x\nbroken\n`);
    const { status, stdout } = await wigbertHere(['check', data, '--validation', both]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/1 text in both \(line 5 and 2\)/);
    expect(stdout.split('what would spoil a training:\n')[1].split('\n')).toEqual([
      `  ${both}: 1 of 3 rows are broken`,
      `  ${both}: 1 of 2 texts have two labels`,
      `  ${both}: labels that ${data} lacks: goodx`,
      expect.stringMatching(/: 1 of 2 texts are in both/),
      '',
    ]);
    const json = await wigbertHere(['check', data, both, '--json']);
    expect(json.status).toBe(1);
    const { files, problems } = JSON.parse(json.stdout);
    expect(files.map(({ rows }: { rows: number }) => rows)).toEqual([40, 2]);
    expect(problems.map(({ kind }: { kind: string }) => kind)).toEqual([
      ...['broken', 'conflicts', 'otherLabels', 'shared'],
    ]);
  });

  it('says its rule, and exits with 2 for a file that is not there', async () => {
    expect((await wigbertHere(['check', '--help'])).stdout).toMatch(
      /Exit code 1 if .*\n.*more than 1 %/,
    );
    const { status, stderr } = await wigbertHere(['check', join(dir, 'missing.tsv')]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(/no such file/)]);
  });
});

describe('Parquet and several files', () => {
  it('are trained on, checked and predicted on', async () => {
    for (const [i, codec] of ['zstd', 'snappy'].entries())
      copyFileSync(
        repositoryFile(`test/formats/tables/parquet/${codec}.parquet`),
        join(dir, `part-${i}.parquet`),
      );
    const out = join(dir, 'folds');
    const trained = await wigbertHere([
      ...['train', join(dir, 'part-*.parquet'), ...fresh, '--out', out],
      ...['--epochs', '1', '--folds', '2', '--balance'],
    ]);
    expect(trained.stderr).toMatch(/fold 2 of 2: .*fold-2/);
    expect(trained.stderr).toMatch(/25 examples to train on become 26.*--balance/);
    expect(trained.stdout).toMatch(
      /fold 1, epoch 1 .*\nfold 2, epoch 1 .*\nmean ± deviation +.* ± /,
    );
    expect(Object.keys(JSON.parse(readFileSync(join(out, 'folds.json'), 'utf8')).summary)).toEqual([
      ...['validLoss', 'validAccuracy'],
    ]);
    const again = await wigbertHere(['train', '--resume', out]);
    expect(again.stdout).toBe(trained.stdout);

    const predicted = ['predict', '--model', join(out, 'fold-1'), '--device', 'cpu'];
    const input = join(dir, 'part-0.parquet');
    const { stdout, stderr } = await wigbertHere([
      ...predicted,
      '--input',
      input,
      '--top-k',
      '9',
      '--quiet',
    ]);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(25);
    expect(JSON.parse(lines[1])).toMatchObject({ text: '영화 film 1', label: 'good' });
    expect(stderr).toMatch(/has 2 labels: all of them are given \(--top-k 9\)/);
    const refused = await wigbertHere([
      ...predicted,
      '--input',
      input,
      '--out',
      join(dir, 'o.parquet'),
    ]);
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringMatching(
        /--out: expected TSV, CSV, JSON or JSONL: Parquet is read, not written/,
      ),
    ]);
  });
});
