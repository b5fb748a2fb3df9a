import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { studyPicture } from '../../src/study/picture.ts';
import { formatDifference, formatSpread, summarise } from '../../src/study/summary.ts';
import { readPage, root } from '../support/docs.ts';

const read = (name: string) => readFileSync(join(root, 'docs/study', name), 'utf8');
const summary = summarise(JSON.parse(read('results.json')));

describe.each(['docs/study.md', 'docs/study.ko.md'])('%s', (page) => {
  const lines = readPage(page).split('\n');
  const figures = (list: string[]) => ` | ${list.join(' | ')} |`;

  it.each(summary.methods)('has the accuracy of $title', ({ accuracy }) => {
    const wanted = figures(accuracy.map(formatSpread));
    expect(lines.filter((line) => line.endsWith(wanted))).toHaveLength(1);
  });

  it.each(summary.claims)('has the difference of $better and $worse', ({ difference }) => {
    const wanted = figures(difference.map(formatDifference));
    expect(lines.filter((line) => line.endsWith(wanted))).toHaveLength(1);
  });
});

it('the picture is that of the results', () => {
  expect(read('accuracy.svg')).toBe(studyPicture(summary));
});
