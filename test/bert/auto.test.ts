import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { ModelClass } from '../../src/bert/pretrainedModel.ts';
import { architectures } from '../../src/bert/registry.ts';
import {
  AutoConfig,
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  AutoTokenizer,
  BertBiBackbone,
  BertForMaskedLM,
  BertForPreTraining,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertLMForSequenceClassification,
  BertLMHeadModel,
  BertModel,
  type BertPreTrainedModel,
  BiLstmForSequenceClassification,
  BiLstmModel,
  bertConfig,
  CbowForSequenceClassification,
  CbowModel,
  openModelFolder,
} from '../../src/entries/bert.ts';
import { UsageError } from '../../src/index.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-auto-'));
afterAll(() => rm(root, { recursive: true }));

const config = bertConfig({
  vocabSize: 6,
  hiddenSize: 4,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 6,
  maxPositionEmbeddings: 5,
});
const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a'].join('\n');

/** A saved model of every architecture. */
const folders = new Map<string, string>();
for (const { Model } of architectures as readonly { Model: ModelClass<BertPreTrainedModel> }[]) {
  const dir = join(root, Model.architecture);
  const isDecoder = Model.isDecoder || undefined;
  const model = Model.fromConfig(bertConfig({ ...config, isDecoder }));
  await model.savePretrained(dir, { 'vocab.txt': vocab });
  folders.set(Model.architecture, dir);
}
const folder = (name: string) => folders.get(name)!;

describe('the registry', () => {
  test.each(architectures.map(({ Model }) => Model.architecture))(
    '%s: the name is unique and saved in config.json',
    async (name) => {
      expect(architectures.filter(({ Model }) => Model.architecture === name)).toHaveLength(1);
      expect(await (await openModelFolder(folder(name))).architecture()).toBe(name);
    },
  );
});

describe('AutoModel', () => {
  test.each([
    ['BertForMaskedLM', AutoModel, BertModel],
    ['BertBiLMHeadModel', AutoModel, BertBiBackbone],
    ['BiLstmLMHeadModel', AutoModel, BiLstmModel],
    ['CbowLMHeadModel', AutoModel, CbowModel],
    ['BertForPreTraining', AutoModelForMaskedLM, BertForMaskedLM],
    ['BertModel', AutoModelForSequenceClassification, BertForSequenceClassification],
    ['BertLMHeadModel', AutoModelForSequenceClassification, BertLMForSequenceClassification],
    ['BiLstmLMHeadModel', AutoModelForSequenceClassification, BiLstmForSequenceClassification],
    ['CbowLMHeadModel', AutoModelForSequenceClassification, CbowForSequenceClassification],
    ['SkipGramLMHeadModel', AutoModelForSequenceClassification, CbowForSequenceClassification],
    ['BertForTokenClassification', AutoModelForTokenClassification, BertForTokenClassification],
    ['BertLMHeadModel', AutoModelForCausalLM, BertLMHeadModel],
  ] as const)('reads %s as the class of its family and head', async (name, Auto, Model) => {
    const model = await Auto.fromPretrained(await openModelFolder(folder(name)));
    expect(model).toBeInstanceOf(Model);
    expect(model.architecture).toBe(Model.architecture);
  });

  test('passes options on, and reports what it draws at random', async () => {
    const model = await AutoModelForSequenceClassification.fromPretrained(folder('BertModel'), {
      labels: ['a', 'b', 'c'],
    });
    expect(model.config.numLabels).toBe(3);
    expect(model.loadReport.missing).toEqual(['classifier.weight', 'classifier.bias']);
  });

  test('makes fresh models', () => {
    expect(AutoModel.fromConfig(config)).toBeInstanceOf(BertModel);
    const decoder = bertConfig({ ...config, isDecoder: true });
    expect(AutoModelForCausalLM.fromConfig(decoder)).toBeInstanceOf(BertLMHeadModel);
    expect(() => AutoModelForCausalLM.fromConfig(config)).toThrow(UsageError);
  });

  test('refuses a family without the head', async () => {
    await expect(AutoModelForMaskedLM.fromPretrained(folder('CbowModel'))).rejects.toThrow(
      /^AutoModelForMaskedLM: expected a model of the family bert, got cbow/,
    );
  });

  const changed = async (change: Record<string, unknown>) => {
    const dir = await mkdtemp(join(root, 'changed-'));
    const json = JSON.parse(await readFile(join(folder('BertModel'), 'config.json'), 'utf8'));
    await writeFile(join(dir, 'config.json'), JSON.stringify({ ...json, ...change }));
    return dir;
  };
  test('refuses an unknown architecture or model_type, and says what there is', async () => {
    await expect(
      AutoModel.fromPretrained(await changed({ architectures: ['BertForPoetry'] })),
    ).rejects.toThrow(/architectures: expected one of BertModel, .*, got "BertForPoetry"; /);
    await expect(AutoConfig.fromPretrained(await changed({ model_type: 'gpt2' }))).rejects.toThrow(
      /model_type: expected "bert", got "gpt2": .* choose a BERT model/,
    );
  });
});

test('AutoTokenizer reads BERT tokenizers and refuses others', async () => {
  const dir = folder('BertForPreTraining');
  expect((await AutoTokenizer.fromPretrained(dir)).vocabSize).toBe(6);
  const file = join(dir, 'tokenizer_config.json');
  // As BertTokenizer does, with the same list.
  for (const name of ['ElectraTokenizer', 'DistilBertTokenizerFast', 'TokenizersBackend']) {
    await writeFile(file, JSON.stringify({ tokenizer_class: name }));
    expect((await AutoTokenizer.fromPretrained(dir)).vocabSize).toBe(6);
  }
  await writeFile(file, '{"tokenizer_class":"GPT2Tokenizer"}');
  await expect(AutoTokenizer.fromPretrained(dir)).rejects.toThrow(
    /tokenizer_class "GPT2Tokenizer" is not BERT's WordPiece but BPE/,
  );
  await rm(file);
});

test('an open folder reads config.json once', async () => {
  const dir = await mkdtemp(join(root, 'once-'));
  await BertForPreTraining.fromConfig(config).savePretrained(dir);
  const open = await openModelFolder(dir);
  await open.config();
  await rm(join(dir, 'config.json'));
  expect((await AutoModelForMaskedLM.fromPretrained(open)).loadReport.missing).toEqual([]);
  expect(await openModelFolder(open)).toBe(open);
});
