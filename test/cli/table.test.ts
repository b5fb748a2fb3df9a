import { expect, it } from 'vitest';
import { displayWidth, table } from '../../src/cli/table.ts';

it.each([
  ['긍정', 4],
  ['긍정'.normalize('NFD'), 4],
  ['漢字かな', 8],
  ['Ａ１', 4],
  ['👍🏽', 2],
  ['é'.normalize('NFD'), 1],
  ['label', 5],
])('%j is %i columns wide', (text, width) => {
  expect(displayWidth(text)).toBe(width);
});

it('columns are straight whatever their characters', () => {
  const lines = table(
    ['이름', { title: 'n', right: true }, '끝'],
    [
      ['긍정', '1', '|'],
      ['bad', '10', '|'],
      ['非常', '3', '|'],
    ],
  ).split('\n');
  expect(new Set(lines.slice(1).map(displayWidth))).toEqual(new Set([displayWidth('긍정   1  |')]));
});
