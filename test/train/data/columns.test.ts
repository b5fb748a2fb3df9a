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
    await expect(parse('heading\tlabel\na\t1\n', 'a.tsv')).rejects.toThrow(
      'a.tsv has no text column (text,',
    );
    await expect(parse('text\tmark\na\t1\n', 'a.tsv')).rejects.toThrow(
      'a.tsv has no label column (label, gold_label, labels, class, category, target, ' +
        'sentiment, intent, emotion, topic, stars, rating, y): its columns are text, mark; ' +
        'name the column to use (`labelColumn`), choose another kind of label (`task`)',
    );
  });

  it.each([',', ';', '|'])('hints at a TSV file whose delimiter is %s', async (delimiter) => {
    const source = `text${delimiter}label\na${delimiter}1\n`;
    await expect(parse(source, 'a.tsv')).rejects.toThrow("set `format: 'csv'`");
  });

  it('refuses a task that there is not', async () => {
    const options = { task: 'sentiment' } as unknown as DataOptions;
    await expect(parse('text\tlabel\na\t1\n', 'a.tsv', options)).rejects.toThrow(
      '`task`: expected classification, multi-label, regression, token-classification, ' +
        'question-answering, multiple-choice, similarity, got',
    );
  });

  it('hints at a missing header and shortens a long first line', async () => {
    const text = 'a long text '.repeat(1000);
    await expect(parse(`${text}\t1\n`.repeat(3), 'a.tsv')).rejects.toThrow(
      `: its columns are ${text.slice(0, 80)}…; name the column to use ` +
        `(\`textColumn\`), or, if the file has no header, add`,
    );
    await expect(parse(`${text}\t1\n`.repeat(3), 'a.tsv', { textColumn: 'body' })).rejects.toThrow(
      `for the text: its columns are ${text.slice(0, 80)}…`,
    );
  });

  it.each([
    ['premise', 'hypothesis', 'gold_label'],
    ['question', 'answer', 'label'],
    ['question1', 'question2', 'label'],
    ['question', 'context', 'target'],
    ['query', 'passage', 'y'],
    ['Sentence_A', 'Sentence_B', 'Label'],
    ['text_a ', 'text_b', ' label'],
  ])('guesses that %s and %s are a pair, and %s the label', async (first, second, label) => {
    const { examples } = await parse(`id\t${label}\t${second}\t${first}\n1\tx\tb\ta\n`, 'a.tsv');
    expect(examples).toEqual([{ text: 'a', pair: 'b', label: 0, line: 2 }]);
  });

  it.each([
    ['Text', 'Label'],
    [' comments', 'sentiment'],
    ['title', 'stars'],
    ['\ufeffutterance', 'intent'],
  ])('guesses %o and %o', async (text, label) => {
    const data = await parse(`${text}\t${label}\na\tx\n`, 'a.tsv');
    expect(data.examples).toEqual([{ text: 'a', label: 0, line: 2 }]);
  });

  it('prefers a text to a pair beside it, and an exact name to a similar one', async () => {
    const both = await parse('question\tanswer\ttext\tlabel\nq\tb\tt\tx\n', 'a.tsv');
    expect(both.examples).toEqual([{ text: 't', label: 0, line: 2 }]);
    const cases = await parse('Text\ttext\tlabel\nT\tt\tx\n', 'a.tsv');
    expect(cases.examples[0].text).toBe('t');
  });

  it('asks whether a column of another case is meant', async () => {
    await expect(parse('Body\tlabel\na\t1\n', 'a.tsv', { textColumn: 'body' })).rejects.toThrow(
      'a.tsv has no column "body" for the text (did you mean "Body"?): its columns are Body, label',
    );
    const blank = await parse('body \tlabel\na\t1\n', 'a.tsv', { textColumn: 'body' });
    expect(blank.examples[0].text).toBe('a');
  });

  it('names columns that occur twice', async () => {
    const data = await parse('text,label,label,text\na,1,2,b\n', 'a.csv');
    expect(data.duplicateColumns).toEqual(['label', 'text']);
    expect(data.examples[0].text).toBe('a');
  });
});

describe('columns of 0 and 1', () => {
  const labelColumns = ['toxic', 'insult', 'threat'];
  const source =
    'text,threat,toxic,insult\na,0,1,0\nb,1.0,1.0,0.0\nc,False,true,True\nd,0,0,0\n' +
    'e,2,0,1\nf,0,,1\ng,nan,nan,nan\n';

  it('are several labels, in the order that is asked for', async () => {
    const data = await parse(source, 'a.csv', { labelColumns });
    expect(data.labels).toEqual(labelColumns);
    expect(data.examples.map(({ label }) => (label as number[]).join(''))).toEqual([
      '100',
      '101',
      '110',
      '000',
    ]);
    expect(data.problems).toEqual([
      { line: 6, reason: 'threat: expected 0 or 1, got "2"' },
      { line: 7, reason: 'no label in column toxic' },
      { line: 8, reason: 'no label in column toxic: got "nan"' },
    ]);
  });

  it('are matched to the labels of a model by name', async () => {
    const labels = ['threat', 'toxic', 'insult'];
    const { examples } = await parse(source, 'a.csv', { labelColumns, labels });
    expect(examples[0].label).toEqual([0, 1, 0]);
    await expect(
      parse(source, 'a.csv', { labelColumns, labels: [...labels, 'spam'] }),
    ).rejects.toThrow('expected a column for each of the labels threat, toxic, insult, spam');
    await expect(parse(source, 'a.csv', { labelColumns, labels: ['toxic'] })).rejects.toThrow(
      'got toxic, insult, threat',
    );
  });

  it('may all be missing if labels are optional', async () => {
    const { examples } = await parse(source, 'a.csv', { labelColumns, labelOptional: true });
    expect(examples.at(-1)).toMatchObject({ text: 'g', label: undefined });
  });

  it('are of multi-label only, and must be there', async () => {
    await expect(parse(source, 'a.csv', { labelColumns, task: 'classification' })).rejects.toThrow(
      "`labelColumns`: expected `task: 'multi-label'`",
    );
    await expect(parse(source, 'a.csv', { labelColumns: ['Toxic'] })).rejects.toThrow(
      'no column "Toxic" for the label (did you mean "toxic"?)',
    );
  });
});
