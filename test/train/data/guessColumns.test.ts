import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { guessColumns, readData } from '../../../src/entries/train.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-guess-'));
afterAll(() => rmSync(dir, { recursive: true }));

const fileOf = (name: string, ...lines: string[]): string => {
  const path = join(dir, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
};

async function guess(name: string, ...lines: string[]) {
  const { columns: _, rows: __, ...chosen } = await guessColumns(fileOf(name, ...lines));
  return chosen;
}

describe('guessColumns', () => {
  it('takes the names that readData knows', async () => {
    const nsmc = ['id\tdocument\tlabel', '1\t좋아요\t1', '2\t나빠요\t0'];
    expect(await guess('nsmc.tsv', ...nsmc)).toEqual({
      ...{ textColumn: 'document', labelColumn: 'label', task: 'classification' },
    });
    const pairs = ['premise,hypothesis,label', 'a,b,x', 'c,d,y'];
    expect(await guess('pairs.csv', ...pairs)).toMatchObject({
      ...{ textColumn: 'premise', pairColumn: 'hypothesis', labelColumn: 'label' },
    });
  });

  it('takes the longest texts and the fewest labels where names say nothing', async () => {
    const lines = ['no,what was said,who', '1,a long sentence,kim', '2,one more of them,lee'];
    const more = ['3,and yet another,kim', '4,this is the last,lee'];
    expect(await guess('own.csv', ...lines, ...more)).toEqual({
      ...{ textColumn: 'what was said', labelColumn: 'who', task: 'classification' },
    });
  });

  it('tells scores, several labels and columns of labels from classes', async () => {
    const scores = ['text,score', 'a b c,1.5', 'd e f,2', 'g h i,0.25'];
    expect((await guess('scores.csv', ...scores)).task).toBe('regression');
    const stars = ['text,rating', 'a b c,1', 'd e f,5'];
    expect((await guess('stars.csv', ...stars)).task).toBe('classification');
    const lists = ['{"text": "a", "labels": ["x", "y"]}', '{"text": "b", "labels": []}'];
    expect((await guess('lists.jsonl', ...lists)).task).toBe('multi-label');
    const columns = ['text,rude,funny', 'a b c,0,1', 'd e f,1,1'];
    expect(await guess('columns.csv', ...columns)).toEqual({
      ...{ textColumn: 'text', labelColumns: ['rude', 'funny'], task: 'multi-label' },
    });
  });

  it('gives what readData takes, and the first rows', async () => {
    const path = fileOf('take.csv', 'said,mood', 'so good,up', 'so bad,down', 'fine,up');
    const { columns, rows, ...chosen } = await guessColumns(path);
    expect(columns).toEqual(['said', 'mood']);
    expect(rows[1]).toEqual({ said: 'so bad', mood: 'down' });
    const { examples, labels } = await readData(path, chosen);
    expect(labels).toEqual(['down', 'up']);
    expect(examples.map(({ text }) => text)).toEqual(['so good', 'so bad', 'fine']);
  });

  it('leaves the label open in a file of texts only', async () => {
    expect(await guess('texts.tsv', 'text', 'a', 'b')).toEqual({
      ...{ textColumn: 'text', task: 'classification' },
    });
  });
});
