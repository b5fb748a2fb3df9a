import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { squadReport } from '../../../src/train/metrics/squad.ts';

/** Answer, right answers, and exact match, F1 and F1 of characters as the scripts in Python say. */
const cases: [string, string[], number, number, number][] = [
  ['the Red car', ['a red car!', 'cars'], 1, 1, 0.75],
  ['An apple a day', ['apple day', 'the day'], 1, 1, 0.8421052631578948],
  ['something', [], 0, 0, 0],
  ['서울특별시', ['서울', '서울시'], 0, 0, 0.75],
  ['《삼국사기》', ['삼국사기'], 0, 0, 1],
  ['1,000 won', ['1000 won'], 1, 1, 1],
  ['theatre', ['the atre'], 0, 0, 1],
  ['a b a c', ['a c c b', 'x'], 0, 0.8, 0.75],
  ['', ['x'], 0, 0, 0],
  ['U.S.A', ['usa'], 1, 1, 1],
  ["l'an 2000", ['an 2000'], 0, 2 / 3, 0.923076923076923],
  ['a 한국어 an', ['한국어'], 1, 1, 2 / 3],
  ['  ', ['  ', '.'], 1, 1, 1],
];
const hangul = ['한', ['한']] as const;

describe('squadReport', () => {
  it.each(cases)(
    '%j against %j is as SQuAD and KorQuAD count it',
    (answer, truth, exact, f1, of) => {
      const report = squadReport([answer], [truth]);
      expect(report.exactMatch).toBe(exact);
      expect(report.f1).toBeCloseTo(f1, 12);
      // With a Korean answer that is right, characters are counted too.
      const { korquadF1 } = squadReport([answer, hangul[0]], [truth, [...hangul[1]]]);
      expect(korquadF1).toBeCloseTo((of + 1) / 2, 12);
    },
  );

  it('has KorQuAD’s figures for Korean only, with its own signs left out', () => {
    expect(squadReport(['《삼국사기》'], [['삼국사기']])).toEqual({
      ...{ exactMatch: 0, f1: 0, korquadExactMatch: 1, korquadF1: 1 },
    });
    expect(squadReport(['car'], [['car']])).toEqual({ exactMatch: 1, f1: 1 });
  });

  it('measures questions with and without an answer apart', () => {
    expect(squadReport(['car', 'x', '', 'y'], [['car'], ['z'], [], []])).toEqual({
      ...{ exactMatch: 0.5, f1: 0.5 },
      ...{ hasAnswerExactMatch: 0.5, hasAnswerF1: 0.5, noAnswerAccuracy: 0.5 },
    });
  });

  it('gives the right answer 1 under any case, punctuation and articles', () => {
    const word = fc.stringMatching(/^[b-z]{2,8}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
        const said = `The ${words.join(', ').toUpperCase()}.`;
        const { exactMatch, f1 } = squadReport([said], [[words.join(' ')]]);
        expect([exactMatch, f1]).toEqual([1, 1]);
      }),
      { seed: 1 },
    );
  });

  it('refuses lists of different lengths, and empty ones', () => {
    expect(() => squadReport(['a'], [])).toThrow('predicted: expected 0 answers, got 1');
    expect(() => squadReport([], [])).toThrow('answers: expected at least one, got none');
  });
});
