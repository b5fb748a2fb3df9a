import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bertConfig, labelFields, parseBertConfig } from '../../src/bert/config.ts';
import { BertForSequenceClassification } from '../../src/bert/heads/sequenceClassification.ts';
import { BertModel } from '../../src/bert/model.ts';
import { CpuDevice } from '../../src/device/cpu.ts';
import { setDevice } from '../../src/tensor/index.ts';
import { BertTokenizer } from '../../src/text/tokenizer/index.ts';
import { cliFixture, rows, vocab, wigbertHere } from '../support/cli.ts';

const { dir, file, data, config, fresh } = cliFixture();

describe('wrong use is one line, with its exit code', () => {
  const oneLabel = file('one.tsv', 'text\tlabel\na\tx\nb\tx\n');
  const others = file('others.tsv', 'text\tlabel\nfine\tmaybe\n');
  const noRows = file('empty.tsv', 'text\tlabel\n');
  const noColumn = file('columns.tsv', 'a\tb\n1\t2\n');
  const model = join(dir, 'model');
  const headless = join(dir, 'headless');
  const broken = join(dir, 'broken');
  const fewEmbeddings = join(dir, 'few-embeddings');
  const nullConfig = join(dir, 'null-config');
  beforeAll(async () => {
    const tokenizer = new BertTokenizer(readFileSync(vocab, 'utf8'));
    setDevice(new CpuDevice());
    const sizes = parseBertConfig(JSON.parse(readFileSync(config, 'utf8')), config);
    await BertModel.fromConfig(sizes).savePretrained(headless, tokenizer.files());
    const few = BertForSequenceClassification.fromConfig(bertConfig({ ...sizes, vocabSize: 100 }));
    await few.savePretrained(fewEmbeddings, tokenizer.files());
    cpSync(headless, nullConfig, { recursive: true });
    writeFileSync(join(nullConfig, 'config.json'), 'null');
    const classifier = BertForSequenceClassification.fromConfig(
      bertConfig({ ...sizes, ...labelFields(['bad', 'good']) }),
    );
    await classifier.savePretrained(model, tokenizer.files());
    classifier.classifier.bias.copy_([Number.NaN, 0]);
    await classifier.savePretrained(broken, tokenizer.files());
  });
  const badConfig = file('bad.json', '{"model_type": "bert", "hidden_size": -1}');
  it.each<[string, string[], number, RegExp]>([
    ['an unknown option', ['train', data, '--bogus'], 2, /unknown option '--bogus'/],
    ['an unknown command', ['trian'], 2, /unknown command 'trian'[\s\S]*Did you mean train/],
    [
      'a value out of range',
      ['train', data, ...fresh, '--epochs', '0'],
      2,
      /'--epochs <n>'.*whole number of at least 1/,
    ],
    ...[['predict'], ['embed', '--out', join(dir, 'x.jsonl')]].flatMap((args) =>
      (
        [
          [['--text-column', 'nope'], /--text-column goes with --input, a file of texts/],
          [['--format', 'csv'], /--format goes with --input/],
          [['--encoding', 'klingon'], /--encoding goes with --input or standard input/],
        ] as const
      ).map(
        ([option, message]) =>
          [
            `${option} of ${args[0]} with a text`,
            [...args, '--model', model, ...option, 'some text'],
            2,
            message,
          ] as [string, string[], number, RegExp],
      ),
    ),
    ['case without a vocabulary', ['check', data, '--cased'], 2, /--cased goes with --vocab/],
    [
      'tokens without a tokenizer',
      ['check', data, '--max-length', '2'],
      2,
      /--max-length goes with --model or --vocab/,
    ],
    ['no such kernel', ['bench', 'nosuch'], 2, /^wigbert: no kernel has "nosuch" in its name/],
    [
      'a missing file',
      ['train', 'nowhere.tsv', ...fresh],
      2,
      /cannot read nowhere.tsv: no such file/,
    ],
    [
      'a missing model',
      ['predict', '--model', join(dir, 'nothing'), 'x'],
      2,
      /cannot read .*nothing: no such folder$/m,
    ],
    [
      'a model that is a file',
      ['predict', '--model', data, 'x'],
      2,
      /cannot read .*data.tsv: is a file, not a folder$/m,
    ],
    [
      'a model without a name',
      ['predict', '--model=', 'x'],
      2,
      /--model: expected a folder or a model's name on the hub, got ''/,
    ],
    [
      'more frozen layers than there are',
      ['train', data, ...fresh, '--freeze', '2'],
      2,
      /--freeze: expected at most 1, the number of layers, or 'all', got 2/,
    ],
    [
      'frozen layers that are none',
      ['train', data, ...fresh, '--freeze', 'some'],
      2,
      /'--freeze <layers>'.*whole number/,
    ],
    ['no model at all', ['train', data], 2, /set --model to a folder, or --vocab to a vocab.txt/],
    [
      'a config beside a model',
      ['train', data, '--model', headless, '--config', config],
      2,
      /--config goes with --vocab: .*headless has its own config/,
    ],
    ['a file without rows', ['train', noRows, ...fresh], 2, /has no rows/],
    [
      'a wrong column',
      ['train', data, ...fresh, '--text-column', 'body'],
      2,
      /has no column "body".*columns are text, label/,
    ],
    [
      'no column that fits',
      ['train', noColumn, ...fresh],
      2,
      /has no text column.*columns are a, b/,
    ],
    [
      'a folder that cannot be written to',
      ['train', data, ...fresh, '--out', join(data, 'model')],
      2,
      /^(?![\s\S]*loss)[\s\S]*cannot write into .*model: ENOTDIR/,
    ],
    [
      'no folder to write to',
      ['train', data, ...fresh, '--out='],
      2,
      /'--out <dir>' argument '' is invalid. Expected a path/,
    ],
    [
      'got one only',
      ['train', oneLabel, ...fresh],
      2,
      /expected two or more labels, got one only \(x\)/,
    ],
    [
      'labels that differ between files',
      ['train', data, ...fresh, '--valid', others],
      2,
      /line 2: label "maybe" is not one of "bad", "good"/,
    ],
    [
      'labels the model does not know',
      ['evaluate', others, '--model', model, '--device', 'cpu'],
      2,
      /label "maybe" is not one of/,
    ],
    [
      'one score only',
      [
        'train',
        file('one-score.tsv', 'text\tscore\na\t1\nb\t1\n'),
        ...fresh,
        '--task',
        'regression',
      ],
      2,
      /expected different scores, got 1 only/,
    ],
    [
      'no labels at all',
      ['train', file('none.tsv', 'text\tlabels\na\t\n'), ...fresh, '--task', 'multi-label'],
      2,
      /expected two or more labels, got none/,
    ],
    [
      'an unknown task',
      ['train', data, ...fresh, '--task', 'tagging'],
      2,
      /Allowed choices are classification, multi-label/,
    ],
    [
      'a model that classifies nothing',
      ['evaluate', data, '--model', headless, '--device', 'cpu'],
      2,
      /has no classifier, so that it compares pairs of texts: train it for other labels/,
    ],
    [
      'weights that are no numbers',
      ['predict', '--model', broken, '--device', 'cpu', 'a film'],
      1,
      /outputs: expected finite numbers, got NaN or infinity; the weights/,
    ],
    [
      'weights that are no numbers, on labelled texts',
      ['evaluate', data, '--model', broken, '--device', 'cpu'],
      1,
      /outputs: expected finite numbers, got NaN or infinity; the weights/,
    ],
    ...[['predict'], ['embed', '--out', join(dir, 'x.jsonl')]].map(
      (args): [string, string[], number, RegExp] => [
        `more tokens than embeddings: ${args[0]}`,
        [...args, '--model', fewEmbeddings, '--device', 'cpu', 'a film'],
        2,
        /few-embeddings has \d+ tokens, but the model has 100 embeddings/,
      ],
    ),
    [
      'a config that is none',
      ['predict', '--model', nullConfig, 'a film'],
      2,
      /config.json: expected a JSON object, got null/,
    ],
    [
      'a broken config',
      ['train', data, '--vocab', vocab, '--config', badConfig, '--device', 'cpu'],
      2,
      /hidden_size/,
    ],
    [
      'texts longer than the model',
      ['train', data, ...fresh, '--max-length', '65'],
      2,
      /expected at most the 64 positions of the model, got 65/,
    ],
    [
      'a loss that explodes',
      [
        'train',
        data,
        ...fresh,
        '--out',
        join(dir, 'nan'),
        '--learning-rate',
        '1e30',
        '--batch-size',
        '8',
      ],
      1,
      /the (loss|weight|norm) .* step .*lower the learning rate/,
    ],
    [
      'weights that explode',
      [
        'train',
        data,
        ...fresh,
        '--out',
        join(dir, 'nan'),
        '--learning-rate',
        '1e38',
        '--warmup-ratio',
        '0',
        '--epochs',
        '1',
        '--batch-size',
        '64',
      ],
      1,
      /the (norm of the weights|weight \S+) after step 1 .*lower the learning rate/,
    ],
  ])('%s', async (_, args, code, message) => {
    const run = await wigbertHere(args);
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toMatch(/^\s+at .*(\.js|node):/m);
    expect(run.status).toBe(code);
  });

  it('counts broken rows and names their lines', async () => {
    const broken = file(
      'broken.tsv',
      `text\tlabel\nonly one field\n${rows.join('\n')}\ntoo\tmany\tfields\n`,
    );
    const out = ['--epochs', '1', '--out', join(dir, 'b')];
    const run = await wigbertHere(['train', broken, ...fresh, ...out]);
    expect(run.status).toBe(0);
    expect(run.stderr).toMatch(/2 broken rows were skipped/);
    expect(run.stderr).toMatch(/line 2:/);
    expect(run.stderr).toMatch(/line 43:/);
  });

  it('--debug shows the stack', async () => {
    expect((await wigbertHere(['--debug', 'train', 'nowhere.tsv', ...fresh])).stderr).toMatch(
      /^\s+at .*(\.js|node):/m,
    );
  });
});
