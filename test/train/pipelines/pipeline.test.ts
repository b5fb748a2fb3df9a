import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { ModelClass } from '../../../src/bert/pretrainedModel.ts';
import {
  BertForMaskedLM,
  BertForPreTraining,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  type BertPreTrainedModel,
  bertConfig,
} from '../../../src/entries/bert.ts';
import { BertTokenizer } from '../../../src/entries/tokenizers.ts';
import {
  FeatureExtractionPipeline,
  type PipelineTask,
  pipeline,
  TextClassificationPipeline,
  TokenClassificationPipeline,
} from '../../../src/entries/train.ts';
import { noGrad } from '../../../src/index.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-pipeline-'));
afterAll(() => rm(root, { recursive: true }));

const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'great', 'film', '##s'];
const tokenizer = new BertTokenizer(words);
const config = bertConfig({
  vocabSize: words.length,
  hiddenSize: 8,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 12,
  maxPositionEmbeddings: 16,
  initializerRange: 0.3,
});
const saved = new Map<string, string>();
const classes: ModelClass<BertPreTrainedModel>[] = [
  BertModel,
  BertForMaskedLM,
  BertForPreTraining,
  BertForSequenceClassification,
  BertForTokenClassification,
];
for (const Model of classes) {
  const dir = join(root, Model.architecture);
  const model = Model.fromConfig(config, 3);
  await model.savePretrained(dir, tokenizer.files());
  saved.set(Model.architecture, dir);
}

describe('pipeline', () => {
  test.each([
    ['text-classification', 'BertForSequenceClassification', TextClassificationPipeline],
    ['sentiment-analysis', 'BertForSequenceClassification', TextClassificationPipeline],
    ['token-classification', 'BertForTokenClassification', TokenClassificationPipeline],
    ['ner', 'BertForTokenClassification', TokenClassificationPipeline],
    ['feature-extraction', 'BertForMaskedLM', FeatureExtractionPipeline],
  ] as const)('%s of a folder of %s', async (task, name, Pipeline) => {
    const made = await pipeline(task, saved.get(name)!);
    expect(made).toBeInstanceOf(Pipeline);
    expect(await made.predict(['a great film'])).toHaveLength(1);
  });

  test('of a loaded model needs its tokenizer', async () => {
    const model = BertForSequenceClassification.fromConfig(config, 3).eval();
    const made = await pipeline('text-classification', model, { tokenizer });
    const read = await pipeline('text-classification', saved.get('BertForSequenceClassification')!);
    expect(await made.predict(['a film'])).toEqual(await read.predict(['a film']));
    await expect(pipeline('text-classification', model)).rejects.toThrow(
      'pipeline: `tokenizer`: expected the tokenizer of the model, got none',
    );
  });

  test('of a folder takes another tokenizer, and needs none of the folder then', async () => {
    const dir = join(root, 'no-tokenizer');
    await BertForSequenceClassification.fromConfig(config, 3).savePretrained(dir);
    const made = await pipeline('text-classification', dir, { tokenizer });
    const read = await pipeline('text-classification', saved.get('BertForSequenceClassification')!);
    expect(await made.predict(['a film'])).toEqual(await read.predict(['a film']));
    const larger = new BertTokenizer([...words, 'more', 'words']);
    await expect(
      pipeline('ner', saved.get('BertForTokenClassification')!, { tokenizer: larger }),
    ).rejects.toThrow(/has 11 tokens, but the model has 9 embeddings/);
    await expect(pipeline('ner', dir, { device: 0 } as never)).rejects.toThrow(
      'unknown option of pipeline "device": expected one of tokenizer',
    );
    await expect(pipeline('ner', undefined as never)).rejects.toThrow('`model`: expected a folder');
  });

  test('keeps how a folder makes vectors, whatever its tokenizer', async () => {
    const dir = join(root, 'sentences');
    await BertModel.fromConfig(config, 3).savePretrained(dir, tokenizer.files());
    await mkdir(join(dir, '1_Pooling'));
    const pooling = JSON.stringify({ pooling_mode_cls_token: true });
    await writeFile(join(dir, '1_Pooling', 'config.json'), pooling);
    const modules = [
      { type: 'Transformer', path: '' },
      { type: 'Pooling', path: '1_Pooling' },
    ];
    await writeFile(join(dir, 'modules.json'), JSON.stringify(modules));
    const [own, given] = [
      await pipeline('feature-extraction', dir),
      await pipeline('feature-extraction', dir, { tokenizer }),
    ];
    expect(own.sentence?.pooling).toBe('cls');
    expect(given.sentence).toEqual(own.sentence);
    expect(await given.predict(['a film'])).toEqual(await own.predict(['a film']));
  });

  test.each([
    ['text-classification', 'BertModel'],
    ['text-classification', 'BertForTokenClassification'],
    ['ner', 'BertForSequenceClassification'],
    ['fill-mask', 'BertModel'],
  ] as const)('%s refuses a folder of %s', async (task, name) => {
    await expect(pipeline(task, saved.get(name)!)).rejects.toThrow(
      `${saved.get(name)}: expected a model for ${task}, one of`,
    );
  });

  test('refuses a folder that lacks the pooler', async () => {
    const dir = join(root, 'no-pooler');
    const model = BertForSequenceClassification.fromConfig(config);
    const weights = model.stateDict();
    model.stateDict = () => new Map([...weights].filter(([name]) => !name.includes('pooler')));
    await model.savePretrained(dir, tokenizer.files());
    await expect(pipeline('text-classification', dir)).rejects.toThrow(
      /lacks bert\.pooler\.dense\.weight, bert\.pooler\.dense\.bias, so the output .* be random/,
    );
  });

  test('refuses an unknown task', async () => {
    await expect(pipeline('poetry' as PipelineTask, root)).rejects.toThrow(
      /`task`: expected one of text-classification, .*, got poetry/,
    );
  });
});

