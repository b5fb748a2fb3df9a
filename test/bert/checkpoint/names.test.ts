import { describe, expect, test } from 'vitest';
import { canonicalName, matchNames } from '../../../src/bert/checkpoint/names.ts';

describe('matchNames', () => {
  const expected = [
    'bert.embeddings.LayerNorm.weight',
    'bert.pooler.dense.bias',
    'classifier.weight',
  ];
  const match = (found: string[], wanted = expected) => {
    const { mapping, missing, unexpected } = matchNames(wanted, found);
    return { mapping: Object.fromEntries(mapping), missing, unexpected };
  };

  test('the same names', () => {
    expect(match(expected)).toEqual({
      mapping: Object.fromEntries(expected.map((name) => [name, name])),
      missing: [],
      unexpected: [],
    });
  });

  test('a bare BertModel into one with a head, in old spelling', () => {
    const found = ['embeddings.LayerNorm.gamma', 'pooler.dense.bias', 'embeddings.position_ids'];
    expect(match(found)).toEqual({
      mapping: {
        'bert.embeddings.LayerNorm.weight': 'embeddings.LayerNorm.gamma',
        'bert.pooler.dense.bias': 'pooler.dense.bias',
      },
      missing: ['classifier.weight'],
      unexpected: [],
    });
  });

  test('a model with a head into a bare BertModel', () => {
    const wanted = ['embeddings.LayerNorm.weight', 'pooler.dense.bias'];
    expect(match([...expected, 'bert.embeddings.position_ids'], wanted)).toEqual({
      mapping: {
        'embeddings.LayerNorm.weight': 'bert.embeddings.LayerNorm.weight',
        'pooler.dense.bias': 'bert.pooler.dense.bias',
      },
      missing: [],
      unexpected: ['classifier.weight'],
    });
  });

  test('no found name serves twice, and exact names go first', () => {
    expect(match(['x'], ['bert.x', 'x'])).toEqual({
      mapping: { x: 'x' },
      missing: ['bert.x'],
      unexpected: [],
    });
    expect(match(['x', 'bert.x'], ['bert.x'])).toEqual({
      mapping: { 'bert.x': 'bert.x' },
      missing: [],
      unexpected: ['x'],
    });
    expect(match(['L.weight', 'L.gamma'], ['L.weight'])).toEqual({
      mapping: { 'L.weight': 'L.weight' },
      missing: [],
      unexpected: ['L.gamma'],
    });
  });

  test('only the last part of a name is old spelling', () => {
    expect(canonicalName('gamma.beta.dense.weight')).toBe('gamma.beta.dense.weight');
    expect(canonicalName('a.beta')).toBe('a.bias');
    expect(canonicalName('alphabeta')).toBe('alphabeta');
  });
});
