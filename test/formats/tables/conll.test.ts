import { describe, expect, it } from 'vitest';
import { read, reasonsOf } from './fixtures.ts';

const sentences = async (source: string) => {
  const { table, rows, problems } = await read(source, 'a.conll');
  const { wordColumns } = table;
  return {
    read: rows.map(({ values: [words, tags] }) => [words, tags]),
    columns: [wordColumns?.words, wordColumns?.tags],
    lines: rows.map(({ line }) => line),
    problems,
  };
};

const conllu = (rows: string[]) => rows.map((row) => `${row}\t_\t_\t_\t_\n`).join('');

describe('CoNLL', () => {
  it('reads KLUE-NER: a character a line, blanks among them, comments with tabs', async () => {
    const source =
      '## klue-ner-v1_000000\t<특히:DT> 영\n특\tB-DT\n히\tI-DT\n \tO\n영\tO\n\n' +
      '## klue-ner-v1_000001\t# O\n#\tO\n \tO\n#\tB-OG\n';
    const found = await sentences(source);
    expect(found.read).toEqual([
      [
        ['특', '히', ' ', '영'],
        ['B-DT', 'I-DT', 'O', 'O'],
      ],
      [
        ['#', ' ', '#'],
        ['O', 'O', 'B-OG'],
      ],
    ]);
    expect([found.lines, found.problems]).toEqual([[2, 8], []]);
  });

  it.each([
    ['Naver', '1\t비토리오\tPER_B\n2\t만에\t-\n\n1\t4\t-\n', [2, 3]],
    ['numbers from 0 and blanks', '0 비토리오 B-PER\n1 만에 O\n\n0 4 O\n', [2, 3]],
    [
      'GermEval',
      '#\thttp://x [2009]\n1\t비토리오\tB-PER\tO\n2\t만에\tO\tO\n\n#\ty\n1\t4\tO\tB-X\n',
      [2, 4],
    ],
  ])('passes over the numbers of words: %s', async (_, source, columns) => {
    const found = await sentences(source);
    expect(found.read.map(([words]) => words)).toEqual([['비토리오', '만에'], ['4']]);
    expect([found.columns, found.problems]).toEqual([columns, []]);
  });

  it('reads CoNLL-U: no comments, ranges or words that are not in the text; UPOS', async () => {
    const source = `# sent_id = 1\n# text = zum Haus\n${conllu([
      ...['1-2\tzum\t_\t_\t_\t_', '1\tzu\tzu\tADP\tAPPR\t_', '2\tdem\tder\tDET\tART\t_'],
      ...['2.1\tx\tx\tX\tX\t_', '3\tHaus\tHaus\tNOUN\tNN\t_'],
    ])}\n# sent_id = 2\n${conllu(['1\tJa\tja\tINTJ\tITJ\t_'])}`;
    const found = await sentences(source);
    expect(found.read).toEqual([
      [
        ['zu', 'dem', 'Haus'],
        ['ADP', 'DET', 'NOUN'],
      ],
      [['Ja'], ['INTJ']],
    ]);
    expect([found.columns, found.lines]).toEqual([
      [2, 4],
      [4, 10],
    ]);
  });

  it.each([
    [
      'CoNLL-2003',
      '-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\n# NN I-NP O\n\nPeter NNP B-NP B-PER\n',
      [1, 4],
    ],
    [
      'MultiCoNER',
      '# id 12\tdomain=en\nEU _ _ B-ORG\n# _ _ O\n\n# id 13\tdomain=en\nPeter _ _ B-PER\n',
      [1, 4],
    ],
    ['tags first', 'B-ORG\tEU\nO\t#\n\nB-PER\tPeter\n', [2, 1]],
    ['a header', 'word\tner\nEU\tB-ORG\n#\tO\n\nPeter\tB-PER\n', [1, 2]],
    ['a header after a comment', '# v1\nword\tner\nEU\tB-ORG\n#\tO\n\nPeter\tB-PER\n', [1, 2]],
    [
      'a header after -DOCSTART-',
      '-DOCSTART- O\n\nword ner\nEU B-ORG\n# O\n\nPeter B-PER\n',
      [1, 2],
    ],
    ['comments alone between sentences', 'EU\tB-ORG\n#\tO\n## b\tz\nPeter\tB-PER\n', [1, 2]],
    ['tags in the middle', 'EU\tB-ORG\tLemma\n#\tO\tx\n\nPeter\tB-PER\ty\n', [1, 2]],
  ])('reads %s', async (_, source, columns) => {
    const found = await sentences(source);
    expect(found.read).toEqual([
      [
        ['EU', '#'],
        ['B-ORG', 'O'],
      ],
      [['Peter'], ['B-PER']],
    ]);
    expect([found.columns, found.problems]).toEqual([columns, []]);
  });

  it('trims blanks and tabs around words and tags', async () => {
    for (const source of ['a \tB-X  \n b\t I-X\n\nc\tO\t\n', 'a   B-X \n  b I-X\n \t\nc  O\n'])
      expect((await sentences(source)).read).toEqual([
        [
          ['a', 'b'],
          ['B-X', 'I-X'],
        ],
        [['c'], ['O']],
      ]);
  });

  it('keeps words that look blank, and words that begin with #', async () => {
    for (const separator of ['\t', ' ']) {
      const words = ['a', '\ufeff', '\u3000', '\u00a0', '#', '##', '#tag'];
      const lines = words.map((word) => `${word}${separator}O\n`).join('');
      expect((await sentences(`${lines}\n#tag${separator}O\n`)).read).toEqual([
        [words, words.map(() => 'O')],
        [['#tag'], ['O']],
      ]);
    }
  });

  it('has columns by number to choose from, and reads words without tags', async () => {
    const { table, rows } = await read('a\tN\tO\nb\tV\tB-X\n', 'a.conll');
    expect(table.columns).toEqual(['tokens', 'tags', '1', '2', '3']);
    expect(rows[0].values[3]).toEqual(['N', 'V']);
    const words = await read('a\nb\n\nc\n', 'a.conll');
    expect([words.table.columns, words.rows.map(({ values }) => values[0])]).toEqual([
      ['tokens', '1'],
      [['a', 'b'], ['c']],
    ]);
  });

  it('leaves out a sentence with a broken line, and says why', async () => {
    const { rows, problems } = await read('a\tO\nb\nc\tO\n\nd\tO\n\te\n\nf\tO\n', 'a.conll');
    expect(rows.map(({ line }) => line)).toEqual([8]);
    expect(reasonsOf(problems)).toEqual([
      [2, 'expected 2 fields, got 1'],
      [6, 'a word or tag is empty'],
    ]);
  });

  it.each([
    ['a hashtag without a tag', 'a\tO\n#tag\nb\tO\n', 2],
    ['a word # with one tag too many', '#\tO\tO\nb\tO\n', 1],
    ['a word ## without a tag', 'a\tO\n##\nb\tO\n', 2],
  ])('takes %s for a broken word, not for a comment', async (_, broken, line) => {
    const { rows, problems } = await read(`${broken}\nc\tO\nd\tO\n`, 'a.conll');
    expect(rows).toHaveLength(1);
    expect(reasonsOf(problems).map(([at]) => at)).toEqual([line]);
  });
});
