import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointFiles } from '../../../src/bert/checkpoint/write.ts';
import { bertConfig, labelFields } from '../../../src/bert/config.ts';
import { BertForMaskedLM } from '../../../src/bert/heads/maskedLM.ts';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { BertForTokenClassification } from '../../../src/bert/heads/tokenClassification.ts';
import { getPeftModel } from '../../../src/bert/layers/lora/getPeftModel.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { parseSafetensors, serializeSafetensors } from '../../../src/formats/safetensors/file.ts';
import { backward, setDevice } from '../../../src/tensor/index.ts';

beforeAll(() => setDevice(new CpuDevice()));
const root = mkdtempSync(join(tmpdir(), 'wigbert-int8-'));
afterAll(() => rmSync(root, { recursive: true }));

const config = bertConfig({
  ...{ vocabSize: 60, hiddenSize: 16, numHiddenLayers: 2, numAttentionHeads: 2 },
  ...{ intermediateSize: 32, maxPositionEmbeddings: 16, initializerRange: 0.2 },
  ...labelFields(['a', 'b', 'c']),
});

describe.each([
  BertForSequenceClassification,
  BertForTokenClassification,
  BertForMaskedLM,
] as const)('$architecture in int8', (Model) => {
  const dir = join(root, Model.architecture);
  const fresh = () => (Model as typeof BertForMaskedLM).fromConfig(config, 5).eval();

  it('has matrices in 8 bits, each row within half a step, and all else as it was', async () => {
    const model = fresh();
    await model.savePretrained(dir, {}, { torchDtype: 'int8' });
    const { tensors } = parseSafetensors(readFileSync(join(dir, 'model.safetensors')));
    const word = 'bert.embeddings.word_embeddings.weight';
    expect(tensors.get(word)).toMatchObject({ dtype: 'I8', shape: [60, 16] });
    expect(tensors.get(`${word}_scale`)).toMatchObject({ dtype: 'F32', shape: [60, 1] });
    const kept = ['bert.embeddings.token_type_embeddings.weight', 'classifier.weight'];
    for (const name of kept) expect(tensors.get(name)?.dtype ?? 'F32').toBe('F32');
    const again = await (Model as typeof BertForMaskedLM).fromPretrained(dir);
    expect(again.loadReport).toEqual({ missing: [], unexpected: [] });
    const own = model.stateDict();
    for (const [name, weight] of again.stateDict()) {
      const [before, after] = [await own.get(name)!.data(), await weight.data()];
      const columns = weight.shape.at(-1)!;
      for (const [i, value] of after.entries()) {
        const row = before.slice(i - (i % columns), i - (i % columns) + columns) as Float32Array;
        const step = tensors.has(`${name}_scale`) ? Math.max(...row.map(Math.abs)) / 127 : 0;
        expect(Math.abs(value - before[i]), name).toBeLessThanOrEqual(0.501 * step);
      }
    }
  });

  it('says so to other programs, and is plain again once saved in float32', async () => {
    const read = (name: string) => JSON.parse(readFileSync(join(dir, name), 'utf8'));
    expect(read('config.json').quantization_config.bits).toBe(8);
    const model = await (Model as typeof BertForMaskedLM).fromPretrained(dir);
    await model.savePretrained(join(dir, 'again'));
    expect(read('again/config.json').quantization_config).toBeUndefined();
    const again = await (Model as typeof BertForMaskedLM).fromPretrained(join(dir, 'again'));
    const [a, b] = [model, again].map((each) => each.forward({ inputIds: [[2, 9, 3]] }).logits);
    expect([...(await b.data())]).toEqual([...(await a.data())]);
  });
});

it('is a frozen base of an adapter', async () => {
  const dir = join(root, 'BertForSequenceClassification');
  const model = await BertForSequenceClassification.fromPretrained(dir);
  const before = await model.bert.embeddings.wordEmbeddings.weight.data();
  getPeftModel(model, { r: 2 }, { seed: 1 });
  const { loss } = model.forward({ inputIds: [[2, 9, 3]], labels: [1] });
  backward(loss!);
  const trained = model.namedParameters().filter(([, each]) => each.requiresGrad);
  expect(trained.some(([name]) => name.includes('lora_A'))).toBe(true);
  expect(trained.some(([name]) => name.includes('word_embeddings'))).toBe(false);
  expect(await model.bert.embeddings.wordEmbeddings.weight.data()).toEqual(before);
});

it('takes less than 190 MB for multilingual BERT', () => {
  const [hidden, inner] = [768, 3072];
  const layer = { query: [hidden, hidden], key: [hidden, hidden], value: [hidden, hidden] };
  const shapes = new Map<string, number[]>([
    ['bert.embeddings.word_embeddings.weight', [119_547, hidden]],
    ['bert.embeddings.position_embeddings.weight', [512, hidden]],
    ['bert.pooler.dense.weight', [hidden, hidden]],
  ]);
  for (let i = 0; i < 12; i++) {
    const at = `bert.encoder.layer.${i}`;
    for (const [name, shape] of Object.entries(layer))
      shapes.set(`${at}.attention.self.${name}.weight`, shape);
    shapes.set(`${at}.attention.output.dense.weight`, [hidden, hidden]);
    shapes.set(`${at}.intermediate.dense.weight`, [inner, hidden]);
    shapes.set(`${at}.output.dense.weight`, [hidden, inner]);
    shapes.set(`${at}.intermediate.dense.bias`, [inner]);
  }
  const data = async () => new Float32Array(0);
  const weights = Array.from(shapes, ([name, shape]) => [name, { shape, data }] as const);
  const files = checkpointFiles(config, ['BertModel'], weights, {}, 'int8');
  const { bytes } = files['model.safetensors'] as { bytes: number };
  const parameters = [...shapes.values()].reduce(
    (sum, shape) => sum + shape.reduce((a, b) => a * b),
    0,
  );
  expect(parameters).toBeGreaterThan(177e6);
  expect(bytes).toBeLessThan(190e6);
});

describe('a broken file', () => {
  const write = async (change: (tensors: Map<string, object>) => void) => {
    const dir = join(root, 'broken');
    const model = BertForSequenceClassification.fromConfig(config, 5);
    const files = await model.files({}, { torchDtype: 'int8' });
    const { tensors } = parseSafetensors(files['model.safetensors']);
    change(tensors as Map<string, object>);
    const { writeFiles } = await import('../../../src/platform/atomicWrite.ts');
    await writeFiles(dir, {
      ...files,
      'model.safetensors': serializeSafetensors(tensors as never),
    });
    return BertForSequenceClassification.fromPretrained(dir);
  };
  const word = 'bert.embeddings.word_embeddings.weight';

  it('without scales, or with others, is named', async () => {
    const without = write((tensors) => void tensors.delete(`${word}_scale`));
    await expect(without).rejects.toThrow(/word_embeddings.weight": expected floats .*, got I8/);
    const flat = write((tensors) => {
      const scale = tensors.get(`${word}_scale`) as { shape: number[] };
      scale.shape = [60];
    });
    await expect(flat).rejects.toThrow(
      /weight_scale": expected F32 of \[60, 1\].*got F32 of \[60\]/,
    );
  });
});
