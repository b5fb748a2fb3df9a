import { describe, expect, it } from 'vitest';
import {
  entityReport,
  getEntities,
  parseTag,
  tagScheme,
} from '../../../src/train/metrics/index.ts';
import { unusualTags } from '../../../src/train/metrics/tagSchemes.ts';
import { tasks } from '../../../src/train/tasks/index.ts';

const spans = (tags: string) =>
  getEntities(tags.split(' ')).map(({ type, start, end }) => `${type} ${start}-${end}`);

describe('tags mark the same entities in every scheme', () => {
  const expected = ['PER 0-3', 'LOC 4-5', 'PER 5-7'];
  it.each([
    ['IOB2', 'B-PER I-PER I-PER O B-LOC B-PER I-PER O'],
    ['IOB1', 'I-PER I-PER I-PER O I-LOC I-PER I-PER O'],
    ['BIOES', 'B-PER I-PER E-PER O S-LOC B-PER E-PER O'],
    ['BILOU', 'B-PER I-PER L-PER O U-LOC B-PER L-PER O'],
    ['BMES', 'B-PER M-PER E-PER O S-LOC B-PER E-PER O'],
    ['BMEWO', 'B-PER M-PER E-PER O W-LOC B-PER E-PER O'],
    ['suffix and underscore', 'PER_B PER_I PER_I - LOC_B PER_B PER_I -'],
    ['suffix and hyphen', 'PER-B PER-I PER-I O LOC-B PER-B PER-I O'],
    ['prefix and underscore', 'B_PER I_PER I_PER _ B_LOC B_PER I_PER _'],
    ['suffix of BIOES', 'PER-B PER-I PER-E O LOC-S PER-B PER-E O'],
  ])('%s', (_, tags) => {
    expect(spans(tags)).toEqual(expected);
    const row = tags.split(' ');
    expect(entityReport([row], [row]).micro).toMatchObject({ f1: 1, support: 3 });
  });

  it.each([
    ['B-LOC-city I-LOC-city O', ['LOC-city 0-2']],
    ['LOC-city-B LOC-city-I O', ['LOC-city 0-2']],
    ['b-per i-per o', ['per 0-2']],
    ['B-P I-P B-L', ['P 0-2', 'L 2-3']],
    ['B I O B', [' 0-2', ' 3-4']],
    ['B M E S', [' 0-3', ' 3-4']],
    ['S-PER O S-LOC', ['PER 0-1', 'LOC 2-3']],
    ['I-PER B-PER I-PER', ['PER 0-1', 'PER 1-3']],
  ])('%s', (tags, expected) => expect(spans(tags)).toEqual(expected));

  it('is told by all tags, not by those of one sentence', () => {
    const scheme = tagScheme(['PER_B', 'PER_I', 'S_B', '-'])!;
    expect(getEntities(['S_B', '-'], scheme)).toEqual([{ type: 'S', start: 0, end: 1 }]);
    expect(parseTag('PER_I', scheme)).toEqual({ mark: 'I', type: 'PER' });
    expect(parseTag('-', scheme)).toEqual({ mark: 'O', type: '' });
    expect(parseTag('PER', scheme)).toBeUndefined();
  });
});

describe('tags that mark no entities', () => {
  it.each([
    [['NNG', 'VV', 'JKS', 'E', 'S']],
    [['NOUN', 'VERB', 'O']],
    [['B-PER', 'M-PER', 'L-PER', 'O']],
    [['O', '-']],
    [['S', 'E', 'O']],
  ])('%o', (tags) => {
    expect(tagScheme(tags)).toBeUndefined();
    expect(tasks['token-classification'].monitoredMetrics(tags)).toEqual(['accuracy']);
  });

  it('are named', () => {
    expect(unusualTags(['B-PER', 'I-PER', 'O', 'MISC'])).toEqual(['MISC']);
    expect(unusualTags(['PER_B', '-', 'PERB'])).toEqual(['PERB']);
    expect(unusualTags(['NN', 'VB'])).toEqual(['NN', 'VB']);
  });
});

it('a tagger with suffix tags is measured by entities', () => {
  const labels = ['-', 'PER_B', 'PER_I'];
  const { metrics, perLabel } = tasks['token-classification'].report(
    [[-100, 1, 2, 0, 0]],
    [[-100, 1, 2, 0, 1]],
    labels,
  );
  expect(metrics).toMatchObject({ f1: 2 / 3, precision: 1, recall: 0.5, accuracy: 0.75 });
  expect(perLabel!.PER.support).toBe(2);
});
