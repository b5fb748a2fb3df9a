import { cat, type HostTensor, noGrad, scope, type Tensor, tensor } from '../../tensor/index.ts';
import { collate, collateInputs, type EncodedExample } from '../data/batch.ts';
import { batches } from '../data/split.ts';
import type { Label } from '../tasks/task.ts';
import { deviceOf, forwardForTask, type TaskModel, taskOf } from '../tasks/taskModel.ts';
import { checkFiniteOutputs } from './checks.ts';
import { resolveExamples, type TrainingExample } from './examples.ts';

/** Loss and predictions of a model on examples. */
export interface Evaluation {
  /** Mean over the examples (for tags, over all tagged words); NaN without labels. */
  loss: number;
  /** Each example's label, in the form of `EncodedExample`'s. */
  predictions: Label[];
  /**
   * One row per example: a probability per class or label; for tags, token by token; or the score.
   */
  probabilities: number[][];
}

/** Batches sent ahead of the one that is read back. */
const MAX_PENDING_BATCHES = 2;

/**
 * Runs a model over examples in evaluation mode; results are in the order of the examples.
 * @param onBatch receives the number of examples done
 * @throws UsageError for a text that is not encoded, or a label that the model does not have;
 * NotFiniteError when outputs are not finite; the reason of `signal` if it is aborted.
 * @example
 * const { loss, predictions } = await evaluateExamples(model, examples, 32);
 */
export async function evaluateExamples(
  model: TaskModel,
  given: readonly TrainingExample[],
  batchSize: number,
  { signal, onBatch }: { signal?: AbortSignal; onBatch?: (done: number) => void } = {},
): Promise<Evaluation> {
  const examples = resolveExamples(model, given, 'examples');
  const wasTraining = model.training;
  model.eval();
  const task = taskOf(model);
  const { padTokenId, maxPositionEmbeddings, numLabels } = model.config;
  const labelled = examples.every(({ label }) => label !== undefined);
  const predictions: Label[] = Array(examples.length);
  const probabilities: number[][] = Array(examples.length);
  const total = { loss: 0, weight: 0 };
  let done = 0;
  const pending: { rows: number[]; values: Promise<Float32Array> }[] = [];
  const collect = async () => {
    const { rows, values } = pending.shift()!;
    const outputs = await values;
    const width = (outputs.length - (labelled ? 1 : 0)) / rows.length;
    rows.forEach((row, i) => {
      const length = task.outputsPerToken ? examples[row].inputIds.length * numLabels : width;
      const output = outputs.subarray(i * width, i * width + length);
      checkFiniteOutputs(output);
      predictions[row] = task.predictionOf(output, numLabels);
      probabilities[row] = Array.from(output);
    });
    const weight = labelled
      ? rows.reduce((sum, row) => sum + task.lossWeight(examples[row].label!), 0)
      : 0;
    // Without tags the mean is NaN.
    if (weight > 0) total.loss += outputs.at(-1)! * weight;
    total.weight += weight;
    onBatch?.((done += rows.length));
  };
  try {
    for (const rows of batches(sortedByLength(examples), batchSize)) {
      signal?.throwIfAborted();
      const batchExamples = rows.map((row) => examples[row]);
      const batch = labelled
        ? collate(batchExamples, padTokenId, maxPositionEmbeddings, task)
        : collateInputs(batchExamples, padTokenId, maxPositionEmbeddings);
      const result = forwardBatch(model, batch);
      const values = result.data().finally(() => result.dispose()) as Promise<Float32Array>;
      values.catch(() => {});
      pending.push({ rows, values });
      if (pending.length > MAX_PENDING_BATCHES) await collect();
    }
    while (pending.length > 0) await collect();
  } finally {
    await Promise.allSettled(pending.map(({ values }) => values));
    model.train(wasTraining);
  }
  return { loss: labelled ? total.loss / total.weight : Number.NaN, predictions, probabilities };
}

/**
 * The output of each example of a batch, then the mean loss if there are labels. Not captured,
 * since each shape would keep its own memory.
 */
function forwardBatch(model: TaskModel, batch: Record<string, HostTensor>): Tensor {
  const device = deviceOf(model);
  return noGrad(() =>
    scope(() => {
      const inputs = Object.entries(batch).map(([name, { data, shape }]) => [
        name,
        tensor(data, { shape, device }),
      ]);
      const { logits, loss } = forwardForTask(model, Object.fromEntries(inputs));
      return cat(
        [taskOf(model).postprocess(logits), ...(loss ? [loss] : [])].map((part) =>
          part.reshape([-1]),
        ),
      );
    }),
  );
}

/** Groups similar lengths, so that batches have little padding. */
function sortedByLength(examples: readonly EncodedExample[]): number[] {
  return examples
    .map((_, i) => i)
    .sort((a, b) => examples[a].inputIds.length - examples[b].inputIds.length || a - b);
}
