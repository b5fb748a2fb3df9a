import { describe, expect, it } from 'vitest';
import { bertConfig, labelFields } from '../../../src/bert/config.ts';
import { BertForTokenClassification } from '../../../src/bert/heads/tokenClassification.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { collate, encodeExamples } from '../../../src/train/data/batch.ts';
import { type DataOptions, parseData, readData } from '../../../src/train/data/labelledData.ts';
import {
  groupEntities,
  TokenClassificationPipeline,
} from '../../../src/train/pipelines/tokenClassification.ts';
import { tasks } from '../../../src/train/tasks/index.ts';
import { evaluateExamples } from '../../../src/train/trainer/evaluate.ts';
import { dataPath, hasData } from '../../support/golden.ts';

const parse = (content: string, name: string, options: DataOptions) =>
  parseData(new TextEncoder().encode(content), name, options);
const reasons = ({ problems }: { problems: { line: number; reason: string }[] }) =>
  problems.map(({ line, reason }) => [line, reason]);

describe('several labels', () => {
  const task = 'multi-label';

  it('come as an array or a separated text; there may be none; doubles count once', async () => {
    const jsonl = await parse(
      '{"text":"a","labels":["x","z"]}\n{"text":"b","labels":[]}\n' +
        '{"text":"c","labels":"z, y,z,"}\n' +
        '{"text":"d","labels":[3]}',
      'a.jsonl',
      { task },
    );
    expect(jsonl.labels).toEqual(['3', 'x', 'y', 'z']);
    expect(jsonl.examples.map(({ label }) => (label as number[]).join(''))).toEqual([
      '0101',
      '0000',
      '0011',
      '1000',
    ]);
    const tsv = await parse('text\tlabels\na\tx|z\nb\t\nc\tz | y, w\n', 'a.tsv', {
      task,
      labelSeparator: '|',
    });
    expect(tsv.labels).toEqual(['x', 'y, w', 'z']);
    expect(tsv.examples.map(({ label }) => label)).toEqual([
      [1, 0, 1],
      [0, 0, 0],
      [0, 1, 1],
    ]);
  });

  it('must be names, of the set where one is given', async () => {
    const data = await parse(
      '{"text":"a","labels":[["x"]]}\n{"text":"b"}\n' +
        '{"text":"c","labels":7}\n{"text":"d","labels":["x"]}',
      'a.jsonl',
      {
        task,
      },
    );
    const expected = 'expected an array of labels, or a text with "," between them';
    expect(reasons(data)).toEqual([
      [1, `labels: ${expected}, got [["x"]]`],
      [2, 'no label in column labels'],
      [3, `labels: ${expected}, got 7`],
    ]);
    await expect(parse('text,labels\na,"x,q"\n', 'a.csv', { task, labels: ['x'] })).rejects.toThrow(
      'line 2: label "q" is not one of "x"',
    );
  });

  it('make a batch of 0s and 1s', async () => {
    const { examples } = await parse('text\tlabels\na\tx,y\nb\ty\n', 'a.tsv', { task });
    const { data, shape } = tasks[task].collate(
      examples.map(({ label }) => label!),
      8,
    );
    expect([...data, ...shape]).toEqual([1, 1, 0, 1, 2, 2]);
    expect(data).toBeInstanceOf(Float32Array);
  });
});

