import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig } from '../../../../src/bert/config.ts';
import { BertModel } from '../../../../src/bert/model.ts';
import { CpuDevice } from '../../../../src/device/cpu.ts';
import { setDevice } from '../../../../src/tensor/index.ts';
import { BertTokenizer } from '../../../../src/text/tokenizer/index.ts';
import { exportOnnxFolder } from '../../../../src/train/recipes/onnx/exportFolder.ts';
import { writeSentenceFiles } from '../../../../src/train/recipes/sentenceFolder.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-onnx-'));
afterAll(() => rmSync(dir, { recursive: true }));
setDevice(new CpuDevice());

const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...'abcdefgh'];

async function saved(name: string, vocab: string[], seed = 1): Promise<string> {
  const config = bertConfig({
    ...{ vocabSize: vocab.length, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2 },
    ...{ intermediateSize: 8, maxPositionEmbeddings: 8 },
  });
  const folder = join(dir, name);
  await BertModel.fromConfig(config, seed).savePretrained(folder, new BertTokenizer(vocab).files());
  return folder;
}

it('writes beside an earlier export, and not beside weights', async () => {
  const model = await saved('model', [...words, '[MASK]']);
  const out = join(dir, 'out');
  for (const dtype of ['float32', 'float16'] as const)
    await exportOnnxFolder({ model, out, dtype });
  const files = ['model.onnx', 'model_fp16.onnx', 'verification.json'];
  expect(readdirSync(join(out, 'onnx'))).toEqual(files);
  const other = await saved('other', [...words, '[MASK]']);
  await expect(exportOnnxFolder({ model, out: other })).rejects.toThrow(
    /other holds a model \(model\.safetensors\)/,
  );
});

it('takes a vocabulary that lacks a special token, which no embedding is of', async () => {
  const model = await saved('maskless', words);
  const { verification } = await exportOnnxFolder({ model, out: join(dir, 'maskless-onnx') });
  expect(verification!.texts).toBe(100);
});

describe('an export over that of another model', () => {
  const out = join(dir, 'two');

  it('leaves nothing of that: no graph, no figures, no tokenizer, no pooling', async () => {
    // Its mask is added to the vocabulary, in a file of its own.
    const first = await saved('first', words);
    await writeSentenceFiles(first, await BertModel.fromPretrained(first));
    for (const dtype of ['float32', 'int8'] as const)
      await exportOnnxFolder({ model: first, out, dtype });
    expect(readdirSync(out)).toEqual(expect.arrayContaining(['added_tokens.json', 'modules.json']));
    const model = await saved('second', [...words, '[MASK]'], 2);
    const { removed } = await exportOnnxFolder({ model, out, dtype: 'float16' });
    const names = removed.map((path) => path.split('/').at(-1));
    expect(names).toEqual(['model.onnx', 'model_int8.onnx']);
    expect(readdirSync(join(out, 'onnx'))).toEqual(['model_fp16.onnx', 'verification.json']);
    const figures = JSON.parse(readFileSync(join(out, 'onnx/verification.json'), 'utf8'));
    expect(Object.keys(figures)).toEqual(['model_fp16.onnx']);
    expect(readdirSync(out)).not.toContain('added_tokens.json');
    expect(readdirSync(out)).not.toContain('modules.json');
  });

  it('is refused where another program wrote the graph', async () => {
    writeFileSync(join(out, 'onnx', 'model.onnx'), 'theirs');
    const model = join(dir, 'second');
    await expect(exportOnnxFolder({ model, out })).rejects.toThrow(
      /model\.onnx is not in verification\.json: .* choose another `out`/,
    );
    expect(readFileSync(join(out, 'onnx', 'model.onnx'), 'utf8')).toBe('theirs');
  });
});

it('reads as much of a text as the model of sentences, where no other limit is read', async () => {
  const model = await saved('sentences', [...words, '[MASK]']);
  await writeSentenceFiles(model, await BertModel.fromPretrained(model));
  const settings = join(model, 'sentence_bert_config.json');
  writeFileSync(settings, '{"max_seq_length": 5, "do_lower_case": false}');
  const out = join(dir, 'sentences-onnx');
  await exportOnnxFolder({ model, out });
  const config = JSON.parse(readFileSync(join(out, 'tokenizer_config.json'), 'utf8'));
  expect(config.model_max_length).toBe(5);
});

it('refuses a tokenizer that no tokenizer.json holds', async () => {
  const model = await saved('never', [...words, '[MASK]']);
  const tokenizer = new BertTokenizer([...words, '[MASK]'], { neverSplit: ['a,b'] });
  await tokenizer.savePretrained(model);
  const out = join(dir, 'never-onnx');
  await expect(exportOnnxFolder({ model, out })).rejects.toThrow(/got one with `never_split`/);
});
