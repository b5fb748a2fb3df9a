import { describe, expect, test } from 'vitest';
import { configToJson, parseBertConfig } from '../../../src/bert/config.ts';
import { UsageError, WigbertError } from '../../../src/platform/errors.ts';
import { seeded } from '../../support/mutants.ts';

const parse = (json: object) => parseBertConfig(json, 'm/config.json');
const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, id) => [id, `label ${id}`]));

describe('labels of a config.json', () => {
  test.each<[string, object, string[]]>([
    ['label2id has the default names', { label2id: { LABEL_0: 0, LABEL_1: 1 } }, ['no', 'yes']],
    ['label2id has the other order', { label2id: { no: 1, yes: 0 } }, ['no', 'yes']],
    ['label2id has strings', { label2id: { no: '0', yes: '1' } }, ['no', 'yes']],
    ['label2id is missing', {}, ['no', 'yes']],
    ['num_labels is larger', { num_labels: 1_000_000 }, ['no', 'yes']],
    ['num_labels is smaller', { num_labels: 1 }, ['no', 'yes']],
    ['num_labels is broken', { num_labels: 'two' }, ['no', 'yes']],
    ['the keys are in another order', { id2label: { 10: 'b', 0: 'a', 1: 'x' } }, []],
    ['numbers are labels', { id2label: { 0: 0, 1: 1 } }, ['0', '1']],
    ['booleans are labels', { id2label: { 0: false, 1: true } }, ['false', 'true']],
    ['a label is null', { id2label: { 0: null, 1: 'b' } }, ['LABEL_0', 'b']],
    ['an id is left out', { id2label: { 0: 'a', 2: 'c' } }, ['a', 'LABEL_1', 'c']],
    ['keys have zeros and blanks', { id2label: { '00': 'a', ' 1': 'b' } }, ['a', 'b']],
    ['id2label is empty', { id2label: {}, num_labels: 3 }, ['LABEL_0', 'LABEL_1', 'LABEL_2']],
    ['label2id is alone', { id2label: null, label2id: { b: 1, a: 0 } }, ['a', 'b']],
    ['label2id alone has strings', { id2label: null, label2id: { b: '1', a: '0' } }, ['a', 'b']],
    [
      'label2id alone has a gap',
      { id2label: null, label2id: { b: 2, a: 0 } },
      ['LABEL_0', 'LABEL_1'],
    ],
    [
      'label2id alone is too long',
      { id2label: null, label2id: { a: 0 }, num_labels: 2 },
      ['LABEL_0', 'LABEL_1'],
    ],
  ])('%s', (_, fields, expected) => {
    const config = parse({ id2label: { 0: 'no', 1: 'yes' }, ...fields });
    const labels = Object.values(config.id2label);
    if (expected.length > 0) expect(labels).toEqual(expected);
    else expect([labels[0], labels[1], labels[10], labels.length]).toEqual(['a', 'x', 'b', 11]);
    expect(config.numLabels).toBe(labels.length);
    // What is saved again is consistent, and reads back the same.
    const saved = JSON.parse(configToJson(config, ['BertForSequenceClassification']));
    expect(Object.entries(saved.label2id)).toEqual(labels.map((label, id) => [label, id]));
    expect(parse(saved)).toEqual(config);
  });

  test.each<[string, object, string]>([
    [
      'labels that are equal',
      { id2label: { 0: 'O', 1: 'B', 2: 'O' } },
      'labels that differ, got "O" for classes 0 and 2',
    ],
    ['labels that become equal', { id2label: { 0: 1, 1: '1' } }, 'labels that differ, got "1"'],
    ['a list', { id2label: ['a', 'b'] }, 'id2label: expected an object, got ["a","b"]'],
    ['a key that is no number', { id2label: { 0: 'a', one: 'b' } }, 'once each, got "one"'],
    ['a negative key', { id2label: { '-1': 'a' } }, 'once each, got "-1"'],
    ['a huge key', { id2label: { 1e9: 'a' } }, 'class numbers below 100000, once each'],
    ['the same key twice', { id2label: { 0: 'a', '00': 'b' } }, 'once each, got "00"'],
    ['a label that is a list', { id2label: { 0: ['a'] } }, 'a label (a string) for class 0, got'],
    ['too many labels', { num_labels: 1_000_000 }, 'num_labels: expected a whole number from 1 to'],
    ['none', { num_labels: 0 }, 'num_labels: expected a whole number from 1 to 100000, got 0'],
    ['deep nesting', { x: JSON.parse('['.repeat(5000) + ']'.repeat(5000)) }, 'levels of nesting'],
  ])('refuses %s', (_, json, message) => {
    expect(() => parse(json)).toThrow(UsageError);
    expect(() => parse(json)).toThrow(message);
  });

  test('as many as a model may have are read in linear time', () => {
    const seconds = (count: number): number => {
      const json = { id2label: many(count) };
      const start = performance.now();
      expect(parse(json).numLabels).toBe(count);
      return performance.now() - start;
    };
    expect(() => parse({ id2label: many(100_001) })).toThrow('class numbers below 100000');
    seconds(1000);
    // Ten times the labels take ten times as long; comparing each with each, a hundred times.
    expect(seconds(100_000) / Math.max(seconds(10_000), 20)).toBeLessThan(60);
  });
});

test('old fields are no labels: pad_token_id null, _num_labels', () => {
  const config = parse({ pad_token_id: null, _num_labels: 9, directionality: 'bidi' });
  expect([config.padTokenId, config.numLabels]).toEqual([0, 2]);
  expect(config.extra).toEqual({ directionality: 'bidi' });
});

test('500 mutated configurations are read or refused, in one line', () => {
  const random = seeded(7);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
  const base = JSON.parse(configToJson(parse({}), ['BertModel']));
  const fields = [...Object.keys(base), 'num_labels', 'extra', '__proto__', 'is_decoder', 'x'];
  const values = [
    ...[null, true, 0, 1, -1, 2, 1e9, 1e308, 0.5, '', 'x'.repeat(10_000), '\n\x1b[2J', [], {}],
    ...[['a'], { 0: 'a' }, { 0: 'a', 1: 'a' }, { 1e9: 'a' }, { a: 0 }, { a: 1e9 }, many(500)],
    JSON.parse(`${'[{"a":'.repeat(2000)}1${'}]'.repeat(2000)}`),
  ];
  let read = 0;
  for (let i = 0; i < 500; i++) {
    const entries = new Map<string, unknown>(Object.entries(base));
    for (let changes = 1 + Math.floor(random() * 3); changes > 0; changes--)
      entries.set(pick(fields), pick(values));
    try {
      const config = parse(Object.fromEntries(entries));
      configToJson(config, ['BertModel']);
      read++;
    } catch (error) {
      if (!(error instanceof WigbertError)) throw error;
      expect(error.message).not.toMatch(/\p{Control}/u);
      expect(error.message.length).toBeLessThan(500);
    }
  }
  expect(read).toBeGreaterThan(20);
  expect(read).toBeLessThan(480);
});
