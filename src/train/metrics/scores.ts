/** Scores of one label, or of several together. */
export interface Scores {
  /** Share of the predictions that are correct. */
  precision: number;
  /** Share of the occurrences that were predicted. */
  recall: number;
  /** 2 TP / (2 TP + FP + FN), the harmonic mean of the two. */
  f1: number;
  /** Number of occurrences. */
  support: number;
}

/** Scores of each label and their averages. */
export interface ScoreReport {
  /** By label id. */
  perLabel: Scores[];
  /** Scores of all labels counted together. */
  micro: Scores;
  /** Unweighted means over the labels. */
  macro: Scores;
  /** Means over the labels, weighted by `support`. */
  weighted: Scores;
}

/** How often a label occurs, was predicted, and was predicted correctly. */
export interface Counts {
  truth: number;
  predicted: number;
  correct: number;
}

/** The scores that counts give; `isAveraged` says which labels the macro means are over. */
export function scoreReport(
  counts: readonly Counts[],
  isAveraged: (counts: Counts) => boolean = () => true,
): ScoreReport {
  const perLabel = counts.map(scoresOf);
  const total = (field: keyof Counts) => sumOf(counts.map((each) => each[field]));
  const support = total('truth');
  const mean = (weights: number[]): Scores => {
    const all = sumOf(weights);
    const of = (field: keyof Scores) =>
      ratio(sumOf(perLabel.map((scores, id) => weights[id] * scores[field])), all);
    return { precision: of('precision'), recall: of('recall'), f1: of('f1'), support };
  };
  return {
    perLabel,
    micro: scoresOf({ truth: support, predicted: total('predicted'), correct: total('correct') }),
    macro: mean(counts.map((each) => (isAveraged(each) ? 1 : 0))),
    weighted: mean(counts.map(({ truth }) => truth)),
  };
}

function scoresOf({ truth, predicted, correct }: Counts): Scores {
  return {
    precision: ratio(correct, predicted),
    recall: ratio(correct, truth),
    f1: ratio(2 * correct, truth + predicted),
    support: truth,
  };
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

export function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
