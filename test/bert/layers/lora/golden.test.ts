import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../../src/device/cpu.ts';
import {
  BertForSequenceClassification,
  BertForTokenClassification,
  openModelFolder,
  PeftModel,
} from '../../../../src/entries/bert.ts';
import {
  parseSafetensors,
  serializeSafetensors,
} from '../../../../src/formats/safetensors/file.ts';
import { setDevice, type Tensor } from '../../../../src/tensor/index.ts';
import { BertTokenizer } from '../../../../src/text/tokenizer/index.ts';
import { loadTaskModel } from '../../../../src/train/tasks/taskModel.ts';

const golden = fileURLToPath(new URL('./golden', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'wigbert-lora-golden-'));
cpSync(golden, dir, { recursive: true });
afterAll(() => rmSync(dir, { recursive: true }));
beforeEach(() => setDevice(new CpuDevice()));

const { inputs: given, logits: expected } = JSON.parse(
  readFileSync(join(golden, 'expected.json'), 'utf8'),
);
const inputs = {
  inputIds: given.input_ids,
  attentionMask: given.attention_mask,
  tokenTypeIds: given.token_type_ids,
};
const expectLogits = async (logits: Tensor, wanted: number[]) => {
  const found = await logits.data();
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(1e-5);
};

describe.each([
  ['list', BertForSequenceClassification, ['LABEL_0', 'LABEL_1', 'LABEL_2']],
  ['regex', BertForTokenClassification, ['LABEL_0', 'LABEL_1']],
  ['all-linear', BertForSequenceClassification, ['LABEL_0', 'LABEL_1']],
] as const)('a folder laid out as peft does, %s', (name, Model, labels) => {
  const folder = join(dir, name);
  const wanted: number[] = expected[name].flat(3);

  it('is read as a model merged with its base, with the same logits as in Python', async () => {
    const { model, tokenizer } = await loadTaskModel(folder);
    expect(model).toBeInstanceOf(Model);
    expect(model.loadReport.missing).toEqual([]);
    expect(Object.values(model.config.id2label)).toEqual(labels);
    expect(tokenizer.encode('good films').inputIds).toEqual([2, 6, 8, 9, 3]);
    const { logits } = model.forward(inputs) as { logits: Tensor };
    await expectLogits(logits, wanted);
  });

  it('is put on its base, with the same logits, and merged', async () => {
    const model = await Model.fromPretrained(join(dir, 'base'), { labels });
    const peft = await PeftModel.fromPretrained(model, folder);
    await expectLogits(peft.eval().forward(inputs).logits, wanted);
    await peft.savePretrained(join(dir, `${name} again`));
    const merged = peft.mergeAndUnload();
    await expectLogits(merged.forward(inputs).logits, wanted);
    await merged.savePretrained(join(dir, `${name} merged`));
    for (const saved of [`${name} again`, `${name} merged`]) {
      const base = saved.endsWith('again') ? { base: join(dir, 'base') } : {};
      const again = await Model.fromPretrained(await openModelFolder(join(dir, saved), base));
      await expectLogits(again.forward(inputs).logits, wanted);
    }
  });
});

