/** Answers as spans of a context, which the model sees in windows. */

/** An answer and where it begins in its context. */
export interface Answer {
  text: string;
  /** In UTF-16 units, as JavaScript's strings count. */
  start: number;
}

/** A question about a context. */
export interface Question {
  id: string;
  question: string;
  context: string;
  /** The right answers; none if the context does not answer it. Undefined without labels. */
  answers?: readonly Answer[];
}

/** What one example sees of a question's context. */
export interface ContextWindow {
  /** The same object in all windows of a question. */
  question: Question;
  /** Each token's place in the context; undefined for those of the question and special ones. */
  offsets: readonly (readonly [start: number, end: number] | undefined)[];
  /** Whether each token continues the word of the token before it. */
  continues: readonly boolean[];
}

/** An answer that a model gives. */
export interface FoundAnswer {
  /** `context.slice(start, end)`; empty if the context has no answer. */
  answer: string;
  /** Probability of its start times that of its end, among the tokens of its window. */
  score: number;
  start: number;
  end: number;
}

/** How answers are chosen. */
export interface AnswerOptions {
  /** Longest answer in tokens. Default 30. */
  maxAnswerLength?: number;
  /**
   * Questions may have no answer: it is given when its logits (start and end at [CLS], the least of
   * all windows) exceed those of the best answer by more than this. Default: always answer.
   */
  nullScoreDiffThreshold?: number;
  /** How many answers. Default 1. */
  topK?: number;
  /** Compares windows by `score` instead of logits, as Hugging Face's pipeline. Default false. */
  byScore?: boolean;
  /** Extends answers to the words that their ends are in. Default false. */
  alignToWords?: boolean;
}

interface Candidate extends FoundAnswer {
  /** What candidates of all windows are ordered by. */
  rank: number;
}

/**
 * The best answers to a question, best first, over all windows of its context (Hugging Face's
 * run_qa.py: windows are compared by the sum of the logits of start and end).
 * @param outputs of each window, the logits of start and end of one token after the other
 */
export function bestAnswers(
  windows: readonly ContextWindow[],
  outputs: readonly ArrayLike<number>[],
  {
    maxAnswerLength = 30,
    nullScoreDiffThreshold,
    topK = 1,
    byScore = false,
    alignToWords = false,
  }: AnswerOptions = {},
): FoundAnswer[] {
  const found = new Map<string, Candidate>();
  let none: Candidate = { answer: '', score: 0, start: 0, end: 0, rank: Number.POSITIVE_INFINITY };
  for (const [i, window] of windows.entries()) {
    const scores = windowScores(window, outputs[i], byScore);
    const empty = scores(0, 0);
    if (empty.rank < none.rank) none = { ...none, ...empty };
    const { context } = window.question;
    for (const [first, last] of topSpans(window, scores, maxAnswerLength, topK)) {
      const [from, to] = alignToWords ? wholeWords(window, first, last) : [first, last];
      const [start, end] = [window.offsets[from]![0], window.offsets[to]![1]];
      const candidate = { answer: context.slice(start, end), start, end, ...scores(first, last) };
      const key = `${start},${end}`;
      const known = found.get(key);
      if (known === undefined || known.rank < candidate.rank) found.set(key, candidate);
    }
  }
  const best = [...found.values()].sort((a, b) => b.rank - a.rank);
  if (nullScoreDiffThreshold !== undefined) {
    // Before all answers that it exceeds by the threshold.
    const at = best.findIndex(({ rank }) => none.rank - rank > nullScoreDiffThreshold);
    best.splice(at < 0 ? best.length : at, 0, none);
  }
  if (best.length === 0) best.push(none);
  return best.slice(0, topK).map(({ rank: _, ...answer }) => answer);
}

type SpanScores = (first: number, last: number) => Pick<Candidate, 'score' | 'rank'>;

/** The scores of spans of a window; 0, 0 is that of no answer. */
function windowScores(
  { offsets }: ContextWindow,
  output: ArrayLike<number>,
  byScore: boolean,
): SpanScores {
  const [starts, ends] = [0, 1].map((part) => {
    const logits = offsets.map((_, token) => output[2 * token + part]);
    const isAllowed = (token: number) => token === 0 || offsets[token] !== undefined;
    const highest = Math.max(...logits.filter((_, token) => isAllowed(token)));
    const powers = logits.map((x, token) => (isAllowed(token) ? Math.exp(x - highest) : 0));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return { logits, probabilities: powers.map((power) => power / total) };
  });
  return (first, last) => {
    const score = starts.probabilities[first] * ends.probabilities[last];
    return { score, rank: byScore ? score : starts.logits[first] + ends.logits[last] };
  };
}

/** The spans of a window with the highest ranks, best first; `count` of them and a few more. */
function topSpans(
  { offsets }: ContextWindow,
  scores: SpanScores,
  maxAnswerLength: number,
  count: number,
): [first: number, last: number][] {
  // Several spans can be one answer once they are whole words.
  const most = 2 * count + 10;
  const top: { span: [number, number]; rank: number }[] = [];
  for (let first = 0; first < offsets.length; first++) {
    if (!offsets[first]) continue;
    const end = Math.min(offsets.length, first + maxAnswerLength);
    for (let last = first; last < end && offsets[last]; last++) {
      const { rank } = scores(first, last);
      if (top.length === most && rank <= top[most - 1].rank) continue;
      let at = top.length;
      while (at > 0 && top[at - 1].rank < rank) at--;
      top.splice(at, 0, { span: [first, last], rank });
      if (top.length > most) top.pop();
    }
  }
  return top.map(({ span }) => span);
}

/** The span extended to the words that its ends are in. */
function wholeWords(
  { offsets, continues }: ContextWindow,
  first: number,
  last: number,
): [first: number, last: number] {
  let [from, to] = [first, last];
  while (continues[from] && offsets[from - 1]) from--;
  while (continues[to + 1] && offsets[to + 1]) to++;
  return [from, to];
}

/** The rows of examples that are windows of the same question, in the order of the questions. */
export function byQuestion(
  windows: readonly (ContextWindow | undefined)[],
): Map<Question, number[]> {
  const rows = new Map<Question, number[]>();
  for (const [row, window] of windows.entries()) {
    if (!window) continue;
    const own = rows.get(window.question);
    if (own) own.push(row);
    else rows.set(window.question, [row]);
  }
  return rows;
}
