import { describe, expect, it } from 'vitest';
import { type DataOptions, parseData } from '../../../src/train/data/labelledData.ts';

const parse = (content: string, name: string, options?: DataOptions) =>
  parseData(new TextEncoder().encode(content), name, options);

describe('columns', () => {
  it('guesses pairs', async () => {
    const data = await parse('sentence1\tsentence2\tgold_label\na\tb\tneutral\n', 'a.tsv');
    expect(data.examples).toEqual([{ text: 'a', pair: 'b', label: 0, line: 2 }]);
  });

  it('reads the requested columns, and then guesses no pair', async () => {
    const source = 'sentence1,sentence2,score,label\na,b,2.5,1\n';
    const one = await parse(source, 'a.csv', { textColumn: 'sentence2', labelColumn: 'score' });
    expect(one).toEqual({
      examples: [{ text: 'b', label: 0, line: 2 }],
      labels: ['2.5'],
      problems: [],
    });
    const two = await parse(source, 'a.csv', { textColumn: 'sentence2', pairColumn: 'sentence1' });
    expect(two.examples).toEqual([{ text: 'b', pair: 'a', label: 0, line: 2 }]);
  });

  it.each([
    [
      { textColumn: 'body' },
      'a.tsv has no column "body" for the text: its columns are title, text, label',
    ],
    [
      { labelColumn: 'stars' },
      'a.tsv has no column "stars" for the label: its columns are title, text, label',
    ],
    [
      { pairColumn: 'other' },
      'a.tsv has no column "other" for the pair: its columns are title, text, label',
    ],
  ])('names the columns of the file when %o is wrong', async (options, message) => {
    await expect(parse('title\ttext\tlabel\na\tb\t1\n', 'a.tsv', options)).rejects.toThrow(message);
  });

  it('refuses a file without columns of the default names', async () => {
    await expect(parse('title\tlabel\na\t1\n', 'a.tsv')).rejects.toThrow(
      'a.tsv has no text column (text,',
    );
    await expect(parse('text\tstars\na\t1\n', 'a.tsv')).rejects.toThrow(
      'a.tsv has no label column (label, gold_label, labels, class, category): its columns are text, stars; name the column to use (`labelColumn`)',
    );
  });

  it('hints at a missing header and shortens a long first line', async () => {
    const text = 'a long text '.repeat(1000);
    await expect(parse(`${text}\t1\n`.repeat(3), 'a.tsv')).rejects.toThrow(
      `: its columns are ${text.slice(0, 80)}…; name the column to use (\`textColumn\`), or, if the file has no header, add`,
    );
    await expect(parse(`${text}\t1\n`.repeat(3), 'a.tsv', { textColumn: 'body' })).rejects.toThrow(
      `for the text: its columns are ${text.slice(0, 80)}…`,
    );
  });
});
