import { fit, type TextClassificationPipeline, type TextInput } from 'wigbert/train';
import type { Answer, Correction, Learned, RightAnswer } from './protocol.ts';

const MAX_ROUNDS = 40;
const BATCH_SIZE = 8;
/** A right label leads the others by this probability: rounding, as in a saved file, keeps it. */
const LEAD = 0.1;
/** Scores are learned once their error is this share of what it was. */
const ERROR_LEFT = 0.25;

/** Small, since a few texts are to change little else; wider models take smaller steps. */
const learningRateOf = (hiddenSize: number): number => 0.0128 / hiddenSize;

/** How far an answer is from what a correction says: of scores the difference, else 0 or 1. */
function errorOf(answer: Answer, right: RightAnswer): number {
  switch (answer.task) {
    case 'regression':
      return Math.abs(answer.score - (right as number));
    case 'classification': {
      const { [right as string]: own, ...others } = answer.scores;
      return Object.values(others).every((score) => own - score >= LEAD) ? 0 : 1;
    }
    case 'multi-label': {
      const wanted = new Set(right as string[]);
      const { labels } = answer;
      return labels.length === wanted.size && labels.every((each) => wanted.has(each)) ? 0 : 1;
    }
    default:
      return 0;
  }
}

/** The label as `fit` takes it. */
const labelOf = (right: RightAnswer, labels: readonly string[]): number | string | number[] =>
  Array.isArray(right) ? labels.map((label) => Number(right.includes(label))) : right;

/**
 * Trains on corrections until the model answers all of them as they say, and no longer: each step
 * more makes it forget what it knew. The answers are looked at after each round of the corrections.
 */
export async function learn(
  pipeline: TextClassificationPipeline,
  labels: readonly string[],
  corrections: readonly Correction[],
  predict: (inputs: readonly TextInput[]) => Promise<Answer[]>,
): Promise<Learned> {
  const started = performance.now();
  const inputs = corrections.map(({ input }) => input);
  const examples = pipeline
    .encode(inputs)
    .map((example, i) => ({ ...example, label: labelOf(corrections[i].right, labels) }));
  const errors = async () =>
    (await predict(inputs)).map((answer, i) => errorOf(answer, corrections[i].right));
  const before = await errors();
  let left = before;
  let steps = 0;
  const isRight = (error: number, i: number) => error === 0 || error <= ERROR_LEFT * before[i];
  for (let round = 0; round < MAX_ROUNDS && !left.every(isRight); round++) {
    const { steps: done } = await fit(pipeline.model, examples, [], {
      epochs: 1,
      batchSize: BATCH_SIZE,
      learningRate: learningRateOf(pipeline.model.config.hiddenSize),
      lrScheduler: 'constant',
      warmupRatio: 0,
      seed: round,
    });
    steps += done.length;
    left = await errors();
  }
  const right = left.filter(isRight).length;
  return { steps, right, seconds: (performance.now() - started) / 1000 };
}
