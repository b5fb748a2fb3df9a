import { fit, type TextClassificationPipeline, type TextInput } from 'wigbert/train';
import type { Answer, Correction, Learned, RightAnswer } from './protocol.ts';

/** Steps between looks at what the model answers. */
const STEPS = 5;
const MAX_ROUNDS = 8;
const BATCH_SIZE = 8;
/** Scores are learned once their error is this share of what it was. */
const ERROR_LEFT = 0.25;

/** Wider models take smaller steps: 5e-5 for the usual 768, 3e-4 for 128. */
const learningRateOf = (hiddenSize: number): number => 0.0384 / hiddenSize;

/** Whether an answer says what a correction says; of scores, how far it is from it. */
function errorOf(answer: Answer, right: RightAnswer): number {
  if (answer.task === 'regression') return Math.abs(answer.score - (right as number));
  if (answer.task === 'classification') return answer.labels[0] === right ? 0 : 1;
  if (answer.task !== 'multi-label') return 0;
  const wanted = new Set(right as string[]);
  return answer.labels.length === wanted.size && answer.labels.every((each) => wanted.has(each))
    ? 0
    : 1;
}

/** The label as `fit` takes it. */
const labelOf = (right: RightAnswer, labels: readonly string[]): number | string | number[] =>
  Array.isArray(right) ? labels.map((label) => Number(right.includes(label))) : right;

/** Trains on corrections until the model answers all of them as they say, or for long enough. */
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
  const perRound = Math.max(STEPS, Math.ceil(examples.length / BATCH_SIZE));
  let steps = 0;
  let right = 0;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { steps: done } = await fit(pipeline.model, examples, [], {
      maxSteps: perRound,
      batchSize: Math.min(BATCH_SIZE, examples.length),
      learningRate: learningRateOf(pipeline.model.config.hiddenSize),
      lrScheduler: 'constant',
      warmupRatio: 0,
      seed: round,
    });
    steps += done.length;
    const left = await errors();
    right = left.filter((error, i) => error <= ERROR_LEFT * before[i]).length;
    if (right === left.length) break;
  }
  return { steps, right, seconds: (performance.now() - started) / 1000 };
}
