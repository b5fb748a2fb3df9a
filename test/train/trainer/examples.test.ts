import { describe, expect, it } from 'vitest';
import { bertConfig, labelFields } from '../../../src/bert/config.ts';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { BertForTokenClassification } from '../../../src/bert/heads/tokenClassification.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { UsageError } from '../../../src/platform/errors.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { evaluateExamples } from '../../../src/train/trainer/evaluate.ts';
import { resolveExamples } from '../../../src/train/trainer/examples.ts';
import { fit } from '../../../src/train/trainer/fit.ts';
import { config } from './fixtures.ts';

setDevice(new CpuDevice());
const labels = ['neg', 'pos', '1'];
type ProblemType = 'regression' | 'multi_label_classification' | null;
const classifier = (problemType: ProblemType, names: readonly string[] = labels) =>
  BertForSequenceClassification.fromConfig(
    bertConfig({ ...config, ...labelFields(names), problemType }),
  );
const tagger = BertForTokenClassification.fromConfig(
  bertConfig({ ...config, ...labelFields(['O', 'B-X', 'I-X']) }),
);
const ids = { inputIds: [2, 10, 11, 3], tokenTypeIds: [0, 0, 0, 0] };
const labelOf = (model: Parameters<typeof resolveExamples>[0], label: unknown) =>
  resolveExamples(model, [{ ...ids, label } as never], 'train', true)[0].label;

describe('labels of examples', () => {
  it('are mapped by the names of the model', () => {
    const model = classifier(null);
    expect(['pos', ' neg ', '1', '1.0', 2].map((label) => labelOf(model, label))).toEqual([
      ...[1, 0, 2, 2, 2],
    ]);
    const several = classifier('multi_label_classification');
    expect([['pos', '1'], [], [1, 0, 1]].map((label) => labelOf(several, label))).toEqual([
      [0, 1, 1],
      [0, 0, 0],
      [1, 0, 1],
    ]);
    expect(labelOf(tagger, [-100, 'B-X', 'O', -100])).toEqual([-100, 1, 0, -100]);
    expect(labelOf(classifier('regression', ['LABEL_0']), 2.5)).toBe(2.5);
  });

  it.each<[string, () => Parameters<typeof resolveExamples>[0], unknown, string]>([
    ['an unknown name', () => classifier(null), 'maybe', 'expected one of neg, pos, 1, or an id'],
    ['an unknown id', () => classifier(null), 3, 'or an id from 0 to 2, got 3'],
    ['a fraction', () => classifier(null), 0.5, 'got 0.5'],
    ['no label', () => classifier(null), undefined, 'expected a label, got undefined'],
    ['a missing one', () => classifier(null), null, 'got null'],
    ['other names', () => classifier('multi_label_classification'), ['x'], 'names among neg, pos'],
    ['too few', () => classifier('multi_label_classification'), [1, 0], 'for each of 3 labels'],
    ['one of several', () => classifier('multi_label_classification'), 'pos', 'a list of names'],
    ['a word', () => classifier('regression', ['LABEL_0']), 'high', 'expected a finite number'],
    ['too few tags', () => tagger, [0, 1], 'a tag for each of 4 tokens'],
    ['unknown tags', () => tagger, [-100, 'B-Y', 0, -100], 'tags that are one of O, B-X, I-X'],
  ])('%s is refused', (_, model, label, message) => {
    expect(() => labelOf(model(), label)).toThrow(UsageError);
    expect(() => labelOf(model(), label)).toThrow(message);
  });
});

describe('what is not encoded', () => {
  it.each<[string, unknown[]]>([
    ['texts', ['a wonderful film']],
    ['rows of a file', [{ text: 'a wonderful film', label: 1 }]],
    ['ids alone', [{ inputIds: [1, 2] }]],
  ])('%s get an error that says what to call', async (_, examples) => {
    const message = /example 0: expected token ids .*; call `encodeExamples` on texts first/;
    await expect(fit(classifier(null), examples as never)).rejects.toThrow(message);
    await expect(evaluateExamples(classifier(null), examples as never, 2)).rejects.toThrow(message);
  });

  it('is no list either', async () => {
    const batch = { inputIds: [[1, 2]], tokenTypeIds: [[0, 0]] };
    await expect(evaluateExamples(classifier(null), batch as never, 2)).rejects.toThrow(
      '`examples`: expected a list of examples, as `encodeExamples` returns it',
    );
  });
});

it('a text that is longer than the model takes is refused by its number', async () => {
  const inputIds = Array<number>(config.maxPositionEmbeddings + 1).fill(10);
  const long = { inputIds, tokenTypeIds: inputIds.map(() => 0), label: 0 };
  const examples = [{ ...ids, label: 1 }, long];
  const message = /example 1: expected at most the 32 tokens .*, got 33; .*`maxLength`/;
  await expect(fit(classifier(null), examples)).rejects.toThrow(message);
  await expect(evaluateExamples(classifier(null), examples, 2)).rejects.toThrow(message);
});

it('names and ids train alike', async () => {
  const trained = async (named: boolean) => {
    const model = classifier(null);
    const examples = Array.from({ length: 8 }, (_, i) => ({
      ...ids,
      label: named ? labels[i % 3] : i % 3,
    }));
    const { epochs } = await fit(model, examples, examples, { epochs: 1, batchSize: 4 });
    return epochs;
  };
  expect(await trained(true)).toEqual(await trained(false));
});
