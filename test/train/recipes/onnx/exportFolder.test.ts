import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { bertConfig } from '../../../../src/bert/config.ts';
import { BertModel } from '../../../../src/bert/model.ts';
import { CpuDevice } from '../../../../src/device/cpu.ts';
import { setDevice } from '../../../../src/tensor/index.ts';
import { BertTokenizer } from '../../../../src/text/tokenizer/index.ts';
import { exportOnnxFolder } from '../../../../src/train/recipes/onnx/exportFolder.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-onnx-'));
afterAll(() => rmSync(dir, { recursive: true }));
setDevice(new CpuDevice());

const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...'abcdefgh'];

async function saved(name: string, vocab: string[]): Promise<string> {
  const config = bertConfig({
    ...{ vocabSize: vocab.length, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2 },
    ...{ intermediateSize: 8, maxPositionEmbeddings: 8 },
  });
  const folder = join(dir, name);
  await BertModel.fromConfig(config, 1).savePretrained(folder, new BertTokenizer(vocab).files());
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