describe('scores', () => {
  const task = 'regression';

  it('are numbers, as JSON or text; the column is found', async () => {
    const tsv = await parse(
      'id\tscore\tsentence1\tsentence2\n1\t4.25\ta\tb\n2\t-.5e1\tc\td\n3\t 3 \te\tf\n',
      'a.tsv',
      { task },
    );
    expect(tsv.examples.map(({ label, pair }) => [label, pair])).toEqual([
      [4.25, 'b'],
      [-5, 'd'],
      [3, 'f'],
    ]);
    expect(tsv.labels).toEqual([]);
    expect((await parse('{"text":"a","label":0.5}', 'a.jsonl', { task })).examples[0].label).toBe(
      0.5,
    );
  });

  it('that are no numbers, or too large to be squared, are problems', async () => {
    const data = await parse(
      'text\tscore\na\thigh\nb\t\nc\t-1e30\nd\tInfinity\ne\t0x1\nf\t1e15\n',
      'a.tsv',
      { task },
    );
    expect(reasons(data)).toEqual([
      [2, 'score: expected a number, got "high"'],
      [3, 'no label in column score'],
      [4, 'score: expected a number of at most 1e+15 in size, got "-1e30"'],
      [5, 'score: expected a number, got "Infinity"'],
      [6, 'score: expected a number, got "0x1"'],
    ]);
  });
});

