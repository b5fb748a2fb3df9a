import { cat, type HostTensor, noGrad, scope, type Tensor, tensor } from '../../tensor/index.ts';
import { collate, collateInputs, type EncodedExample } from '../data/batch.ts';
import { poolWindows, windowsOf } from '../data/documents.ts';
import { batches } from '../data/split.ts';
import { shareWork } from '../distributed/shareWork.ts';
import type { Label } from '../tasks/task.ts';
import { deviceOf, forwardForTask, type TaskModel, taskOf } from '../tasks/taskModel.ts';
import { checkFiniteOutputs } from './checks.ts';
import { enterEvaluation } from './evaluationMode.ts';
import { resolveExamples, type TrainingExample } from './examples.ts';
import { inMemory, type MemoryOptions } from './inMemory.ts';

/** Loss and predictions of a model on examples. */
export interface Evaluation {
  /**
   * Mean over the examples (for tags, over all tagged words; for documents, over their windows);
   * NaN without labels.
   */
  loss: number;
  /** Each example's label, in the form of `EncodedExample`'s. */
  predictions: Label[];
  /**
   * One row per example: a probability per class or label; for tags, token by token; or the score.
   * For a document of several windows, their mean.
   */
  probabilities: number[][];
  /**
   * What the model gives before they become probabilities, if `logits` was set. For a document of
   * several windows, logits that give its probabilities.
   */
  logits?: number[][];
}

/** How `evaluateExamples` goes about it. */
export interface EvaluationOptions extends MemoryOptions {
  signal?: AbortSignal;
  /** Receives the number of examples done. */
  onBatch?: (done: number) => void;
  /** Whether to give the logits too. Default false. */
  logits?: boolean;
  /** What logits are divided by before they become probabilities. Default 1. */
  temperature?: number;
}

/** Batches of each process sent ahead of the one that is read back. */
const MAX_PENDING_BATCHES = 2;

/**
 * Runs a model over examples in evaluation mode; results are in the order of the examples. Where
 * memory runs out, it goes on with batches of half the size.
 * @throws UsageError for a text that is not encoded, or a label that the model does not have;
 * NotFiniteError when outputs are not finite; the reason of `signal` if it is aborted.
 * @example
 * const { loss, predictions } = await evaluateExamples(model, examples, 32);
 */
