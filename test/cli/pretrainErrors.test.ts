import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { inCheckpoint } from '../support/checkpoints.ts';
import { wigbertHere } from '../support/cli.ts';
import {
  base,
  corpus,
  dir,
  ended,
  file,
  run,
  sizes,
  start,
  vocab,
} from '../support/pretrainCli.ts';

const wigbert = (...args: string[]) => wigbertHere(args);

describe('wrong use is one line', () => {
  const out = join(dir, 'small');
  const args = ['--steps', '2', '--device', 'cpu', '--quiet'];
  const elsewhere = [...args, '--out', join(dir, 'elsewhere')];
  const unfinished = join(dir, 'unfinished');
  beforeAll(async () => {
    expect(await wigbert('pretrain', ...base, ...args, '--out', out)).toMatchObject({ status: 0 });
    const child = start(...run('cpu'), '--out', unfinished, '--json');
    child.stdout.on(
      'data',
      (chunk: Buffer) => `${chunk}`.includes('"step":9,') && child.kill('SIGKILL'),
    );
    await ended(child);
  });

  const changed = file('changed.txt', 'w1 w2\nw3 w4\n');
  const labels = file('labels.tsv', 'a\tb\n1\t2\n');
  it.each<[string, string[], RegExp]>([
    ['no files', ['--vocab', vocab], /expected files with texts to train on, got none/],
    ['no model', [corpus], /set --model to a folder, or --vocab/],
    ['a missing file', ['nowhere.txt', '--vocab', vocab], /cannot read nowhere.txt: no such file/],
    [
      'a table without texts',
      [labels, '--vocab', vocab, ...elsewhere],
      /has no text column.*columns are a, b/,
    ],
    [
      'sizes beside a model',
      [corpus, '--model', out, '--hidden-size', '32'],
      /--hidden-size is for fresh models/,
    ],
    [
      'sizes that do not fit',
      [...base, '--heads', '3', ...elsewhere],
      /hiddenSize: expected a multiple of numAttentionHeads, 3/,
    ],
    [
      'both ends',
      [...base, '--steps', '3', '--epochs', '2'],
      /--steps and --epochs exclude each other/,
    ],
    [
      'an unknown objective',
      [...base, '--objective', 'clm'],
      /'clm' is invalid.*mlm, nsp, mlm\+nsp/,
    ],
    [
      'expected a vocabulary with words to predict',
      [...base, '--mlm-probability', '0'],
      /'--mlm-probability <share>'.*Expected a number above 0 and below 1/,
    ],
    [
      'too long',
      [...base, '--max-length', '1000', ...elsewhere],
      /expected at most the 512 positions of the model, got 1000/,
    ],
    [
      'too short',
      [...base, '--max-length', '2', ...elsewhere],
      /--max-length: expected at least 3, .*got 2/,
    ],
    [
      'no sentences',
      [changed, '--vocab', vocab, '--objective', 'nsp', '--valid-split', '0', ...elsewhere],
      /two or more sentences/,
    ],
    [
      'nothing held out',
      [changed, '--vocab', vocab, '--valid-split', '0.000001', ...elsewhere],
      /gives no example to validate with/,
    ],
    [
      'no run to go on with',
      ['--resume', dir],
      /has no checkpoint: there is no training to resume/,
    ],
    [
      'another batch size',
      ['--resume', out, '--batch-size', '5'],
      /--batch-size: expected 4, .*got 5/,
    ],
    [
      'another device',
      ['--resume', out, '--device', 'webgpu'],
      /--device: expected "cpu", .*got "webgpu"/,
    ],
    [
      'other files',
      [vocab, '--resume', out],
      /the list of files: expected .*corpus.txt.*got .*vocab.txt/,
    ],
    [
      'another place',
      ['--resume', out, '--out', join(dir, 'other')],
      /--out and --resume exclude each other/,
    ],
    [
      'a run that is not done',
      [...base, '--out', unfinished],
      /holds a run that stands at step \d+ of 32: continue it with --resume/,
    ],
    [
      'a run that is done',
      [...base, ...args, '--out', out],
      new RegExp(
        'small already holds a run of 2 steps: choose another --out, ' +
          'or set --overwrite to replace it',
      ),
    ],
    [
      'a file to write into',
      [...base, ...args, '--out', corpus],
      /--out: expected a folder, got .*: cannot read/,
    ],
    [
      'the folder of its model',
      [corpus, '--model', out, ...args, '--out', `${out}/`, '--overwrite'],
      /--out: .*small\/ would replace the model that the run starts from/,
    ],
  ])('%s', async (_, given, message) => {
    const { status, stderr } = await wigbert('pretrain', ...given);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at .*(\.js|node):/m);
    expect(status).toBe(2);
  });

  it('says when the vocabulary does not know the texts', async () => {
    const texts = file('foreign.txt', 'w1 w2 w3 W4\nw5 w6 un known\n'.repeat(20));
    const small = [...sizes, ...args, '--valid-split', '0', '--out', join(dir, 'foreign')];
    const { stderr } = await wigbert('pretrain', texts, '--vocab', vocab, '--cased', ...small);
    expect(stderr).toBe(
      `${texts}: 37.5 % of the pieces are [UNK], which tell the model nothing: ` +
        'the vocabulary does not fit these texts\n',
    );
  });

  it('saves no weights that explode', async () => {
    const broken = join(dir, 'broken');
    const rate = ['--learning-rate', '1e38', '--warmup-ratio', '0', '--steps', '1'];
    const { status, stderr } = await wigbert(
      'pretrain',
      ...base,
      ...args,
      ...rate,
      '--out',
      broken,
    );
    expect(stderr).toMatch(
      /^wigbert: the (norm of the weights|weight \S+) after step 1 is .*: lower the learning rate/m,
    );
    expect(status).toBe(1);
    expect(JSON.parse(readFileSync(inCheckpoint(broken, 'training.json'), 'utf8')).step).toBe(0);
  });

  it('does not go on with texts that were changed', async () => {
    const texts = file('own.txt', 'w1 w2 w3\nw4 w5\n'.repeat(50));
    const own = join(dir, 'own');
    expect(
      await wigbert('pretrain', texts, '--vocab', vocab, ...sizes, ...args, '--out', own),
    ).toMatchObject({ status: 0 });
    file('own.txt', 'w1 w2 w3\n');
    expect((await wigbert('pretrain', '--resume', own)).stderr).toMatch(
      /own.txt: expected the 750 bytes it had when .*got 9/,
    );
  });

  it('goes on from a folder, and what comes out can be fine-tuned', async () => {
    const more = join(dir, 'more');
    const again = await wigbert(
      'pretrain',
      corpus,
      '--model',
      out,
      '--objective',
      'mlm+nsp',
      '--valid-split',
      '0.2',
      '--max-length',
      '24',
      ...args,
      '--out',
      more,
    );
    expect(again.stderr).toMatch(
      new RegExp(
        'lacks bert.pooler.dense.weight, bert.pooler.dense.bias, ' +
          'cls.seq_relationship.weight, .*set at random',
      ),
    );
    expect(again.status).toBe(0);
    const data = file('data.tsv', `text\tlabel\n${'w1 w2\ta\nw30 w31\tb\n'.repeat(8)}`);
    const tuned = await wigbert(
      'train',
      data,
      '--model',
      more,
      '--device',
      'cpu',
      '--epochs',
      '1',
      '--out',
      join(dir, 'tuned'),
    );
    expect(tuned.stderr).toMatch(/lacks classifier.weight, classifier.bias: set at random/);
    expect(tuned.status).toBe(0);
  });
});
