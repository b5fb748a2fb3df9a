import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cliFixture, rows, wigbertHere } from '../support/cli.ts';

const { dir, data, file, trainedModel } = cliFixture();

describe('convert', () => {
  let model = '';
  beforeAll(async () => {
    model = await trainedModel();
  });
  const convert = async (from: string, dtype: string, to: string) =>
    await wigbertHere(['convert', '--model', from, '--dtype', dtype, '--out', to]);
  const half = join(dir, 'half');
  const read = (folder: string, name: string) => readFileSync(join(folder, name));
  const predict = async (from: string) =>
    JSON.parse(
      (
        await wigbertHere([
          'predict',
          '--model',
          from,
          '--device',
          'cpu',
          '--json',
          'a wonderful film',
        ])
      ).stdout,
    );

  it('keeps the head and the tokenizer, in half the space', async () => {
    const run = await convert(model, 'float16', half);
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
    const [before, after] = [await predict(model), await predict(half)];
    expect(after.label).toBe('good');
    expect(Math.abs(after.score - before.score)).toBeLessThan(0.01);
  });

  it('makes float32 again of what float16 holds', async () => {
    const [back, again] = [join(dir, 'back'), join(dir, 'again')];
    expect((await convert(half, 'float32', back)).status).toBe(0);
    expect(JSON.parse(read(back, 'config.json').toString()).torch_dtype).toBe('float32');
    expect((await convert(back, 'float16', again)).status).toBe(0);
    expect(Buffer.compare(read(again, 'model.safetensors'), read(half, 'model.safetensors'))).toBe(
      0,
    );
  });

  it('takes an adapter whose base moved, and data of any columns', async () => {
    const [adapter, moved] = [join(dir, 'adapter'), join(dir, 'moved')];
    const training = ['train', data, '--model', model, '--lora', '2', '--epochs', '1'];
    await wigbertHere([...training, '--out', adapter, '--device', 'cpu']);
    const reversed = rows.map((row) => row.split('\t').reverse().join('\t'));
    const odd = file('odd.tsv', `verdict\treview\n${reversed.join('\n')}\n`);
    renameSync(model, moved);
    const columns = ['--data', odd, '--text-column', 'review', '--label-column', 'verdict'];
    const from = ['convert', '--model', adapter, '--base', moved, '--device', 'cpu'];
    const out = join(dir, 'whole');
    const run = await wigbertHere([...from, '--dtype', 'float32', '--out', out, ...columns]);
    renameSync(moved, model);
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/accuracy: 1\.0000 before, 1\.0000 after/);
  });

  it('refuses to write over the model, and other dtypes', async () => {
    const over = await convert(model, 'float16', `${model}/`);
    expect(over.stderr).toMatch(/--out: expected another folder than that of the model/);
    expect(over.status).toBe(2);
    expect((await convert(model, 'int4', half)).stderr).toMatch(
      /Allowed choices are float32, float16, int8/,
    );
  });
});
