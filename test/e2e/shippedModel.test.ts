import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  BertForMaskedLM,
  BertForSequenceClassification,
  labelFields,
} from '../../src/entries/bert.ts';
import { BertTokenizer } from '../../src/entries/tokenizers.ts';
import {
  encodeExamples,
  evaluateExamples,
  fit,
  fitDefaults,
  readData,
} from '../../src/entries/train.ts';
import { useDevice } from '../../src/index.ts';
import { accuracy } from '../../src/train/metrics/index.ts';
import { evaluatePretraining } from '../../src/train/pretraining/evaluate.ts';
import { ExampleBuilder } from '../../src/train/pretraining/objective.ts';
import { pretrainDefaults } from '../../src/train/pretraining/pretrain.ts';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

beforeAll(() => useDevice('auto'));

describe.each([
  ['bert-tiny-ko', 4e6, 3],
  ['bert-mini-ko', 12e6, 4],
])('the shipped model %s', (name, most, better) => {
  const folder = at(`models/${name}`);

  it('is small, in half precision', async () => {
    const bytes = readdirSync(folder).reduce(
      (sum, file) => sum + statSync(join(folder, file)).size,
      0,
    );
    expect(bytes).toBeLessThan(most);
    const { parameterCount } = await BertForMaskedLM.fromPretrained(folder);
    expect(statSync(join(folder, 'model.safetensors')).size).toBeLessThan(2.1 * parameterCount);
  });

  it('knows the words of Korean reviews and predicts masked ones', async () => {
    const tokenizer = await BertTokenizer.fromPretrained(folder);
    const { examples } = await readData(at('data/reviews-ko-test.tsv'));
    const texts = examples.map(({ text }) => [text!]);
    const maker = new ExampleBuilder(tokenizer, {
      ...pretrainDefaults,
      maxLength: 48,
      batchSize: 50,
    });
    const encoded = await maker.examples(texts, 1);
    expect(encoded.flatMap(({ inputIds }) => inputIds)).not.toContain(tokenizer.unkTokenId);
    const batch = maker.collate(encoded.slice(0, 50), 1, 0);
    const scores = async (model: BertForMaskedLM) =>
      (await evaluatePretraining(model.eval(), [batch])).loss;
    const model = await BertForMaskedLM.fromPretrained(folder);
    expect(model.loadReport).toEqual({ missing: [], unexpected: [] });
    const random = BertForMaskedLM.fromConfig(model.config, 1);
    // A uniform guess among all words has a loss of 9.
    expect(await scores(model)).toBeLessThan((await scores(random)) - better);
  });
});

describe('bert-tiny-ko', () => {
  const folder = at('models/bert-tiny-ko');

  it('is a better start than random weights if labels are few', async () => {
    const tokenizer = await BertTokenizer.fromPretrained(folder);
    const train = await readData(at('data/reviews-ko.tsv'));
    const test = await readData(at('data/reviews-ko-test.tsv'), { labels: train.labels });
    const encode = ({ examples }: typeof train, count: number) =>
      encodeExamples(examples.slice(0, count), tokenizer, 48, 128);
    const scores = async (model: BertForSequenceClassification) => {
      await fit(model, encode(train, 128), [], { ...fitDefaults, epochs: 4, learningRate: 5e-4 });
      const { predictions } = await evaluateExamples(model, encode(test, 200), 50);
      return accuracy(
        predictions as number[],
        test.examples.slice(0, 200).map(({ label }) => label as number),
      );
    };
    const model = await BertForSequenceClassification.fromPretrained(folder, {
      labels: train.labels,
    });
    const random = BertForSequenceClassification.fromConfig(
      { ...model.config, ...labelFields(train.labels) },
      1,
    );
    expect(await scores(model)).toBeGreaterThan((await scores(random)) + 0.05);
  }, 600_000); // Without an adapter this takes two minutes.
});
