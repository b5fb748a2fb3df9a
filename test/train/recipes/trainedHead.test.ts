import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bertConfig, labelFields } from '../../../src/bert/config.ts';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { BertForTokenClassification } from '../../../src/bert/heads/tokenClassification.ts';
import { BertModel } from '../../../src/bert/model.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import type { InputEvent } from '../../../src/train/recipes/events.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import { checkpointsOf, inCheckpoint } from '../../support/checkpoints.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-head-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', 'film'];
const sizes = bertConfig({
  vocabSize: vocab.length,
  hiddenSize: 8,
  numHiddenLayers: 1,
  numAttentionHeads: 1,
  intermediateSize: 8,
  maxPositionEmbeddings: 40,
});
const tokenizerFiles = new BertTokenizer(vocab).files();

/** Saves a classifier with these labels whose rows are known: the bias of label i is i + 1. */
async function classifier(
  name: string,
  labels: readonly string[],
  problemType: 'multi_label_classification' | 'regression' | null = null,
): Promise<string> {
  const config = bertConfig({ ...sizes, ...labelFields(labels), problemType });
  const model = BertForSequenceClassification.fromConfig(config);
  model.classifier.bias.copy_(labels.map((_, i) => i + 1));
  await model.savePretrained(join(dir, name), tokenizerFiles);
  return join(dir, name);
}

const folders = { base: '', trained: '', generic: '', several: '', score: '', tagger: '' };
beforeAll(async () => {
  setDevice(new CpuDevice());
  folders.base = join(dir, 'base');
  await BertModel.fromConfig(sizes).savePretrained(folders.base, tokenizerFiles);
  folders.trained = await classifier('trained', ['pos', 'neg', 'mixed']);
  folders.generic = await classifier('generic', ['LABEL_0', 'LABEL_1']);
  folders.several = await classifier('several', ['y', 'x'], 'multi_label_classification');
  folders.score = await classifier('score', ['stars'], 'regression');
  folders.tagger = join(dir, 'tagger');
  const tags = labelFields(['O', 'I-X', 'B-X']);
  const tagger = BertForTokenClassification.fromConfig(bertConfig({ ...sizes, ...tags }));
  tagger.classifier.bias.copy_([1, 2, 3]);
  await tagger.savePretrained(folders.tagger, tokenizerFiles);
});

const table = (labels: readonly string[]) => {
  const rows = Array.from({ length: 12 }, (_, i) => `good film\t${labels[i % labels.length]}\n`);
  return `text\tlabel\n${rows.join('')}`;
};
const posNeg = file('pos-neg.tsv', table(['neg', 'pos']));
const others = file('others.tsv', table(['spam', 'ham']));
const words = (tags: string) => `good\t${tags}\nfilm\tO\n\n`.repeat(6);

let count = 0;
/** The labels and the bias of the classifier after training that moves nothing, and the events. */
async function trainOn(options: Partial<FineTuneOptions> & { data: string }) {
  const events: InputEvent[] = [];
  const { model, labels, out } = await fineTune(
    { learningRate: 1e-12, epochs: 1, out: join(dir, `out-${count++}`), ...options },
    { onEvent: (event) => events.push(event as InputEvent) },
  );
  const bias = Array.from(
    await (model as BertForTokenClassification).classifier.bias.data(),
    (value) => Math.round(value * 1e4) / 1e4,
  );
  const { id2label } = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  expect(Object.values(id2label)).toEqual(labels);
  return { labels, bias, events, head: events.find(({ event }) => event === 'head') };
}

