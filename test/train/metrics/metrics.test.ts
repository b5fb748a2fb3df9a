import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../../src/platform/errors.ts';
import {
  accuracy,
  classificationReport,
  confusionMatrix,
  entityReport,
  exactMatch,
  getEntities,
  macroF1,
  matthewsCorrelation,
  multiLabelReport,
  pearson,
  type Scores,
  spearman,
} from '../../../src/train/metrics/index.ts';

// Three labels: 0 is right 2 of 3, 1 is right 1 of 2, 2 is right 1 of 1.
const truth = [0, 0, 0, 1, 1, 2];
const predicted = [0, 0, 1, 1, 2, 2];

describe('metrics', () => {
  it('counts three labels', () => {
    expect(accuracy(predicted, truth)).toBeCloseTo(4 / 6, 12);
    expect(confusionMatrix(predicted, truth, 4)).toEqual([
      [2, 1, 0, 0],
      [0, 1, 1, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 0],
    ]);
    // F1: 2·2/(3+2), 2·1/(2+2), 2·1/(1+2).
    expect(macroF1(predicted, truth)).toBeCloseTo((4 / 5 + 1 / 2 + 2 / 3) / 3, 12);
    // (4·6 - (3·2 + 2·2 + 1·2)) / sqrt((36 - 14) (36 - 12)).
    expect(matthewsCorrelation(predicted, truth)).toBeCloseTo(12 / Math.sqrt(22 * 24), 12);
  });

  it('equals the two-label formula of Matthews', () => {
    const t = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0];
    const p = [1, 1, 1, 0, 1, 0, 0, 0, 0, 0];
    const [tp, fn, fp, tn] = [3, 1, 1, 5];
    expect(matthewsCorrelation(p, t)).toBeCloseTo(
      (tp * tn - fp * fn) / Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
      12,
    );
    expect(macroF1(p, t)).toBeCloseTo((6 / 8 + 10 / 12) / 2, 12);
  });

  it('gives 1 when all is right and -1 when all is exchanged', () => {
    expect([accuracy, macroF1, matthewsCorrelation].map((f) => f([0, 1, 2], [0, 1, 2]))).toEqual([
      1, 1, 1,
    ]);
    expect(matthewsCorrelation([1, 0, 1, 0], [0, 1, 0, 1])).toBe(-1);
  });

  it('counts a zero denominator as 0', () => {
    expect(matthewsCorrelation([0, 0, 0], [0, 1, 1])).toBe(0);
    expect(matthewsCorrelation([1, 1], [1, 1])).toBe(0);
    // Label 1 is never predicted and label 2 never true: each has F1 0 and counts in the mean.
    expect(macroF1([0, 0, 2], [0, 0, 1])).toBeCloseTo(1 / 3, 12);
  });

  it('takes typed arrays', () => {
    expect(accuracy(Int32Array.of(1, 0), Uint8Array.of(1, 1))).toBe(0.5);
  });

  it('rejects lists that do not match and labels out of range', () => {
    for (const measure of [accuracy, macroF1, matthewsCorrelation]) {
      expect(() => measure([0], [0, 1])).toThrow('predicted: expected 2 labels, got 1');
      expect(() => measure([], [])).toThrow('labels: expected at least one');
    }
    expect(() => confusionMatrix([2], [0], 2)).toThrow(
      'label of example 0: expected 0 to 1, got 2',
    );
    expect(() => confusionMatrix([0], [-1], 2)).toThrow(ArgumentError);
  });
});

const expectScores = (
  actual: Scores,
  precision: number,
  recall: number,
  f1: number,
  support: number,
) => {
  [actual.precision, actual.recall, actual.f1].forEach((value, i) => {
    expect(value).toBeCloseTo([precision, recall, f1][i], 12);
  });
  expect(actual.support).toBe(support);
};

