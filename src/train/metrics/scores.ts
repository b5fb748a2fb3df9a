/** How well one label, or several together, were found. */
export interface Scores {
  /** The share of what was predicted that is right. */
  precision: number;
  /** The share of what is there that was predicted. */
  recall: number;
  /** 2 TP / (2 TP + FP + FN), the harmonic mean of the two. */
  f1: number;
  /** How often it is there. */
  support: number;
}

/** What the averages of several labels are made of. */
export interface ScoreReport {
  /** By label id. */
  perLabel: Scores[];
  /** Of all labels counted together. */
  micro: Scores;
  /** Plain means over the labels. */
  macro: Scores;
  /** Means over the labels, each as often as it is there. */
  weighted: Scores;
}

/** How often a label is there, was predicted, and was predicted where it is there. */
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
