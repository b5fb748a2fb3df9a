import { yieldToEventLoop } from '../../platform/waiting.ts';
import { noGrad, scope, type Tensor, tensor } from '../../tensor/index.ts';
import {
  objectiveOf,
  type PretrainBatch,
  type PretrainModel,
  usesSentencePairs,
} from './objective.ts';

/** Scores of a pre-training model on held-out batches. */
export interface PretrainScores {
  loss: number;
  /** e to the mean loss of the predicted tokens; absent for `nsp`. */
  perplexity?: number;
  /** Share of the pairs classified correctly; absent without pairs. */
  accuracy?: number;
}

/**
 * Loss, perplexity and accuracy in evaluation mode. Rejects once `signal` is aborted.
 * @example
 * const { loss, perplexity } = await evaluatePretraining(model, valid);
 */
export async function evaluatePretraining(
  model: PretrainModel,
  batches: readonly PretrainBatch[],
  signal?: AbortSignal,
): Promise<PretrainScores> {
  const objective = objectiveOf(model);
  const wasTraining = model.training;
  const sums = { tokens: 0, predicted: 0, pairs: 0, examples: 0, correct: 0 };
  model.eval();
  try {
    for (const batch of batches) {
      signal?.throwIfAborted();
      const { loss, logits } = await forward(model, batch);
      let rest = loss;
      if (logits) {
        const { inputs } = batch;
        const labels = (inputs.nextSentenceLabel ?? inputs.labels).data;
        const mean = nextSentenceLoss(logits, labels);
        sums.pairs += mean * batch.examples;
        sums.correct += labels.filter(
          (label, i) => Number(logits[2 * i + 1] > logits[2 * i]) === label,
        ).length;
        rest -= mean;
      }
      sums.tokens += rest * batch.predicted;
      sums.predicted += batch.predicted;
      sums.examples += batch.examples;
      // On the CPU device nothing else waits.
      await yieldToEventLoop();
    }
  } finally {
    model.train(wasTraining);
  }
  const tokens = objective === 'nsp' ? 0 : sums.tokens / sums.predicted;
  const pairs = usesSentencePairs(objective) ? sums.pairs / sums.examples : 0;
  return {
    loss: tokens + pairs,
    ...(objective !== 'nsp' && { perplexity: Math.exp(tokens) }),
    ...(usesSentencePairs(objective) && { accuracy: sums.correct / sums.examples }),
  };
}

/** The loss of a batch, and the next sentence logits, [batch, 2], if the model has them. */
async function forward(
  model: PretrainModel,
  { inputs }: PretrainBatch,
): Promise<{ loss: number; logits?: Float32Array }> {
  const device = model.parameters()[0].device;
  const outputs: Tensor[] = noGrad(() =>
    scope(() => {
      const tensors = Object.entries(inputs).map(([name, { data, shape }]) => [
        name,
        tensor(data, { shape, device }),
      ]);
      const output = model.forward(Object.fromEntries(tensors));
      const logits =
        'seqRelationshipLogits' in output
          ? (output.seqRelationshipLogits as Tensor)
          : objectiveOf(model) === 'nsp'
            ? (output as { logits: Tensor }).logits
            : undefined;
      return logits ? [output.loss!, logits] : [output.loss!];
    }),
  );
  const [loss, logits] = await Promise.all(
    outputs.map((values) => values.data().finally(() => values.dispose())),
  );
  return { loss: loss[0], logits: logits as Float32Array | undefined };
}

/** Mean cross-entropy of rows of two logits. */
function nextSentenceLoss(logits: Float32Array, labels: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const margin = logits[2 * i + 1 - labels[i]] - logits[2 * i + labels[i]];
    // log(1 + exp(margin)), without overflow.
    sum += Math.max(margin, 0) + Math.log1p(Math.exp(-Math.abs(margin)));
  }
  return sum / labels.length;
}