describe('precision, recall and F1', () => {
  it('counts each label, and averages over those that occur', () => {
    const { perLabel, micro, macro, weighted } = classificationReport(predicted, truth, 4);
    // Label 0 is predicted twice, always rightly, and there three times; 1: 2 and 2, one right; 2:
    // 2 and 1.
    expectScores(perLabel[0], 1, 2 / 3, 4 / 5, 3);
    expectScores(perLabel[1], 1 / 2, 1 / 2, 1 / 2, 2);
    expectScores(perLabel[2], 1 / 2, 1, 2 / 3, 1);
    expectScores(perLabel[3], 0, 0, 0, 0);
    expectScores(micro, 4 / 6, 4 / 6, 4 / 6, 6);
    expectScores(macro, 2 / 3, (2 / 3 + 1 / 2 + 1) / 3, (4 / 5 + 1 / 2 + 2 / 3) / 3, 6);
    expectScores(
      weighted,
      (3 * 1 + 2 / 2 + 1 / 2) / 6,
      4 / 6,
      ((3 * 4) / 5 + 2 / 2 + 2 / 3) / 6,
      6,
    );
  });

  it('counts rows of several labels, averages over all labels', () => {
    // True, predicted, both: 2, 2, 2 for the first label; 2, 1, 1 for the second; 1, 1, 0 for the
    // third; 0, 0, 0.
    const known = ['1010', '0100', '0000', '1100'].map((row) => [...row].map(Number));
    const found = ['1000', '0110', '0000', '1000'].map((row) => [...row].map(Number));
    const { perLabel, micro, macro, weighted } = multiLabelReport(found, known);
    expectScores(perLabel[0], 1, 1, 1, 2);
    expectScores(perLabel[1], 1, 1 / 2, 2 / 3, 2);
    expectScores(perLabel[2], 0, 0, 0, 1);
    expectScores(micro, 3 / 4, 3 / 5, 6 / 9, 5);
    expectScores(macro, 2 / 4, 3 / 8, 5 / 12, 5);
    expectScores(weighted, 4 / 5, 3 / 5, 2 / 3, 5);
    expect(exactMatch(found, known)).toBe(0.25);
    expectScores(multiLabelReport([[0, 0]], [[0, 0]]).micro, 0, 0, 0, 0);
    expect(() => multiLabelReport([[1]], [[1, 0]])).toThrow(
      'example 0: expected 2 labels, got 1 predicted and 2 true ones',
    );
  });

  it('agrees with accuracy and macro F1, whatever the labels', () => {
    const pairs = fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { minLength: 1 });
    fc.assert(
      fc.property(pairs, (rows) => {
        const [p, t] = [rows.map(([a]) => a), rows.map(([, b]) => b)];
        const { micro, macro, weighted } = classificationReport(p, t, 5);
        for (const value of [micro.f1, micro.precision, weighted.recall])
          expect(value).toBeCloseTo(accuracy(p, t), 12);
        expect(macro.f1).toBeCloseTo(macroF1(p, t), 12);
        // One-hot rows are the same question, but for averages over all labels.
        const oneHot = (label: number) =>
          Array.from({ length: 5 }, (_, id) => Number(id === label));
        expect(multiLabelReport(p.map(oneHot), t.map(oneHot)).weighted).toEqual(weighted);
      }),
    );
  });
});

describe('correlations', () => {
  it('equal what SciPy 1.17 gives (pearsonr, spearmanr), ties included', () => {
    const [p, t] = [
      [4.1, 3.9, 0.5, 2.5, 3.0, 3.9, 1.5],
      [5.0, 3.8, 0.0, 2.5, 2.5, 4.2, 1.0],
    ];
    expect(pearson(p, t)).toBeCloseTo(0.9789454789819884, 12);
    // Ranks 7, 5.5, 1, 3, 4, 5.5, 2 and 7, 5, 1, 3.5, 3.5, 6, 2.
    expect(spearman(p, t)).toBeCloseTo(0.9818181818181818, 12);
    expect(pearson([1e200, -2e200, 3e200], [1, 2, 4])).toBeCloseTo(0.5636214801906778, 12);
    expect(pearson([1e8 + 0.1, 1e8 + 0.4, 1e8 + 0.2, 1e8 + 0.9], [1, 3, 2, 5])).toBeCloseTo(
      0.9871352966206774,
      7,
    );
  });

  it('are 1 for what goes together, -1 for its reverse, and do not mind scale', () => {
    const scores = fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), {
      minLength: 2,
      maxLength: 40,
    });
    fc.assert(
      fc.property(scores, (values) => {
        const linear = values.map((value) => 3 - 0.5 * value);
        expect(pearson(values, linear)).toBeCloseTo(-1, 9);
        const bent = values.map((value) => value ** 3);
        expect(spearman(bent, values)).toBeCloseTo(1, 9);
        expect(spearman(bent, linear)).toBeCloseTo(-1, 9);
      }),
    );
  });

  it('are not defined where nothing varies, and refuse what is no score', () => {
    for (const measure of [pearson, spearman]) {
      expect(measure([2, 2, 2], [1, 2, 3])).toBeNaN();
      expect(measure([1, 2, 3], [0.1, 0.1, 0.1])).toBeNaN();
      expect(measure([1], [1])).toBeNaN();
      expect(() => measure([], [])).toThrow('scores: expected at least one');
      expect(() => measure([1], [1, 2])).toThrow('predicted: expected 2 scores, got 1');
      expect(() => measure([1, Number.NaN], [1, 2])).toThrow(
        'score 1: expected a finite number, got NaN',
      );
    }
  });
});

