import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readStudyData, splitForSeed } from '../../src/study/data.ts';
import { dir, file, folder } from './fixtures.ts';

describe('data', () => {
  it('a folder gives a file to train on and one to test with; a file sets rows aside', async () => {
    const given = await readStudyData({ data: folder, testRows: 1000 });
    expect([given.train.length, given.test.length, given.labels]).toEqual([120, 40, ['no', 'yes']]);
    const drawn = await readStudyData({ data: folder, testRows: 10 });
    expect(drawn.test.filter(({ label }) => label === 1).length).toBe(5);
    const own = await readStudyData({ data: file, testRows: 30 });
    expect([own.train.length, own.test.length]).toEqual([90, 30]);
    expect(new Set([...own.train, ...own.test].map(({ line }) => line)).size).toBe(120);
    expect((await readStudyData({ data: file, testRows: 30 })).test).toEqual(own.test);
  });

  it.each([1, 2])(
    'labelled rows and texts have nothing in common, and each label its share (seed %i)',
    async (seed) => {
      const data = await readStudyData({ data: folder, testRows: 10 });
      const { texts, labelled } = splitForSeed(data, 30, seed);
      expect([texts.length, labelled.length]).toEqual([90, 30]);
      expect(labelled.filter(({ label }) => label === 0).length).toBe(15);
      const all = [...texts.map(([text]) => text), ...labelled.map(({ text }) => text)];
      expect(all.sort()).toEqual(data.train.map(({ text }) => text).sort());
      expect(splitForSeed(data, 30, seed)).toEqual({ texts, labelled });
      expect(splitForSeed(data, 30, seed + 1).labelled).not.toEqual(labelled);
    },
  );

  it('wrong use is explained', async () => {
    await expect(readStudyData({ data: dir, testRows: 10 })).rejects.toThrow(
      /one file with "train" in its name, got no TSV/,
    );
    await expect(readStudyData({ data: file, testRows: 120 })).rejects.toThrow(
      /`testRows`: expected less than the 120 rows/,
    );
    const one = join(dir, 'one.tsv');
    writeFileSync(one, 'text\tlabel\na\tx\nb\tx\n');
    await expect(readStudyData({ data: one, testRows: 1 })).rejects.toThrow(/got one only \(x\)/);
  });
});