describe('fill-mask', () => {
  test.each(['BertForMaskedLM', 'BertForPreTraining'])(
    'of %s gives the best tokens for the mask, as the model does',
    async (name) => {
      const filler = await pipeline('fill-mask', saved.get(name)!);
      const texts = ['a [MASK] film', '[MASK]', 'films a [MASK]'];
      const filled = await filler.predict(texts, { topK: words.length, batchSize: 2 });
      for (const [row, text] of texts.entries()) {
        const { inputIds } = tokenizer.encode(text);
        const at = inputIds.indexOf(tokenizer.maskTokenId);
        const { logits } = noGrad(() => filler.model.forward({ inputIds: [inputIds] }));
        const expected = Array.from(await logits.softmax(-1).data()).slice(
          at * words.length,
          (at + 1) * words.length,
        );
        const scores = filled[row].map(({ score }) => score);
        expect(scores).toEqual(scores.toSorted((a, b) => b - a));
        for (const { score, token } of filled[row]) expect(score).toBeCloseTo(expected[token], 5);
      }
      const film = filled[0].find(({ token }) => token === words.indexOf('film'))!;
      expect(film).toMatchObject({ tokenStr: 'film', sequence: 'a film film' });
      expect(await filler.predict(['a [MASK]'])).toMatchObject([{ length: 5 }]);
    },
  );

  test('refuses texts without one mask, and a topK out of range', async () => {
    const filler = await pipeline('fill-mask', saved.get('BertForMaskedLM')!);
    await expect(filler.predict(['a film'])).rejects.toThrow('text 0: expected one [MASK], got 0');
    await expect(filler.predict(['[MASK]', '[MASK] [MASK]'])).rejects.toThrow('text 1:');
    await expect(filler.predict(['[MASK]'], { topK: 0 })).rejects.toThrow(
      '`topK`: expected a whole number from 1 to 9, got 0',
    );
  });
});
