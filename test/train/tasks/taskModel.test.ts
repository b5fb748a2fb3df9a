import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bertConfig } from '../../../src/bert/config.ts';
import { BertForMultipleChoice } from '../../../src/bert/heads/multipleChoice.ts';
import { BertForQuestionAnswering } from '../../../src/bert/heads/questionAnswering.ts';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { BertForTokenClassification } from '../../../src/bert/heads/tokenClassification.ts';
import { BertModel } from '../../../src/bert/model.ts';
import type { BertPreTrainedModel, ModelClass } from '../../../src/bert/pretrainedModel.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { FeatureExtractionPipeline } from '../../../src/train/pipelines/featureExtraction.ts';
import { FillMaskPipeline } from '../../../src/train/pipelines/fillMask.ts';
import { pipeline } from '../../../src/train/pipelines/pipeline.ts';
import { TextClassificationPipeline } from '../../../src/train/pipelines/textClassification.ts';
import { TokenClassificationPipeline } from '../../../src/train/pipelines/tokenClassification.ts';
import { checkVocab, loadTaskModel } from '../../../src/train/tasks/taskModel.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-task-model-'));
afterAll(() => rm(root, { recursive: true }));

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const words = (count: number) => [
  ...special,
  ...Array.from({ length: count - special.length }, (_, i) => `w${i}`),
];
const config = bertConfig({
  vocabSize: 200,
  hiddenSize: 8,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 8,
  maxPositionEmbeddings: 16,
});
const folders = new Map<string, string>();
const classes: ModelClass<BertPreTrainedModel>[] = [
  BertModel,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertForQuestionAnswering,
  BertForMultipleChoice,
];
for (const Model of classes) {
  const dir = join(root, Model.architecture);
  await Model.fromConfig(config).savePretrained(dir, new BertTokenizer(words(200)).files());
  folders.set(Model.architecture, dir);
}
const folderOf = (name: string) => folders.get(name)!;
/** A copy of the classifier's folder with other files. */
async function changed(files: Record<string, string>): Promise<string> {
  const dir = await mkdtemp(join(root, 'changed-'));
  await cp(folderOf('BertForSequenceClassification'), dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return dir;
}

describe('a pipeline refuses a model for another task', () => {
  test.each([
    [TextClassificationPipeline, 'BertForTokenClassification'],
    [TextClassificationPipeline, 'BertForMultipleChoice'],
    [TokenClassificationPipeline, 'BertForSequenceClassification'],
    [TokenClassificationPipeline, 'BertForMultipleChoice'],
    [FillMaskPipeline, 'BertForSequenceClassification'],
    [FillMaskPipeline, 'BertForQuestionAnswering'],
  ] as const)('%o: %s', async (Pipeline, name) => {
    await expect(Pipeline.fromPretrained(folderOf(name))).rejects.toThrow(
      new RegExp(`expected a model for .*, got ${name}, which is for `),
    );
  });

  test.each([TextClassificationPipeline, TokenClassificationPipeline, FillMaskPipeline])(
    '%o: a model without a head',
    async (Pipeline) => {
      await expect(Pipeline.fromPretrained(folderOf('BertModel'))).rejects.toThrow(
        /lacks .*, so the output of \w+ would be random: train it first/,
      );
    },
  );

  test.each(['BertForTokenClassification', 'BertForQuestionAnswering', 'BertModel'])(
    'features come from any, such as %s',
    async (name) => {
      await FeatureExtractionPipeline.fromPretrained(folderOf(name));
    },
  );

  test('and an architecture that is not known', async () => {
    const text = await readFile(join(folderOf('BertModel'), 'config.json'), 'utf8');
    const dir = await changed({ 'config.json': text.replace('"BertModel"', '"KoBertForX"') });
    const loaders = [
      () => loadTaskModel(dir),
      () => pipeline('text-classification', dir),
      () => pipeline('feature-extraction', dir),
      () => TextClassificationPipeline.fromPretrained(dir),
    ];
    for (const load of loaders)
      await expect(load()).rejects.toThrow(/expected one of BertModel, .*got "KoBertForX"/);
  });
});

describe('tokens and embeddings', () => {
  test.each([
    ['one', { '<e1>': 200 }, /200 embeddings, none for the added tokens "<e1>": remove/],
    ['two', { '<e1>': 200, '<e2>': 201 }, /has 202 tokens, .* added tokens "<e1>", "<e2>": rem/],
    [
      'many',
      Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`<e${i}>`, 200 + i])),
      /has 220 tokens, .*"<e7>" and 12 more: remove/,
    ],
  ])(
    '%s added token without an embedding: refused when the folder is read',
    async (_, added, why) => {
      const dir = await changed({ 'added_tokens.json': JSON.stringify(added) });
      for (const load of [loadTaskModel, FeatureExtractionPipeline.fromPretrained])
        await expect(load(dir)).rejects.toThrow(why);
    },
  );

  test.each([150, 180, 192])('a vocabulary cut to %i of 200 tokens is refused', async (count) => {
    const dir = await changed({ 'vocab.txt': words(count).join('\n') });
    await expect(loadTaskModel(dir)).rejects.toThrow(
      new RegExp(`has ${count} tokens, but the model has 200 embeddings .* is cut short`),
    );
  });

  // Tokens and embeddings of real models: equal, or rounded up to a multiple of a power of 2.
  test.each([
    [200, 200],
    [30522, 30522],
    [30522, 30528],
    [30522, 30592],
    [31990, 32000],
    [119547, 119547],
    [119547, 119552],
  ])('%i tokens with %i embeddings are taken', (tokens, vocabSize) => {
    checkVocab(new BertTokenizer(words(tokens)), { ...config, vocabSize }, 'm');
  });

  test.each([
    [400, 500],
    [746, 1000],
    [20_000, 30_522],
    [30_000, 32_000],
  ])('%i tokens with %i embeddings are not', (tokens, vocabSize) => {
    const tokenizer = new BertTokenizer(words(tokens));
    expect(() => checkVocab(tokenizer, { ...config, vocabSize }, 'm')).toThrow(
      `m has ${tokens} tokens, but the model has ${vocabSize} embeddings`,
    );
  });

  test('a vocabulary without a mask token needs no embedding for it', () => {
    const tokenizer = new BertTokenizer(words(200).filter((word) => word !== '[MASK]'));
    checkVocab(tokenizer, { ...config, vocabSize: 199 }, 'm');
    expect(() => checkVocab(tokenizer, { ...config, vocabSize: 198 }, 'm')).toThrow(
      'm has 200 tokens, but the model has 198 embeddings',
    );
  });
});