describe('an adapter folder that cannot be read', () => {
  const broken = (name: string, changes: Record<string, unknown>) => {
    const folder = join(dir, name);
    cpSync(join(golden, 'list'), folder, { recursive: true });
    const path = join(folder, 'adapter_config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...config, ...changes }));
    return folder;
  };

  let count = 0;
  it.each([
    [{ peft_type: 'IA3' }, /peft_type: expected "LORA".*got "IA3"/],
    [{ use_dora: true }, /use_dora: expected none: DoRA is not supported, got true/],
    [{ lora_bias: true }, /lora_bias: expected none/],
    [{ init_lora_weights: 'pissa' }, /init_lora_weights: expected true.*got "pissa"/],
    [{ layer_replication: [[0, 1]] }, /layer_replication: expected none/],
    [{ r: 4 }, /query: expected A of \[4, in\] and B of \[out, 4\].*got \[2,8\] and \[8,2\]/],
    [{ r: 'two' }, /r: expected a number, got "two"/],
    [{ lora_alpha: -1 }, /adapter_config\.json: `loraAlpha`: expected a number above 0, got -1/],
    [
      { rank_pattern: { '(?i)query': 2 } },
      /adapter_config\.json: `rankPattern`: expected names or a regular expression that JavaScript/,
    ],
    [
      { base_model_name_or_path: 'org/name', revision: 'v2' },
      /adapter_config\.json: revision: expected main or none, got "v2": .*set `base`/,
    ],
    [
      { target_modules: ['query', 'value', 'key'] },
      /lacks bert\.encoder\.layer\.0\.attention\.self\.key\.lora_A\.weight/,
    ],
    [{ base_model_name_or_path: null }, /base_model_name_or_path: expected.*set `base`/],
    [
      { base_model_name_or_path: '/no/where' },
      /base model of the adapter .*\/no\/where: no such folder.*set `base`/s,
    ],
    [{ base_model_name_or_path: '../regex' }, /expected a whole model, got another adapter/],
  ])('says what is wrong: %o', async (changes, message) => {
    const folder = broken(`broken ${++count}`, changes);
    await expect(loadTaskModel(folder)).rejects.toThrow(message);
  });

  it('is not one with names that only Python reads, or a revision of a local base', async () => {
    const read = async (name: string, changes: Record<string, unknown>) => {
      const { model } = await loadTaskModel(broken(name, changes));
      return (await model.parameters()[0].data()).length;
    };
    const expected = await read('as it is', {});
    const folder = join(dir, 'base');
    for (const [name, changes] of Object.entries({
      python: { target_modules: '(?i).*(query|value)$' },
      local: { base_model_name_or_path: folder, revision: 'v2' },
      main: { revision: 'main' },
    }))
      expect(await read(name, changes)).toBe(expected);
  });

  it('of another base model names both shapes', async () => {
    const other = join(dir, 'other base');
    const { BertModel, bertConfig } = await import('../../../../src/entries/bert.ts');
    const sizes = { vocabSize: 10, hiddenSize: 12, numHiddenLayers: 2, numAttentionHeads: 2 };
    const model = BertModel.fromConfig(
      bertConfig({ ...sizes, intermediateSize: 12, maxPositionEmbeddings: 8 }),
    );
    const tokenizer = await BertTokenizer.fromPretrained(join(dir, 'base'));
    await model.savePretrained(other, tokenizer.files());
    const folder = await openModelFolder(join(dir, 'list'), { base: other });
    await expect(loadTaskModel(folder)).rejects.toThrow(
      /an adapter for another model than .*other base: .*query\.weight of \[8,8\], got \[12,12\]/,
    );
    await expect(openModelFolder(join(dir, 'base'), { base: other })).rejects.toThrow(
      /`base` goes with an adapter/,
    );
  });

  it('makes room for a whole model that is saved to it', async () => {
    const folder = broken('overwritten', {});
    const Model = BertForSequenceClassification;
    const model = await Model.fromPretrained(join(dir, 'base'), { labels: ['a', 'b'], seed: 4 });
    await model.savePretrained(folder);
    const again = await Model.fromPretrained(folder);
    const [found, wanted] = [again, model].map((one) => one.eval().forward(inputs).logits.data());
    expect(await found).toEqual(await wanted);
  });

  it('leaves a model that it is put on as it was', async () => {
    const model = await BertForSequenceClassification.fromPretrained(join(dir, 'base'));
    const before = model.namedParameters().map(([name]) => name);
    const folder = broken('other head', {});
    const path = join(folder, 'adapter_model.safetensors');
    const { tensors } = parseSafetensors(new Uint8Array(readFileSync(path)));
    const name = [...tensors.keys()].find((each) => each.endsWith('classifier.bias'))!;
    tensors.set(name, { dtype: 'F32', shape: [5], data: new Uint8Array(20) });
    writeFileSync(path, serializeSafetensors(tensors));
    await expect(PeftModel.fromPretrained(model, folder)).rejects.toThrow(
      /classifier\.bias of \[5\]/,
    );
    expect(model.namedParameters().map(([name]) => name)).toEqual(before);
    expect(model.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
  });

  it('without weights, or with another tensor, names the file', async () => {
    const without = broken('without weights', {});
    rmSync(join(without, 'adapter_model.safetensors'));
    await expect(loadTaskModel(without)).rejects.toThrow(/has no adapter_model\.safetensors/);
    writeFileSync(join(without, 'adapter_model.bin'), '');
    await expect(loadTaskModel(without)).rejects.toThrow(/adapter_model\.bin, a pickle/);
  });
});
