import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import {
  BertForSequenceClassification,
  bertConfig,
  getPeftModel,
  labelFields,
} from '../../../src/entries/bert.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { convertModel } from '../../../src/train/recipes/convertModel.ts';
import { evaluate } from '../../../src/train/recipes/evaluate.ts';
import { mergeAdapter } from '../../../src/train/recipes/mergeAdapter.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-convert-'));
afterAll(() => rmSync(dir, { recursive: true }));

const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'b', 'c'];
const config = bertConfig({
  ...{ vocabSize: vocab.length, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2 },
  ...{ intermediateSize: 8, maxPositionEmbeddings: 8 },
  ...labelFields(['x', 'y']),
  problemType: 'multi_label_classification',
});
const [model, adapter, data] = ['model', 'adapter', 'data.tsv'].map((name) => join(dir, name));
const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Thresholds by which each text has the label x, and none y. */
function calibrate(folder: string, file: string): void {
  const thresholds = { x: 0, y: 1 };
  const weights = hashOf(join(folder, file));
  const calibration = { temperature: 2, thresholds, examples: 4, weights };
  writeFileSync(join(folder, 'calibration.json'), JSON.stringify(calibration));
}

beforeAll(async () => {
  setDevice(new CpuDevice());
  const tokenizer = new BertTokenizer(vocab);
  const whole = BertForSequenceClassification.fromConfig(config, 1);
  await whole.savePretrained(model, tokenizer.files());
  calibrate(model, 'model.safetensors');
  const lora = { r: 2, targetModules: ['query'], baseModelNameOrPath: model };
  await getPeftModel(whole, lora).savePretrained(adapter, tokenizer.files());
  calibrate(adapter, 'adapter_model.safetensors');
  writeFileSync(data, 'text\tlabels\na\tx\nb\ty\na b\tx,y\nc\t\n');
});

describe('the thresholds and the temperature of a model', () => {
  it.each([
    ['float32', (out: string) => convertModel({ model, out, dtype: 'float32' })],
    ['int8', (out: string) => convertModel({ model, out, dtype: 'int8' })],
    ['merged', (out: string) => mergeAdapter({ model: adapter, out })],
  ])('hold for other bytes of its weights: %s', async (name, write) => {
    const out = join(dir, name);
    await write(out);
    const { metrics } = await evaluate({ model, data });
    expect((await evaluate({ model: out, data, calibrated: true })).metrics).toEqual(metrics);
    const { weights, temperature } = JSON.parse(
      readFileSync(join(out, 'calibration.json'), 'utf8'),
    );
    expect([weights, temperature]).toEqual([hashOf(join(out, 'model.safetensors')), 2]);
  });
});

it('convertModel replaces another model only if it may', async () => {
  const run = { model, out: join(dir, 'other'), dtype: 'float16' as const };
  await convertModel(run);
  await expect(convertModel(run)).rejects.toThrow(/other already holds a model/);
  const { weights } = await convertModel({ ...run, overwrite: true });
  expect(weights).toBeGreaterThan(0);
});

it('convertModel leaves no adapter in a folder whose model it replaces', async () => {
  const out = join(dir, 'replaced');
  cpSync(adapter, out, { recursive: true });
  await convertModel({ model, out, dtype: 'float16', overwrite: true });
  expect(readdirSync(out).filter((name) => name.startsWith('adapter'))).toEqual([]);
  const scores = async (folder: string) => (await evaluate({ model: folder, data })).metrics;
  const [found, expected] = [await scores(out), await scores(model)];
  for (const [name, value] of Object.entries(found)) expect(value).toBeCloseTo(expected[name], 2);
});

it.each<[string, (out: string) => Promise<unknown>]>([
  ['convertModel', (out) => convertModel({ model, out, dtype: 'float32', overwrite: true })],
  ['mergeAdapter', (out) => mergeAdapter({ model: adapter, out, overwrite: true })],
])('%s leaves no tokenizer in a folder whose model it replaces', async (name, write) => {
  const out = join(dir, `over-${name}`);
  // Its mask is added to the vocabulary, in a file of its own.
  const maskless = vocab.filter((token) => token !== '[MASK]');
  const whole = BertForSequenceClassification.fromConfig(config, 1);
  await whole.savePretrained(out, new BertTokenizer(maskless).files());
  expect(readdirSync(out)).toContain('added_tokens.json');
  await write(out);
  expect(readdirSync(out)).not.toContain('added_tokens.json');
  const texts = ['a [MASK]', 'b c'];
  const [found, expected] = [out, model].map((folder) => BertTokenizer.fromPretrained(folder));
  expect((await found).encodeBatch(texts)).toEqual((await expected).encodeBatch(texts));
});

it('a model without a tokenizer leaves none in its place', async () => {
  const [bare, out] = [join(dir, 'bare'), join(dir, 'bare-out')];
  await BertForSequenceClassification.fromConfig(config, 1).savePretrained(bare);
  cpSync(model, out, { recursive: true });
  await convertModel({ model: bare, out, dtype: 'float32', overwrite: true });
  expect(readdirSync(out).filter((name) => /vocab|token/.test(name))).toEqual([]);
});

it('a card with figures gives way to the next, and not to one that a person wrote', async () => {
  const out = join(dir, 'card');
  const card = () => readFileSync(join(out, 'README.md'), 'utf8');
  const run = { model, out, overwrite: true };
  await convertModel({ ...run, dtype: 'float16', data });
  expect(card()).toMatch(/^# model in float16$/m);
  await convertModel({ ...run, dtype: 'int8' });
  expect(readdirSync(out)).not.toContain('README.md');
  writeFileSync(join(out, 'README.md'), 'my notes');
  await convertModel({ ...run, dtype: 'int8', data });
  expect(card()).toBe('my notes');
});