export async function evaluateExamples(
  model: TaskModel,
  given: readonly TrainingExample[],
  batchSize: number,
  { shared, signal, onBatch, onOutOfMemory, temperature, ...asked }: EvaluationOptions = {},
): Promise<Evaluation> {
  const documents = resolveExamples(model, given, 'examples');
  const examples = documents.flatMap(windowsOf<EncodedExample>);
  const hasWindows = examples.length > documents.length;
  // The temperature of a document is that of its own logits, not of its windows'.
  const wanted = hasWindows ? { logits: true } : { ...asked, temperature };
  const givesLogits = wanted.logits === true;
  const leave = enterEvaluation(model);
  const task = taskOf(model);
  const { padTokenId, maxPositionEmbeddings, numLabels } = model.config;
  const labelled = examples.every(({ label }) => label !== undefined);
  const predictions: Label[] = Array(examples.length);
  const probabilities: number[][] = Array(examples.length);
  const logits: number[][] = Array(examples.length);
  const total = { loss: 0, weight: 0 };
  let done = 0;
  const collect = (rows: readonly number[], outputs: Float32Array) => {
    const all = (outputs.length - (labelled ? 1 : 0)) / (givesLogits ? 2 : 1);
    const width = all / rows.length;
    rows.forEach((row, i) => {
      const length = task.outputsPerToken ? examples[row].inputIds.length * numLabels : width;
      const output = outputs.subarray(i * width, i * width + length);
      checkFiniteOutputs(output);
      predictions[row] = task.predictionOf(output, numLabels);
      probabilities[row] = Array.from(output);
      if (givesLogits)
        logits[row] = Array.from(outputs.subarray(all + i * width, all + i * width + length));
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
    const order = sortedByLength(examples);
    const outputsOf = (rows: readonly number[]) => {
      const inBatch = rows.map((row) => examples[row]);
      const batch = labelled
        ? collate(inBatch, padTokenId, maxPositionEmbeddings, task)
        : collateInputs(inBatch, padTokenId, maxPositionEmbeddings);
      return readOutputs(forwardBatch(model, batch, wanted));
    };
    const options = { shared, signal, ahead: MAX_PENDING_BATCHES };
    await inMemory(batchSize, { onOutOfMemory, shared }, async (size) => {
      const work = shareWork(batches(order.slice(done), size), outputsOf, options);
      for await (const { piece, output } of work) collect(piece, output);
    });
  } finally {
    leave();
  }
  const loss = labelled ? total.loss / total.weight : Number.NaN;
  if (hasWindows)
    return {
      loss,
      ...(await pool(model, documents, { probabilities, logits }, { temperature, ...asked })),
    };
  return { loss, predictions, probabilities, ...(givesLogits && { logits }) };
}

/** What the windows of documents say of them: a text's label stays, whatever the temperature. */
async function pool(
  model: TaskModel,
  documents: readonly EncodedExample[],
  windows: { probabilities: number[][]; logits: number[][] },
  { logits: givesLogits, temperature }: EvaluationOptions,
): Promise<Omit<Evaluation, 'loss'>> {
  const task = taskOf(model);
  const means = poolWindows(documents, windows.probabilities);
  const ownLogits = poolWindows(documents, windows.logits);
  const logits = means.map((row, i) =>
    documents[i].overflow && task.logitOf ? row.map(task.logitOf) : ownLogits[i],
  );
  return {
    predictions: means.map((row) => task.predictionOf(Float32Array.from(row), row.length)),
    probabilities:
      temperature === undefined ? means : await atTemperature(model, logits, temperature),
    ...(givesLogits && { logits }),
  };
}

/** The probabilities of logits that are divided by a temperature. */
async function atTemperature(
  model: TaskModel,
  logits: readonly number[][],
  temperature: number,
): Promise<number[][]> {
  const outputs = await readOutputs(
    noGrad(() =>
      scope(() => {
        const scaled = tensor(logits, { device: deviceOf(model) }).div(temperature);
        return taskOf(model).postprocess(scaled);
      }),
    ),
  );
  const width = logits[0].length;
  return logits.map((_, i) => Array.from(outputs.subarray(i * width, (i + 1) * width)));
}

const readOutputs = (outputs: Tensor): Promise<Float32Array> =>
  outputs.data().finally(() => outputs.dispose()) as Promise<Float32Array>;

/**
 * The output of each example of a batch, its logits if asked for, then the mean loss if there are
 * labels. Not captured, since each shape would keep its own memory.
 */
function forwardBatch(
  model: TaskModel,
  batch: Record<string, HostTensor>,
  { logits: givesLogits, temperature }: EvaluationOptions,
): Tensor {
  const device = deviceOf(model);
  return noGrad(() =>
    scope(() => {
      const inputs = Object.entries(batch).map(([name, { data, shape }]) => [
        name,
        tensor(data, { shape, device }),
      ]);
      const { logits, loss } = forwardForTask(model, Object.fromEntries(inputs));
      const scaled = temperature === undefined ? logits : logits.div(temperature);
      const outputs = [taskOf(model).postprocess(scaled), ...(givesLogits ? [logits] : [])];
      return cat([...outputs, ...(loss ? [loss] : [])].map((part) => part.reshape([-1])));
    }),
  );
}

/** Groups similar lengths, so that batches have little padding. */
function sortedByLength(examples: readonly EncodedExample[]): number[] {
  return examples
    .map((_, i) => i)
    .sort((a, b) => examples[a].inputIds.length - examples[b].inputIds.length || a - b);
}
