import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig } from '../../../src/bert/config.ts';
import { BertForMaskedLM } from '../../../src/bert/heads/maskedLM.ts';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { BertModel } from '../../../src/bert/model.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { parseSafetensors } from '../../../src/formats/safetensors/file.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { encodeExamples } from '../../../src/train/data/batch.ts';
import { fit } from '../../../src/train/trainer/fit.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-files-'));
afterAll(() => rmSync(dir, { recursive: true }));
setDevice(new CpuDevice());

const tokenizer = new BertTokenizer(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'b']);
const config = bertConfig({
  ...{ vocabSize: tokenizer.length, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2 },
  intermediateSize: 16,
});

describe('files of a model', () => {
  it.each([
    [BertForSequenceClassification, {}],
    [BertForMaskedLM, { torchDtype: 'float16' as const }],
    [BertModel, {}],
  ])('are those that savePretrained writes, %#', async (Model, options) => {
    const model = (Model as typeof BertModel).fromConfig(config, 3);
    const files = await model.files(tokenizer.files(), options);
    const folder = join(dir, model.architecture);
    await model.savePretrained(folder, tokenizer.files(), options);
    expect(Object.keys(files).sort()).toEqual(readdirSync(folder).sort());
    for (const [name, bytes] of Object.entries(files))
      expect(Buffer.from(bytes).equals(readFileSync(join(folder, name))), name).toBe(true);
    const { tensors } = parseSafetensors(files['model.safetensors']);
    expect([...tensors.keys()].sort()).toEqual([...model.stateDict().keys()].sort());
  });
});

describe('maxSteps', () => {
  const rows = ['a', 'b', 'a a', 'b b', 'a b', 'b a'].map((text, i) => ({ text, label: i % 2 }));
  const run = async (maxSteps: number) => {
    const model = BertForSequenceClassification.fromConfig(config);
    return fit(model, encodeExamples(rows, tokenizer), [], { maxSteps, batchSize: 2, epochs: 1 });
  };

  it.each([1, 3, 7])('stops after %i steps, however many epochs these are', async (maxSteps) => {
    const { steps, epochs } = await run(maxSteps);
    expect(steps.map(({ step }) => step)).toEqual(
      Array.from({ length: maxSteps }, (_, i) => i + 1),
    );
    expect(epochs.at(-1)!.step).toBe(maxSteps);
    expect(steps.at(-1)!.epoch).toBe(Math.ceil(maxSteps / 3));
  });

  it('is a count', async () => {
    await expect(run(0)).rejects.toThrow('`maxSteps`: expected an integer of at least 1, got 0');
  });
});
