import { ArgumentError } from '../../platform/errors.ts';

/** Scores of answers to questions, each 0 to 1. */
export interface SquadReport {
  /** Share of the questions whose answer is one of the right ones, after normalisation. */
  exactMatch: number;
  /** Mean F1 of the words of the answer and the right one that is closest. */
  f1: number;
  /** The same two as KorQuAD's script has them, F1 of characters; if an answer has Hangul. */
  korquadExactMatch?: number;
  korquadF1?: number;
  /** The same of questions that have an answer, if there are both kinds. */
  hasAnswerExactMatch?: number;
  hasAnswerF1?: number;
  /** Share of the questions without an answer that got none. */
  noAnswerAccuracy?: number;
}

const punctuation = /[!-/:-@[-`{-~]/g;

/** An answer as SQuAD compares it: lower case, without punctuation and English articles. */
const normalize = (answer: string): string =>
  answer
    .toLowerCase()
    .replace(punctuation, '')
    .replace(/(?<![\p{L}\p{N}_])(?:an?|the)(?![\p{L}\p{N}_])/gu, ' ')
    .trim()
    .replace(/\s+/g, ' ');

/** An answer as KorQuAD compares it: lower case, without quotes and punctuation. */
const normalizeKorean = (answer: string): string =>
  answer
    .replace(/['"《》<>〈〉()‘’]/g, ' ')
    .toLowerCase()
    .replace(punctuation, '')
    .trim()
    .replace(/\s+/g, ' ');

const charactersOf = (answer: string): string[] => [...normalizeKorean(answer).replaceAll(' ', '')];

const wordsOf = (answer: string): string[] => normalize(answer).split(' ').filter(Boolean);

/** F1 of two bags of parts; without parts in one of them, whether both have none. */
function overlap(predicted: readonly string[], known: readonly string[]): number {
  if (predicted.length === 0 || known.length === 0)
    return predicted.length === known.length ? 1 : 0;
  const left = new Map<string, number>();
  for (const part of known) left.set(part, (left.get(part) ?? 0) + 1);
  let same = 0;
  for (const part of predicted) {
    const count = left.get(part) ?? 0;
    if (count > 0) same++;
    left.set(part, count - 1);
  }
  return (2 * same) / (predicted.length + known.length);
}

/**
 * Exact match and F1 of answers, as SQuAD's evaluation script (version 2.0) counts them: each
 * answer is compared with the right answer that is closest; a question without right answers
 * wants the empty text. KorQuAD's figures are those of its script.
 * @param predicted an answer of each question
 * @param truth the right answers of each question
 * @throws ArgumentError when the lists differ in length or are empty.
 * @example
 * squadReport(['the red car', ''], [['a red car'], []]).exactMatch; // 1
 */
export function squadReport(
  predicted: readonly string[],
  truth: readonly (readonly string[])[],
): SquadReport {
  if (predicted.length !== truth.length)
    throw new ArgumentError(`predicted: expected ${truth.length} answers, got ${predicted.length}`);
  if (truth.length === 0) throw new ArgumentError('answers: expected at least one, got none');
  const scores = predicted.map((answer, i) => {
    const named = truth[i].filter((text) => normalize(text) !== '');
    const known = named.length > 0 ? named : [''];
    const best = (score: (text: string) => number) => Math.max(...known.map(score));
    return {
      hasAnswer: truth[i].length > 0,
      exact: best((text) => (normalize(text) === normalize(answer) ? 1 : 0)),
      f1: best((text) => overlap(wordsOf(answer), wordsOf(text))),
      korean: best((text) => (normalizeKorean(text) === normalizeKorean(answer) ? 1 : 0)),
      characters: best((text) => overlap(charactersOf(answer), charactersOf(text))),
    };
  });
  const mean = (of: 'exact' | 'f1' | 'korean' | 'characters', some = scores) =>
    some.reduce((sum, score) => sum + score[of], 0) / some.length;
  const isKorean = truth.some((texts) => texts.some((text) => /\p{Script=Hangul}/u.test(text)));
  const answered = scores.filter(({ hasAnswer }) => hasAnswer);
  const isMixed = answered.length > 0 && answered.length < scores.length;
  return {
    exactMatch: mean('exact'),
    f1: mean('f1'),
    ...(isKorean && { korquadExactMatch: mean('korean'), korquadF1: mean('characters') }),
    ...(isMixed && {
      hasAnswerExactMatch: mean('exact', answered),
      hasAnswerF1: mean('f1', answered),
      noAnswerAccuracy: mean(
        'exact',
        scores.filter(({ hasAnswer }) => !hasAnswer),
      ),
    }),
  };
}
