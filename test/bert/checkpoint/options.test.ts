import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type BertConfig, bertConfig, labelFields } from '../../../src/bert/config.ts';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { weightsOf } from '../../support/weights.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-options-'));
afterAll(() => rm(root, { recursive: true }));

const sizes = { vocabSize: 11, hiddenSize: 4, numHiddenLayers: 1, numAttentionHeads: 2 };
const config = bertConfig({ ...sizes, intermediateSize: 6, ...labelFields(['no', 'yes']) });
const saved = join(root, 'saved');
const model = BertForSequenceClassification.fromConfig(config, 3);
await model.savePretrained(saved);

test.each<[Partial<BertConfig>, string[]]>([
  [{ numLabels: 3 }, ['LABEL_0', 'LABEL_1', 'LABEL_2']],
  [{ id2label: { 0: 'a' } }, ['a']],
  [{ label2id: { b: 1, a: 0, c: 2 } }, ['a', 'b', 'c']],
])('labels of the configuration replace those of the folder: %j', async (config, labels) => {
  const loaded = await BertForSequenceClassification.fromPretrained(saved, { config, seed: 4 });
  expect(loaded.config).toEqual({ ...model.config, ...labelFields(labels) });
  expect(loaded.loadReport.missing).toEqual(['classifier.weight', 'classifier.bias']);
  const named = await BertForSequenceClassification.fromPretrained(saved, { labels, seed: 4 });
  expect(await weightsOf(loaded)).toEqual(await weightsOf(named));
});

test('options that there are not are refused, of reading and of writing', async () => {
  const load = (options: object) => BertForSequenceClassification.fromPretrained(saved, options);
  await expect(load({ numLabels: 5 })).rejects.toThrow(
    'unknown option of fromPretrained "numLabels": expected one of labels, problemType, seed,',
  );
  await expect(load({ labels: [] })).rejects.toThrow('`labels`: expected one label or more');
  await expect(load({ problemType: 'sorting' })).rejects.toThrow('problemType: expected');
  const dir = join(root, 'unwritten');
  const options = { torchDtype: 'float16' };
  await expect(model.savePretrained(dir, options)).rejects.toThrow(
    '`torchDtype`: expected among the options, the argument after `extraFiles`',
  );
  await expect(model.savePretrained(dir, {}, { dtype: 'float16' } as object)).rejects.toThrow(
    'unknown option of savePretrained "dtype": expected one of torchDtype',
  );
  await expect(readFile(join(dir, 'config.json'))).rejects.toThrow();
});