describe('tags', () => {
  const task = 'token-classification';
  const conll = '-DOCSTART- -X- O\n\nAnna NNP B-PER\nruns VBZ O\n\n\nOslo\tNNP\tB-LOC\r\n';

  it('come a word a line, a blank line after each sentence', async () => {
    for (const name of ['a.conll', 'a.txt', 'a.tsv', 'a.bio'])
      expect(await parse(conll, name, { task })).toEqual({
        examples: [
          { text: 'Anna runs', words: ['Anna', 'runs'], label: [1, 2], line: 3 },
          { text: 'Oslo', words: ['Oslo'], label: [0], line: 7 },
        ],
        labels: ['B-LOC', 'B-PER', 'O'],
        problems: [],
      });
  });

  it('come as arrays', async () => {
    const data = await parse(
      '{"tokens":["a","b"],"ner_tags":["O","B-X"]}\n{"tokens":["c"],"ner_tags":[1]}',
      'a.jsonl',
      { task },
    );
    expect(data.labels).toEqual(['1', 'B-X', 'O']);
    expect(data.examples.map(({ words, label }) => [words, label])).toEqual([
      [
        ['a', 'b'],
        [2, 1],
      ],
      [['c'], [0]],
    ]);
  });

  it('leave out a sentence with a broken line, and name the line', async () => {
    const data = await parse('a\tO\nb\n\nc\tO\td\n\n\tO\n\ne\tO', 'a.conll', { task });
    expect(data.examples.map(({ text }) => text)).toEqual(['e']);
    expect(reasons(data)).toEqual([
      [2, 'expected 2 fields, got 1: its sentence is left out'],
      [4, 'expected 2 fields, got 3: its sentence is left out'],
      [6, 'a word or tag is empty: its sentence is left out'],
    ]);
    const jsonl =
      '{"tokens":["a"],"tags":["O","O"]}\n{"tokens":"a","tags":["O"]}\n' +
      '{"tokens":[],"tags":[]}\n{"tokens":["a"],"tags":"O"}\n' +
      '{"tokens":["a"]}\n{"tokens":["a"],"tags":["O"]}';
    expect(reasons(await parse(jsonl, 'a.jsonl', { task }))).toEqual([
      [1, '2 tags for 1 words'],
      [2, 'tokens is not an array of words'],
      [3, 'tokens is not an array of words'],
      [4, 'tags: expected an array of tags, got "O"'],
      [5, 'no label in column tags'],
    ]);
  });

  it('are kept apart from labels of texts', async () => {
    await expect(parse('text,label\n', 'a.csv', { task })).rejects.toThrow(
      'a.csv is CSV: tagged words are read from CoNLL',
    );
    await expect(parse(conll, 'a.conll', {})).rejects.toThrow(
      'a.conll holds tagged words, which are for token-classification',
    );
    await expect(parse('{"text":"a","label":["x"]}', 'a.jsonl', {})).rejects.toThrow(
      'label: expected one label (several are for multi-label), got ["x"]',
    );
  });

  const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'an', '##na', 'runs', '.', 'far'];
  const tokenizer = new BertTokenizer(vocab);

  it('stand at the first piece of each word; words without a piece, and cut off, have none', () => {
    const words = ['Anna', '\u200b', 'runs', 'far.', 'runs'];
    const encode = (maxLength: number) =>
      encodeExamples(
        [{ text: words.join(' '), words, label: [4, 5, 6, 7, 8] }],
        tokenizer,
        maxLength,
        16,
      )[0];
    const i = -100;
    expect(encode(16)).toEqual({
      inputIds: [2, 5, 6, 7, 9, 8, 7, 3],
      tokenTypeIds: [0, 0, 0, 0, 0, 0, 0, 0],
      label: [i, 4, i, 6, 7, i, 8, i],
      lostWords: { cut: 0, withoutToken: 1 },
    });
    expect(encode(5)).toMatchObject({
      inputIds: [2, 5, 6, 7, 3],
      label: [i, 4, i, 6, i],
      lostWords: { cut: 2, withoutToken: 1 },
    });
    expect(encode(2)).toMatchObject({
      inputIds: [2, 3],
      label: [i, i],
      lostWords: { cut: 4, withoutToken: 1 },
    });
    const { labels } = collate([encode(5), encode(16)], 0, 16, tasks[task]);
    expect(labels.shape).toEqual([2, 8]);
    expect([...labels.data]).toEqual([i, 4, i, 6, i, i, i, i, i, 4, i, 6, 7, i, 8, i]);
  });

  it('are found again in a text, by the first piece of each word', async () => {
    setDevice(new CpuDevice());
    const sizes = {
      vocabSize: vocab.length,
      hiddenSize: 8,
      numHiddenLayers: 1,
      numAttentionHeads: 1,
      intermediateSize: 8,
    };
    const tags = ['B-X', 'I-X', 'O'];
    const config = bertConfig({
      ...sizes,
      maxPositionEmbeddings: 16,
      initializerRange: 1,
      ...labelFields(tags),
    });
    const model = BertForTokenClassification.fromConfig(config, 4);
    const text = ' Runs,  anna.\tfar anna ';
    const [tagged, none, cut] = await new TokenClassificationPipeline(model, tokenizer).predict([
      text,
      ' ',
      'far anna runs far anna anna runs anna runs',
    ]);
    const words = ['Runs', ',', 'anna', '.', 'far', 'anna'];
    expect(tagged.map(({ word }) => word)).toEqual(words);
    for (const { word, start, end } of tagged) expect(text.slice(start, end)).toBe(word);
    expect([none, cut.length]).toEqual([[], 9]);
    // Words given one by one are tagged the same.
    const encoded = encodeExamples(
      [{ text, words, label: words.map((_, i) => i) }],
      tokenizer,
      16,
      16,
    );
    const first = (encoded[0].label as number[]).flatMap((word, token) =>
      word === -100 ? [] : [token],
    );
    const [predicted] = (
      await evaluateExamples(
        model,
        encoded.map((example) => ({ ...example, label: undefined })),
        1,
      )
    ).predictions as number[][];
    expect(tagged.map(({ entity }) => entity)).toEqual(
      first.map((token) => tags[predicted[token]]),
    );
    expect(new Set(tagged.map(({ entity }) => entity)).size).toBeGreaterThan(1);
    for (const { entityGroup, word, start, end } of groupEntities(text, tagged)) {
      expect(entityGroup).toBe('X');
      expect(text.slice(start, end)).toBe(word);
    }
  });
});

describe.skipIf(!hasData)('published files', () => {
  it('KorSTS gives scores as it is', async () => {
    for (const [part, count] of [
      ['train', 5749],
      ['dev', 1500],
      ['test', 1379],
    ]) {
      const { examples, problems } = await readData(dataPath(`korsts/sts-${part}.tsv`), {
        task: 'regression',
      });
      expect([examples.length, problems]).toEqual([count, []]);
      expect(
        examples.every(
          ({ label, pair }) =>
            (label as number) >= 0 && (label as number) <= 5 && pair !== undefined,
        ),
      ).toBe(true);
    }
  });
});
