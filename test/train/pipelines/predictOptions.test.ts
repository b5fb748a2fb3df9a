import { describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  bertConfig,
} from '../../../src/entries/bert.ts';
import { BertTokenizer } from '../../../src/entries/tokenizers.ts';
import {
  FeatureExtractionPipeline,
  FillMaskPipeline,
  MultipleChoicePipeline,
  QuestionAnsweringPipeline,
  TextClassificationPipeline,
  TokenClassificationPipeline,
} from '../../../src/entries/train.ts';
import { setDevice } from '../../../src/tensor/index.ts';

setDevice(new CpuDevice());
const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'great', 'film'];
const tokenizer = new BertTokenizer(words);
const config = bertConfig({
  ...{ vocabSize: words.length, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2 },
  ...{ intermediateSize: 12, maxPositionEmbeddings: 16, numLabels: 2 },
});
const pipelines = {
  texts: new TextClassificationPipeline(
    BertForSequenceClassification.fromConfig(config),
    tokenizer,
  ),
  words: new TokenClassificationPipeline(BertForTokenClassification.fromConfig(config), tokenizer),
  questions: new QuestionAnsweringPipeline(BertForQuestionAnswering.fromConfig(config), tokenizer),
  choices: new MultipleChoicePipeline(BertForMultipleChoice.fromConfig(config), tokenizer),
  features: new FeatureExtractionPipeline(BertModel.fromConfig(config), tokenizer),
  masks: new FillMaskPipeline(BertForMaskedLM.fromConfig(config), tokenizer),
};
const predict = (name: keyof typeof pipelines, inputs: unknown, options?: object) =>
  (pipelines[name].predict as (...args: unknown[]) => Promise<unknown>).call(
    pipelines[name],
    inputs,
    options,
  );

describe.each(Object.keys(pipelines) as (keyof typeof pipelines)[])('predict of %s', (name) => {
  it.each(['top_k', 'aggregation_strategy', 'device'])('refuses the option %s', async (option) => {
    await expect(predict(name, ['a'], { [option]: 1 })).rejects.toThrow(
      new RegExp(`unknown option of predict "${option}": expected one of batchSize, maxLength`),
    );
  });

  it('refuses a single input', async () => {
    await expect(predict(name, 'a')).rejects.toThrow(
      'predict: expected a list, `predict([one, another])`, got "a"',
    );
  });
});

describe('predict', () => {
  it.each([
    [{ pooling: 'max' }, '`pooling`: expected one of'],
    [{ combine: 'mean' }, '`combine`: expected one of "concat", "sum", got "mean"'],
  ])('of features refuses %o', async (options, message) => {
    await expect(predict('features', ['a'], options)).rejects.toThrow(message);
  });

  it.each([0, 1.5, Number.NaN])('refuses a length of %s', async (maxLength) => {
    for (const name of ['texts', 'words', 'features'] as const)
      await expect(predict(name, ['a'], { maxLength })).rejects.toThrow(/`maxLength`: expected/);
  });

  it('of masks ends when its signal is aborted', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(predict('masks', ['a [MASK]'], { signal })).rejects.toThrow('enough');
  });

  it.each(['texts', 'features', 'masks'] as const)(
    'of %s leaves a model in training as it was, also if two run at once',
    async (name) => {
      const { model } = pipelines[name];
      model.train();
      const text = name === 'masks' ? 'a [MASK]' : 'a film';
      await Promise.all([
        predict(name, [text]),
        predict(name, [text, text]),
        predict(name, [text]),
      ]);
      expect(model.training).toBe(true);
      model.eval();
      await Promise.all([predict(name, [text]), predict(name, [text])]);
      expect(model.training).toBe(false);
    },
  );
});

describe('forward', () => {
  it.each(['attention_mask', 'headMask', 'inputsEmbeds'])('refuses the input %s', (input) => {
    for (const { model } of Object.values(pipelines))
      expect(() =>
        (model.forward as (inputs: object) => unknown).call(model, {
          inputIds: model instanceof BertForMultipleChoice ? [[[2, 3]]] : [[2, 3]],
          [input]: [[1, 1]],
        }),
      ).toThrow(`unknown input ${input}: expected one of inputIds, attentionMask`);
  });
});
