import { describe, expect, it } from 'vitest';
import { parseData } from '../../../src/train/data/labelledData.ts';

describe('choices', () => {
  it.each([
    [
      [2, 1],
      [1, 0],
    ],
    [
      [0, 2],
      [0, 2],
    ],
  ])('that are numbers: labels %j are choices %j', async (labels, expected) => {
    const rows = labels.map((label) => `q,1,2,3,${label}\n`).join('');
    const data = await parseData(
      new TextEncoder().encode(`question,A,B,C,label\n${rows}`),
      'a.csv',
      {
        task: 'multiple-choice',
      },
    );
    expect(data.examples.map(({ label }) => label)).toEqual(expected);
  });
});
