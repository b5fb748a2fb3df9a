import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { matchNames } from '../../../src/bert/checkpoint/names.ts';
import { readCheckpoint } from '../../../src/bert/checkpoint/read.ts';
import { writeCheckpoint } from '../../../src/bert/checkpoint/write.ts';
import { BertModel } from '../../../src/bert/model.ts';
import type { BertForSequenceClassification } from '../../../src/entries/bert.ts';
import { toFloat32 } from '../../../src/formats/safetensors/file.ts';
import { goldenSets } from '../../support/golden.ts';
import { tinyBert } from '../../support/goldenBert.ts';
import { classOf, type HeadName } from '../../support/heads.ts';
import { bits, tensorsOf, toSave, weightsOf } from '../../support/weights.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-hugging-face-'));
afterAll(() => rm(root, { recursive: true }));

const sets = goldenSets.map((set) => [set.name, set] as const);

describe.each(sets)('a checkpoint of Hugging Face: %s', (_, set) => {
  test('are read, and written again to the same weights', async () => {
    for (const head of ['pretraining', 'sequence-classification', 'question-answering']) {
      const from = set.path(`tiny-bert/${head}`);
      const { config, tensors } = await readCheckpoint(from);
      expect(tensors.get('bert.embeddings.word_embeddings.weight')!.shape).toEqual([
        ...[config.vocabSize, config.hiddenSize],
      ]);
      expect([...tensors.keys()].some((name) => name.includes('position_ids'))).toBe(false);
      const to = join(root, set.name, head);
      await writeCheckpoint(to, config, ['BertModel'], toSave(tensors));
      const [before, after] = [from, to].map((dir) => readFile(join(dir, 'model.safetensors')));
      expect(Buffer.compare(await before, await after)).toBe(0);
    }
  });

  test('an encoder is taken from a model with another head', async () => {
    const { tensors } = await readCheckpoint(set.path('tiny-bert/pretraining'));
    const target = await readCheckpoint(set.path('tiny-bert/sequence-classification'));
    const { mapping, missing, unexpected } = matchNames(target.tensors.keys(), tensors.keys());
    expect(missing.sort()).toEqual(['classifier.bias', 'classifier.weight']);
    expect(unexpected.every((name) => name.startsWith('cls.'))).toBe(true);
    expect(mapping.size).toBe(target.tensors.size - 2);
  });
});

describe.each(sets)('a head of Hugging Face: %s', (_, set) => {
  const folders: [string, HeadName][] = [
    ['pretraining', 'BertForPreTraining'],
    ['sequence-classification', 'BertForSequenceClassification'],
    ['regression', 'BertForSequenceClassification'],
    ['token-classification', 'BertForTokenClassification'],
    ['question-answering', 'BertForQuestionAnswering'],
    ['multiple-choice', 'BertForMultipleChoice'],
  ];
  test.each(folders)('%s: every weight goes in, and comes out as it was', async (folder, head) => {
    const model = await classOf(head).fromPretrained(tinyBert(set, folder));
    expect(model.loadReport).toEqual({ missing: [], unexpected: [] });
    const dir = join(root, set.name, head, folder);
    await model.savePretrained(dir);
    const file = (name: string) => readFile(join(name, 'model.safetensors'));
    expect(Buffer.compare(await file(dir), await file(tinyBert(set, folder)))).toBe(0);
    expect(JSON.parse(await readFile(join(dir, 'config.json'), 'utf8'))).toMatchObject(
      JSON.parse(set.text(`tiny-bert/${folder}/config.json`)),
    );
  });
});

describe.each(sets)('an encoder of Hugging Face: %s', (_, set) => {
  const heads = [
    'pretraining',
    'sequence-classification',
    'regression',
    'token-classification',
    'question-answering',
    'multiple-choice',
  ];
  test.each(heads)('%s gives its encoder, bit for bit', async (head) => {
    const dir = set.path(`tiny-bert/${head}`);
    const loaded = (await BertModel.fromPretrained(dir)) as BertModel &
      BertForSequenceClassification;
    // Heads for tokens and spans have no pooler.
    const missing = ['token-classification', 'question-answering'].includes(head)
      ? ['pooler.dense.weight', 'pooler.dense.bias']
      : [];
    expect(loaded.loadReport.missing).toEqual(missing);
    const file = await tensorsOf(dir);
    const got = await weightsOf(loaded);
    for (const name of Object.keys(got))
      if (!missing.includes(name))
        expect(got[name], name).toBe(bits(toFloat32(file.get(`bert.${name}`)!)));
    expect(
      loaded.loadReport.unexpected.every((name) => /^(cls|classifier|qa_outputs)\./.test(name)),
    ).toBe(true);
  });
});
