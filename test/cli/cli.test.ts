import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bertConfig, labelFields, parseBertConfig } from '../../src/bert/config.ts';
import { BertForSequenceClassification } from '../../src/bert/heads/sequenceClassification.ts';
import { BertModel } from '../../src/bert/model.ts';
import { CpuDevice } from '../../src/device/cpu.ts';
import { setDevice } from '../../src/tensor/index.ts';
import { BertTokenizer } from '../../src/text/tokenizer/index.ts';

// `npm test` builds first; the command line is tested as it is shipped.
const cli = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const vocab = fileURLToPath(new URL('../../data/vocab.txt', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'wigbert-cli-'));
afterAll(() => rmSync(dir, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
function wigbert(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const texts = Array.from({ length: 40 }, (_, i) =>
  i % 2 ? `a wonderful film, number ${i}\tgood` : `a terrible film, number ${i}\tbad`,
);
const data = file('data.tsv', `text\tlabel\n${texts.join('\n')}\n`);
const config = file(
  'config.json',
  JSON.stringify({
    model_type: 'bert',
    vocab_size: 1000,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 16,
    initializer_range: 0.2,
    max_position_embeddings: 64,
  }),
);
const fresh = ['--vocab', vocab, '--config', config, '--device', 'cpu'];
const model = join(dir, 'model');

describe('train, evaluate, predict', () => {
  it('trains, saves the best model with its history and picture, and says how to use it', () => {
    const run = wigbert([
      'train',
      data,
      ...fresh,
      '--out',
      model,
      '--epochs',
      '8',
      '--learning-rate',
      '0.01',
      '--batch-size',
      '8',
    ]);
    expect(run.stderr).toContain(
      '32 examples to train on, 8 to validate with, 2 labels (bad, good)',
    );
    expect(run.stdout).toContain(`npx wigbert predict --model ${model}`);
    expect(run.status).toBe(0);
    expect(run.stderr).toMatch(
      /step \d+\/32 · loss [\d.]+ · [\d.]+ reviews\/s · [\d.]+ tokens\/s · \S+ left/,
    );
    const history = JSON.parse(readFileSync(join(model, 'history.json'), 'utf8'));
    expect(history.steps.length).toBe(4 * history.epochs.length);
    expect(readFileSync(join(model, 'history.svg'), 'utf8')).toMatch(/^<svg/);
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
    const run = wigbert([...args, '--learning-rate', '0.01']);
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

  it('evaluates on both devices alike', () => {
    const run = (device: string) =>
      JSON.parse(
        wigbert(['evaluate', data, '--model', model, '--device', device, '--json']).stdout,
      );
    const cpu = run('cpu');
    expect(cpu).toMatchObject({ examples: 40, skipped: 0, labels: ['bad', 'good'] });
    expect(cpu.accuracy).toBeGreaterThan(0.9);
    const best = run('auto');
    expect(best.accuracy).toBe(cpu.accuracy);
    expect(best.loss).toBeCloseTo(cpu.loss, 4);
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

  it('goes on from a folder, with new labels', () => {
    const other = file(
      'other.jsonl',
      texts
        .map((row, i) =>
          JSON.stringify({ text: row.split('\t')[0], label: ['x', 'y', 'z'][i % 3] }),
        )
        .join('\n'),
    );
    const out = join(dir, 'other');
    const run = wigbert([
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
    ]);
    expect(run.status).toBe(0);
    const events = run.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(['step', 'epoch', 'end']);
    expect(events[0]).toMatchObject({ step: 1, epoch: 1, tokensPerSecond: expect.any(Number) });
    expect(events[0]).not.toHaveProperty('utilisation');
    expect(run.stderr).toMatch(/lacks classifier.weight, classifier.bias: drawn anew/);
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).id2label).toEqual({
      0: 'x',
      1: 'y',
      2: 'z',
    });
  });

  it('says when a vocabulary does not know the texts', () => {
    const [reviews, korean] = ['data/reviews-ko.tsv', 'models/bert-tiny-ko/vocab.txt'].map((path) =>
      fileURLToPath(new URL(`../../${path}`, import.meta.url)),
    );
    const some = file(
      'korean.tsv',
      readFileSync(reviews, 'utf8').split('\n').slice(0, 41).join('\n'),
    );
    const train = (...args: string[]) =>
      wigbert([
        'train',
        some,
        '--epochs',
        '1',
        '--quiet',
        '--device',
        'cpu',
        '--out',
        join(dir, 'korean'),
        ...args,
      ]).stderr;
    expect(train('--vocab', korean)).toMatch(
      /korean.tsv: [\d.]+ % of the pieces are \[UNK\], .*say --cased if .*vocab.txt keeps/,
    );
    expect(train('--vocab', korean, '--cased')).toBe('');
    expect(train('--vocab', vocab)).toMatch(/\[UNK\]/);
    expect(train('--model', model)).toMatch(
      /% of the pieces are \[UNK\], .*: the vocabulary does not fit these texts/,
    );
  });

  it('says when it stops early', () => {
    const args = ['--out', join(dir, 'early'), '--epochs', '9', '--learning-rate', '1e-9'];
    const run = (...more: string[]) => wigbert(['train', data, ...fresh, ...args, ...more]).stderr;
    expect(run()).toMatch(
      /^epoch 3: .*\nstopped early: no better validation accuracy in the last 2 epochs \(--patience\)$/m,
    );
    expect(run('--patience', '1')).toContain('in the last epoch (--patience)');
    expect(run('--patience', '9')).not.toContain('stopped early');
  });

  /** Trains until it says so, then presses Ctrl-C. */
  async function interruptAt(words: string, path: string, ...args: string[]) {
    const child = spawn(process.execPath, [
      cli,
      'train',
      path,
      ...fresh,
      '--epochs',
      '5000',
      '--valid-split',
      '0',
      ...args,
    ]);
    let output = '';
    const listen = (chunk: Buffer) => {
      const before = output.includes(words);
      output += chunk;
      if (!before && output.includes(words)) child.kill('SIGINT');
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(130);
    return output;
  }

  it('Ctrl-C saves, stops and shows the profile', async () => {
    const out = join(dir, 'stopped');
    const output = await interruptAt('epoch 3:', data, '--out', out, '--profile');
    expect(output).toContain('interrupted after step');
    expect(output).toMatch(/launches took [\d.]+ s of the [\d.]+ s/);
    expect(existsSync(join(out, 'model.safetensors'))).toBe(true);
    expect(
      JSON.parse(readFileSync(join(out, 'history.json'), 'utf8')).steps.length,
    ).toBeGreaterThan(3);
    expect(
      wigbert(['predict', '--model', join(out, 'interrupted'), '--device', 'cpu', 'a film']).status,
    ).toBe(0);
  });

  it('Ctrl-C leaves the model of an earlier run alone', async () => {
    const out = join(dir, 'kept');
    const names = ['model.safetensors', 'history.json', 'history.svg'];
    expect(wigbert(['train', data, ...fresh, '--out', out, '--epochs', '1']).status).toBe(0);
    const contents = () => names.map((name) => readFileSync(join(out, name), 'latin1'));
    const before = contents();
    const long = file('long.tsv', `text\tlabel\n${`${texts.join('\n')}\n`.repeat(50)}`);
    await interruptAt('"step":2,', long, '--out', out, '--batch-size', '1', '--json');
    expect(contents()).toEqual(before);
    expect(names.every((name) => existsSync(join(out, 'interrupted', name)))).toBe(true);
  });
});

describe('every task', () => {
  const trainOn = (path: string, out: string, ...args: string[]) =>
    wigbert([
      'train',
      path,
      ...fresh,
      '--out',
      out,
      '--epochs',
      '6',
      '--learning-rate',
      '0.01',
      '--batch-size',
      '8',
      ...args,
    ]);
  const measure = (path: string, dir: string, ...args: string[]) =>
    JSON.parse(
      wigbert(['evaluate', path, '--model', dir, '--device', 'cpu', '--json', ...args]).stdout,
    );
  const read = (dir: string, name: string) => JSON.parse(readFileSync(join(dir, name), 'utf8'));

  it('several labels', () => {
    const rows = Array.from({ length: 48 }, (_, i) => [
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
      `text\tlabels\n${rows.map((row) => row.join('\t')).join('\n')}\n`,
    );
    const out = join(dir, 'several');
    const separator = ['--label-separator', '|'];
    const run = trainOn(several, out, '--task', 'multi-label', ...separator);
    expect(run.stderr).toContain(
      '38 examples to train on, 10 to validate with, 2 labels (music, plot)',
    );
    expect(run.stderr).toMatch(
      /epoch 1: loss [\d.]+, micro F1 [\d.]+ · validation loss [\d.]+, micro F1 [\d.]+/,
    );
    expect(run.stdout).toMatch(/best: epoch \d, validation micro F1 0\.[89]|1\.0/);
    expect(read(out, 'config.json').problem_type).toBe('multi_label_classification');
    expect(read(out, 'history.json').monitor).toBe('microF1');
    const result = measure(several, out, ...separator);
    expect(result).toMatchObject({ task: 'multi-label', examples: 48, labels: ['music', 'plot'] });
    expect(result.microF1).toBeGreaterThan(0.8);
    expect(result.perLabel.plot.support).toBe(24);
    const predict = (...args: string[]) =>
      wigbert(['predict', '--model', out, '--device', 'cpu', ...args]).stdout.trim();
    const { labels, scores } = JSON.parse(predict('--json', 'the film great music'));
    expect(labels).toEqual(Object.keys(scores).filter((label) => scores[label] > 0.5));
    expect(predict('--threshold', '1', 'the film')).toBe('–\tthe film');
    expect(predict('--threshold', '0', 'the film')).toMatch(
      /^(music|plot) [\d.]+, (music|plot) [\d.]+\tthe film$/,
    );
  });

  it('scores of pairs', () => {
    const words = ['film', 'story', 'music', 'actor'];
    const rows = Array.from({ length: 48 }, (_, i) => [
      i % 3 ? 0.5 : 4.5,
      `a ${words[i % 4]}`,
      i % 3 ? 'terrible' : 'wonderful',
    ]);
    const pairs = file(
      'scores.tsv',
      `score\tsentence1\tsentence2\n${rows.map((row) => row.join('\t')).join('\n')}\n`,
    );
    expect(trainOn(pairs, join(dir, 'none')).stderr).toMatch(
      /no label column .*or another kind of label \(--task\)/,
    );
    expect(trainOn(pairs, join(dir, 'none'), '--label-column', 'score').stderr).toMatch(
      /numbers with fractions \(0.5, 4.5\): say --task/,
    );
    const out = join(dir, 'scores');
    const run = trainOn(pairs, out, '--task', 'regression');
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
    const result = measure(pairs, out);
    expect(result).toMatchObject({ task: 'regression', examples: 48 });
    expect(Math.min(result.spearman, result.pearson)).toBeGreaterThan(0.7);
    const given = ['predict', '--pairs', '--model', out, '--device', 'cpu'];
    const lines = wigbert(given, 'a film\twonderful\na film\tterrible\n').stdout.split('\n');
    expect(Number(lines[0].split('\t')[0])).toBeGreaterThan(Number(lines[1].split('\t')[0]));
    expect(JSON.parse(wigbert([...given, '--json', 'a\tb']).stdout)).toEqual({
      text: 'a\tb',
      score: expect.any(Number),
    });
    expect(wigbert([...given, '--threshold', '0.5', 'a\tb']).stderr).toMatch(
      /--threshold is for models that give several labels/,
    );
  });

  it('tags of words', () => {
    const sentences = Array.from({ length: 40 }, (_, i) => {
      const name = ['James\tB-PER', 'Mary\tB-PER\nJames\tI-PER'][i % 2];
      return `the\tO\nfilm\tO\nby\tO\n${i % 4 ? name : 'nobody\tO'}\n.\tO\n`;
    });
    const tagged = file('tags.conll', sentences.join('\n'));
    const out = join(dir, 'tags');
    const run = trainOn(tagged, out, '--task', 'token-classification', '--max-length', '11');
    expect(run.stderr).toContain(
      '32 examples to train on, 8 to validate with, 3 tags (B-PER, I-PER, O)',
    );
    expect(run.stderr).toMatch(
      /epoch 1: loss [\d.]+, accuracy [\d.]+ % · validation loss [\d.]+, F1 [\d.]+, accuracy [\d.]+ %/,
    );
    expect(run.stderr).toMatch(/tags.conll: 20 of 220 words are left out/);
    expect(read(out, 'config.json')).toMatchObject({
      architectures: ['BertForTokenClassification'],
      problem_type: null,
    });
    const result = measure(tagged, out);
    expect(result).toMatchObject({
      task: 'token-classification',
      examples: 40,
      perLabel: { PER: { support: 30 } },
    });
    expect(Math.min(result.f1, result.accuracy)).toBeGreaterThan(0.7);
    const text = 'the film by James.';
    const predict = (...args: string[]) =>
      wigbert(['predict', '--model', out, '--device', 'cpu', ...args]);
    const lines = predict(text).stdout.split('\n');
    expect(lines.map((line) => line.split('\t')[0])).toEqual([
      'the',
      'film',
      'by',
      'James',
      '.',
      '',
      '',
    ]);
    const { words, entities } = JSON.parse(predict('--json', text).stdout);
    expect(words.map(({ entity }: { entity: string }) => entity)).toEqual(
      lines.slice(0, 5).map((line) => line.split('\t')[2]),
    );
    for (const { word, start, end } of [...words, ...entities])
      expect(text.slice(start, end)).toBe(word);
    // What it prints, it reads.
    const again = file('again.conll', predict(text, text).stdout);
    expect(measure(again, out)).toMatchObject({ examples: 2, accuracy: 1 });
    expect(predict('--max-length', '5', text).stdout.split('\n').length).toBe(5);
    expect(predict('--pairs', 'a\tb').stderr).toMatch(/--pairs is for models of texts/);
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
    const { stdout } = wigbert(args);
    if (count === 20)
      expect(stdout).toMatch(
        /^confusion \(rows: true label, columns: predicted\)\n +label0 +label1 .* label19$/m,
      );
    else expect(stdout).toMatch(/\n\nconfusion: too wide a table for 21 labels; --json has it\n$/);
    expect(JSON.parse(wigbert([...args, '--json']).stdout).confusion).toHaveLength(count);
  },
);

describe('convert', () => {
  const convert = (from: string, dtype: string, to: string) =>
    wigbert(['convert', '--model', from, '--dtype', dtype, '--out', to]);
  const half = join(dir, 'half');
  const read = (folder: string, name: string) => readFileSync(join(folder, name));
  const predict = (from: string) =>
    JSON.parse(
      wigbert(['predict', '--model', from, '--device', 'cpu', '--json', 'a wonderful film']).stdout,
    );

  it('keeps the head and the tokenizer, in half the space', () => {
    const run = convert(model, 'float16', half);
    expect(run.stderr).toBe('');
    expect(run.stdout).toMatch(/half: \d+ weights in float16/);
    for (const name of ['vocab.txt', 'tokenizer_config.json', 'special_tokens_map.json'])
      expect(Buffer.compare(read(half, name), read(model, name)), name).toBe(0);
    const [given, written] = [model, half].map((of) =>
      JSON.parse(read(of, 'config.json').toString()),
    );
    expect(given.architectures).toEqual(['BertForSequenceClassification']);
    expect(written).toEqual({ ...given, torch_dtype: 'float16' });
    expect(
      read(half, 'model.safetensors').length / read(model, 'model.safetensors').length,
    ).toBeLessThan(0.53);
    const [before, after] = [predict(model), predict(half)];
    expect(after.label).toBe('good');
    expect(Math.abs(after.score - before.score)).toBeLessThan(0.01);
  });

  it('makes float32 again of what float16 holds', () => {
    const [back, again] = [join(dir, 'back'), join(dir, 'again')];
    expect(convert(half, 'float32', back).status).toBe(0);
    expect(JSON.parse(read(back, 'config.json').toString()).torch_dtype).toBe('float32');
    expect(convert(back, 'float16', again).status).toBe(0);
    expect(Buffer.compare(read(again, 'model.safetensors'), read(half, 'model.safetensors'))).toBe(
      0,
    );
  });

  it('refuses to write over the model, and other dtypes', () => {
    const over = convert(model, 'float16', `${model}/`);
    expect(over.stderr).toMatch(/--out is .*, the model itself: give another folder/);
    expect(over.status).toBe(2);
    expect(convert(model, 'int8', half).stderr).toMatch(/Allowed choices are float32, float16/);
  });
});

it('--cased beside a model changes nothing, and says so', () => {
  const tokenize = (...args: string[]) =>
    wigbert(['tokenize', '--model', 'models/bert-tiny-ko', ...args, '좋은 영화']);
  expect(tokenize('--cased').stdout).toBe(tokenize().stdout);
  expect(tokenize('--cased').stderr).toMatch(
    /--cased goes with --vocab, and changes nothing: .* has its own tokenizer/,
  );
});

describe('wrong use is one line, with its exit code', () => {
  const oneLabel = file('one.tsv', 'text\tlabel\na\tx\nb\tx\n');
  const others = file('others.tsv', 'text\tlabel\nfine\tmaybe\n');
  const noRows = file('empty.tsv', 'text\tlabel\n');
  const noColumn = file('columns.tsv', 'a\tb\n1\t2\n');
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
    ['a model without a name', ['predict', '--model=', 'x'], 2, /--model is empty: a folder or/],
    [
      'more frozen layers than there are',
      ['train', data, ...fresh, '--freeze', '2'],
      2,
      /2 layers cannot be frozen: the model has 1/,
    ],
    [
      'frozen layers that are none',
      ['train', data, ...fresh, '--freeze', 'some'],
      2,
      /'--freeze <layers>'.*whole number/,
    ],
    ['no model at all', ['train', data], 2, /--model DIR, or --vocab FILE/],
    [
      'a config beside a model',
      ['train', data, '--model', headless, '--config', config],
      2,
      /--config goes with --vocab; .*headless has its own config/,
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
      /'--out <dir>' argument '' is invalid. A path was expected/,
    ],
    ['one label only', ['train', oneLabel, ...fresh], 2, /one label only \(x\)/],
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
      /one score only \(1\)/,
    ],
    [
      'no labels at all',
      ['train', file('none.tsv', 'text\tlabels\na\t\n'), ...fresh, '--task', 'multi-label'],
      2,
      /has no labels/,
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
      /lacks classifier.weight, classifier.bias/,
    ],
    [
      'weights that are no numbers',
      ['predict', '--model', broken, 'a film'],
      1,
      /outputs are no finite numbers: the weights/,
    ],
    [
      'weights that are no numbers, on labelled texts',
      ['evaluate', data, '--model', broken],
      1,
      /outputs are no finite numbers: the weights/,
    ],
    ...[['predict'], ['embed', '--out', join(dir, 'x.jsonl')]].map(
      (args): [string, string[], number, RegExp] => [
        `more tokens than embeddings: ${args[0]}`,
        [...args, '--model', fewEmbeddings, 'a film'],
        2,
        /few-embeddings has \d+ tokens, the model only 100 embeddings/,
      ],
    ),
    [
      'a config that is none',
      ['predict', '--model', nullConfig, 'a film'],
      2,
      /config.json: expected a JSON object, not null/,
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
      /max length of 65 is more than the model's 64 positions/,
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
      /the loss at step .*lower the learning rate/,
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
        '--epochs',
        '1',
        '--batch-size',
        '64',
      ],
      1,
      /the norm of the weights after step 1 .*lower the learning rate/,
    ],
  ])('%s', (_, args, code, message) => {
    const run = wigbert(args);
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toMatch(/^\s+at .*(\.js|node):/m);
    expect(run.status).toBe(code);
  });

  it('counts broken rows and names their lines', () => {
    const broken = file(
      'broken.tsv',
      `text\tlabel\nonly one field\n${texts.join('\n')}\ntoo\tmany\tfields\n`,
    );
    const run = wigbert(['train', broken, ...fresh, '--epochs', '1', '--out', join(dir, 'b')]);
    expect(run.status).toBe(0);
    expect(run.stderr).toMatch(/2 broken rows were skipped/);
    expect(run.stderr).toMatch(/line 2:/);
    expect(run.stderr).toMatch(/line 43:/);
  });

  it('--debug shows the stack', () => {
    expect(wigbert(['--debug', 'train', 'nowhere.tsv', ...fresh]).stderr).toMatch(
      /^\s+at .*(\.js|node):/m,
    );
  });
});

it('is there before it is built, and says so', () => {
  const command = fileURLToPath(new URL('../../bin/wigbert.mjs', import.meta.url));
  const run = (path: string) =>
    spawnSync(process.execPath, [path, '--version'], { encoding: 'utf8' });
  expect(run(command)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
  const unbuilt = file('wigbert.mjs', readFileSync(command, 'utf8'));
  expect(run(unbuilt)).toMatchObject({
    status: 1,
    stderr: 'wigbert is not built: run `npm run build` first\n',
  });
});

it('tokenizes as JSON', () => {
  const { tokens, inputIds, tokenTypeIds } = JSON.parse(
    wigbert(['tokenize', 'a film', 'a story', '--vocab', vocab, '--json']).stdout,
  );
  expect(tokens[0]).toBe('[CLS]');
  expect(inputIds.length).toBe(tokens.length);
  expect(tokenTypeIds.at(-1)).toBe(1);
});

describe('standard output', () => {
  const command = `"${process.execPath}" "${cli}"`;
  const long = `${command} tokenize '${'film '.repeat(20_000)}' --vocab "${vocab}" --json`;
  const shell = (command: string) => spawnSync('sh', ['-c', command], { encoding: 'utf8' });

  it('goes through a pipe to its end', () => {
    const { stdout } = shell(`${long} | (sleep 1; cat)`);
    expect(JSON.parse(stdout).tokens).toHaveLength(20_002);
  });

  it.skipIf(!existsSync('/dev/full'))('says when it cannot be written', () => {
    expect(shell(`${long} > /dev/full`)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^wigbert: cannot write what is printed: ENOSPC/),
    });
  });

  it.each(['--json', '2>&1'])('does not end training where it is closed (%s)', (words) => {
    const out = join(dir, 'closed');
    rmSync(out, { recursive: true, force: true });
    const train = [
      'train',
      data,
      ...fresh,
      '--epochs',
      '20',
      '--valid-split',
      '0',
      '--batch-size',
      '1',
      '--out',
      out,
    ];
    const { stderr } = shell(
      `(${command} '${train.join("' '")}' ${words}; echo "exit $?" > '${out}.txt') | head -1`,
    );
    expect(stderr).not.toMatch(/EPIPE|^\s+at .*(\.js|node):/m);
    expect(readFileSync(`${out}.txt`, 'utf8')).toBe('exit 0\n');
    expect(JSON.parse(readFileSync(join(out, 'history.json'), 'utf8')).epochs).toHaveLength(20);
  });

  it('may be read in part', () => {
    const { stdout, stderr } = shell(`(${long}; echo "exit $?" >&2) | head -c 7`);
    expect({ stdout, stderr }).toEqual({ stdout: '{"token', stderr: 'exit 0\n' });
  });
});

describe('speed is shown', () => {
  it('tells of the device and its peaks', () => {
    const info = JSON.parse(wigbert(['info', '--json']).stdout);
    expect(info.device).toMatch(/^(webgpu|cpu)$/);
    for (const peak of [info.peaks.flops, info.peaks.bytesPerSecond]) {
      expect(Number.isFinite(peak)).toBe(true);
      expect(peak).toBeGreaterThan(0);
    }
  });

  it('benchmarks against the peaks and the reference', () => {
    const { stdout } = wigbert(['bench', 'gatherBackward']);
    expect(stdout).toMatch(/^peaks: [\d.,]+ GFLOP\/s by multiply-adds, [\d.,]+ GB\/s by a copy/);
    expect(stdout).toMatch(/^kernel +ms +GFLOP\/s +GB\/s +% of peak +cpu ms +cpu : here$/m);
    expect(stdout).toMatch(/^gatherBackward .* +\d+ {2}copy /m);
    expect(stdout).not.toContain('training step');
    expect(wigbert(['bench', 'nothing', '--steps', 'tiny,huge']).stderr).toMatch(
      /tiny, mini, base \(parted by commas\) or none/,
    );
    expect(wigbert(['bench', 'nothing', '--profile']).status).toBe(2);
    const high = wigbert(['bench', 'matmul', '--device', 'cpu', '--precision', 'high']);
    expect(high.status).toBe(0);
    expect(high.stderr).toContain('no tensor cores: --precision high changes nothing');
  });

  it('profiles training on either device, and tells how near to the peak it is', () => {
    const args = [
      'train',
      data,
      '--vocab',
      vocab,
      '--config',
      config,
      '--out',
      join(dir, 'profiled'),
      '--epochs',
      '1',
    ];
    const { status, stderr } = wigbert([...args, '--profile']);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      stderr.startsWith('device: webgpu')
        ? /tokens\/s · [\d.]+ % of peak · .* left/
        : /tokens\/s · .* left/,
    );
    const rows = stderr.slice(stderr.indexOf('\nkernel ')).trim().split('\n').slice(1, -1);
    const kernels = rows.map((row) => row.split(/\s{2,}/)[0]);
    expect(kernels).toContain('matmul');
    expect(kernels).toContain('adam');
    const shares = rows.map((row) =>
      Number(
        row
          .slice(row.search(/ {2}\d+ +[\d.]+ +[\d.]+ {2}/))
          .trim()
          .split(/ +/)[2],
      ),
    );
    expect(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 100)).toBeLessThan(
      0.05 * rows.length + 1e-6,
    );
    const json = wigbert([...args, '--profile', '--json', '--device', 'cpu'])
      .stdout.trim()
      .split('\n');
    const profile = JSON.parse(json.at(-1)!);
    expect(profile.event).toBe('profile');
    expect(
      profile.kernels.reduce((sum: number, { share }: { share: number }) => sum + share, 0),
    ).toBeCloseTo(1, 9);
    expect(profile.seconds).toBeLessThan(profile.wallSeconds);
  });
});