describe('a trained classifier', () => {
  it('keeps all its labels in its own order', async () => {
    const { labels, bias, head } = await trainOn({ data: posNeg, model: folders.trained });
    expect([labels, bias, head]).toEqual([['pos', 'neg', 'mixed'], [1, 2, 3], undefined]);
  });

  it('gets names if it has none, and that is said', async () => {
    const { labels, bias, head } = await trainOn({ data: posNeg, model: folders.generic });
    expect([labels, bias]).toEqual([
      ['neg', 'pos'],
      [1, 2],
    ]);
    expect(head).toMatchObject({ action: 'renamed', from: ['LABEL_0', 'LABEL_1'] });
  });

  it('of several labels, scores or tags is kept too', async () => {
    const several = await trainOn({
      data: file('several.tsv', table(['x', 'x,y'])),
      task: 'multi-label',
      model: folders.several,
    });
    expect([several.labels, several.bias]).toEqual([
      ['y', 'x'],
      [1, 2],
    ]);
    const score = await trainOn({
      data: file('score.tsv', table(['1', '2.5'])),
      task: 'regression',
      model: folders.score,
    });
    expect([score.labels, score.bias]).toEqual([['stars'], [1]]);
    const tags = await trainOn({
      data: file('tags.conll', words('B-X')),
      task: 'token-classification',
      model: folders.tagger,
    });
    expect([tags.labels, tags.bias]).toEqual([
      ['O', 'I-X', 'B-X'],
      [1, 2, 3],
    ]);
  });

  it.each<[string, () => Partial<FineTuneOptions> & { data: string }, RegExp]>([
    [
      'other labels',
      () => ({ data: others, model: folders.trained }),
      /among pos, neg, mixed, got ham, spam; name .* or set `replaceHead: true`/,
    ],
    [
      'one label more',
      () => ({ data: file('more.tsv', table(['pos', 'neg', 'new'])), model: folders.trained }),
      /among pos, neg, mixed, got neg, new, pos/,
    ],
    [
      'more labels than outputs without names',
      () => ({ data: file('three.tsv', table(['a', 'b', 'c'])), model: folders.generic }),
      /among LABEL_0, LABEL_1, got a, b, c/,
    ],
    [
      'other tags',
      () => ({
        data: file('other.conll', words('B-PER')),
        task: 'token-classification',
        model: folders.tagger,
      }),
      /among O, I-X, B-X, got B-PER, O/,
    ],
    [
      'scores for a classifier',
      () => ({
        data: file('scores.tsv', table(['1', '2.5'])),
        task: 'regression',
        model: folders.trained,
      }),
      /is trained for classification .*, not for regression: set `task: 'classification'`/,
    ],
    [
      'labels for scores',
      () => ({ data: posNeg, model: folders.score }),
      /is trained for regression .*, not for classification/,
    ],
    [
      'one label for several',
      () => ({ data: file('xy.tsv', table(['x', 'y'])), model: folders.several }),
      /is trained for multi-label/,
    ],
    [
      'texts for a tagger',
      () => ({ data: posNeg, model: folders.tagger }),
      /is trained for token-classification/,
    ],
    [
      'validation data of other labels',
      () => ({ data: posNeg, valid: others, model: folders.trained }),
      /others.tsv, line 2: label "spam" is not one of "pos", "neg", "mixed"/,
    ],
  ])('refuses %s', async (_, options, message) => {
    await expect(trainOn(options())).rejects.toThrow(message);
  });

  it('is replaced if that is asked for, as if there had been none', async () => {
    const replaced = await trainOn({ data: others, model: folders.trained, replaceHead: true });
    expect(replaced.labels).toEqual(['ham', 'spam']);
    expect(replaced.bias).toEqual([0, 0]);
    expect(replaced.head).toMatchObject({ action: 'replaced', to: ['ham', 'spam'] });
    expect(replaced.events.filter(({ event }) => event === 'weights')).toEqual([]);
    const tagger = await trainOn({ data: others, model: folders.tagger, replaceHead: true });
    expect(tagger.bias).toEqual([0, 0]);
    const same = await trainOn({ data: posNeg, model: folders.generic, replaceHead: true });
    expect(same.bias).toEqual([0, 0]);
  });

  it('is drawn where there is none', async () => {
    const { labels, bias, events } = await trainOn({ data: others, model: folders.base });
    expect([labels, bias]).toEqual([
      ['ham', 'spam'],
      [0, 0],
    ]);
    expect(events).toContainEqual(
      expect.objectContaining({ missing: ['classifier.weight', 'classifier.bias'] }),
    );
  });
});

describe('what is in the way', () => {
  it('a finished run or a model is not replaced, unless that is asked for', async () => {
    const out = join(dir, 'finished');
    await trainOn({ data: posNeg, model: folders.trained, out });
    await expect(trainOn({ data: posNeg, model: folders.trained, out })).rejects.toThrow(
      /finished already holds a model .*: choose another `out`, or set `overwrite: true`/,
    );
    await trainOn({ data: posNeg, model: folders.trained, out, overwrite: true });
    for (const path of checkpointsOf(out)) rmSync(path, { recursive: true });
    await expect(trainOn({ data: posNeg, model: folders.trained, out })).rejects.toThrow(
      /already holds a model \(config.json\)/,
    );
  });

  it('the model itself is never replaced, whatever its path looks like', async () => {
    const link = join(dir, 'link');
    symlinkSync(folders.trained, link);
    for (const out of [
      folders.trained,
      `${folders.trained}/`,
      join(dir, '.', 'base', '..', 'trained'),
      relative(process.cwd(), folders.trained),
      link,
    ])
      await expect(
        trainOn({ data: posNeg, model: folders.trained, out, overwrite: true }),
      ).rejects.toThrow(/would replace the model that the run starts from/);
  });

  it('the checkpoint of the same folder is not replaced either', async () => {
    const out = join(dir, 'with-checkpoint');
    await trainOn({ data: posNeg, model: folders.trained, out });
    const model = inCheckpoint(out, '');
    await expect(trainOn({ data: posNeg, model, out, overwrite: true })).rejects.toThrow(
      /would replace the model/,
    );
  });
});