describe('entities', () => {
  it.each<[string, [string, number, number][]]>([
    ['O B-PER I-PER O', [['PER', 1, 3]]],
    [
      'B-PER B-PER I-LOC',
      [
        ['PER', 0, 1],
        ['PER', 1, 2],
        ['LOC', 2, 3],
      ],
    ],
    [
      'I-PER I-PER O I-LOC',
      [
        ['PER', 0, 2],
        ['LOC', 3, 4],
      ],
    ],
    [
      'B-A I-A E-A I-A',
      [
        ['A', 0, 3],
        ['A', 3, 4],
      ],
    ],
    [
      'S-A I-A S-A S-A',
      [
        ['A', 0, 1],
        ['A', 1, 2],
        ['A', 2, 3],
        ['A', 3, 4],
      ],
    ],
    [
      'B I O B',
      [
        ['', 0, 2],
        ['', 3, 4],
      ],
    ],
    [
      'B-x-y I-x-y I-x',
      [
        ['x-y', 0, 2],
        ['x', 2, 3],
      ],
    ],
  ])('finds those of %s', (tags, expected) => {
    expect(getEntities(tags.split(' ')).map(({ type, start, end }) => [type, start, end])).toEqual(
      expected,
    );
  });

  it.each([
    // Broken sequences of each scheme, and the entities that seqeval's rules find in them.
    ['E-A E-A I-A O E-B', 'A 0 1, A 1 2, A 2 3, B 4 5'],
    ['I-A E-A I-B E-A S-A', 'A 0 2, B 2 3, A 3 4, A 4 5'],
    ['L-A U-A L-A I-A L-A B-B', 'A 0 1, A 1 2, A 2 3, A 3 5, B 5 6'],
    ['M-A M-B E-B B-B S-B E-B', 'A 0 1, B 1 3, B 3 4, B 4 5, B 5 6'],
    ['A-I A-I B-I O a-b-I A-B A-B', 'A 0 2, B 2 3, a-b 4 5, A 5 6, A 6 7'],
  ])('finds those of %s as seqeval does', (tags, expected) => {
    const found = getEntities(tags.split(' '));
    expect(found.map(({ type, start, end }) => `${type} ${start} ${end}`).join(', ')).toBe(
      expected,
    );
  });

  it('counts an entity only when all of it is right, as in the example of seqeval', () => {
    const known = ['O O O B-MISC I-MISC I-MISC O', 'B-PER I-PER O'].map((row) => row.split(' '));
    const found = ['O O B-MISC I-MISC I-MISC I-MISC O', 'B-PER I-PER O'].map((row) =>
      row.split(' '),
    );
    const { perType, micro, macro } = entityReport(found, known);
    expectScores(perType.MISC, 0, 0, 0, 1);
    expectScores(perType.PER, 1, 1, 1, 1);
    expectScores(micro, 0.5, 0.5, 0.5, 2);
    expectScores(macro, 0.5, 0.5, 0.5, 2);
    expectScores(entityReport([['O']], [['O']]).micro, 0, 0, 0, 0);
  });

  it('refuses tags of another kind, and rows that do not match', () => {
    expect(() => getEntities(['NN'])).toThrow('tag: expected O, or B, I, E or S');
    expect(() => entityReport([['O']], [['O', 'O']])).toThrow(
      'predicted: expected 2 tags in sequence 0, got 1',
    );
  });
});
