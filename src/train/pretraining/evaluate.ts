import { yieldToEventLoop } from '../../platform/waiting.ts';
import { noGrad, scope, type Tensor, tensor } from '../../tensor/index.ts';
import { shareWork } from '../distributed/shareWork.ts';
import { enterEvaluation } from '../trainer/evaluationMode.ts';
import { inMemory, type MemoryOptions } from '../trainer/inMemory.ts';
import { partOf } from './accumulation.ts';
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

/** How `evaluatePretraining` goes about it. */
export interface PretrainEvaluationOptions extends MemoryOptions {
  signal?: AbortSignal;
}

/**
 * Loss, perplexity and accuracy in evaluation mode. Rejects once `signal` is aborted. Where memory
 * runs out, a batch goes on in parts of half the size.
 * @example
 * const { loss, perplexity } = await evaluatePretraining(model, valid);
 */
export async function evaluatePretraining(
  model: PretrainModel,
  batches: readonly PretrainBatch[],
  { signal, onOutOfMemory, shared }: PretrainEvaluationOptions = {},
): Promise<PretrainScores> {
  const objective = objectiveOf(model);
  const sums = { tokens: 0, predicted: 0, pairs: 0, examples: 0, correct: 0 };
  const leave = enterEvaluation(model);
  try {
    const outputsOf = (batch: PretrainBatch) => partOutputs(model, batch, onOutOfMemory);
    for await (const { piece, output } of shareWork(batches, outputsOf, { shared, signal }))
      for (let [done, at] = [0, 0]; done < piece.examples; ) {
        const [examples, count, loss] = output.subarray(at, at + HEAD);
        const logits = output.subarray(at + HEAD, at + HEAD + count);
        addScores(sums, partOf(piece, done, done + examples), { loss, logits });
        done += examples;
        at += HEAD + count;
      }
  } finally {
    leave();
  }
  const tokens = objective === 'nsp' ? 0 : sums.tokens / sums.predicted;
  const pairs = usesSentencePairs(objective) ? sums.pairs / sums.examples : 0;
  return {
    loss: tokens + pairs,
    ...(objective !== 'nsp' && { perplexity: Math.exp(tokens) }),
    ...(usesSentencePairs(objective) && { accuracy: sums.correct / sums.examples }),
  };
}

/** Numbers before the logits of a part: of its examples, and of its logits; its loss. */
const HEAD = 3;

/** What the model gives for the parts of a batch: one, unless memory runs out. */
async function partOutputs(
  model: PretrainModel,
  batch: PretrainBatch,
  onOutOfMemory: MemoryOptions['onOutOfMemory'],
): Promise<Float32Array> {
  const found: number[] = [];
  let done = 0;
  await inMemory(batch.examples, { onOutOfMemory }, async (size) => {
    while (done < batch.examples) {
      const part = partOf(batch, done, Math.min(done + size, batch.examples));
      // Without a token to predict, only sentences have a loss.
      const hasLoss = part.predicted > 0 || usesSentencePairs(objectiveOf(model));
      const { loss, logits } = hasLoss ? await forward(model, part) : NOTHING;
      found.push(part.examples, logits.length, loss, ...logits);
      done += part.examples;
      // On the CPU device nothing else waits.
      await yieldToEventLoop();
    }
  });
  return Float32Array.from(found);
}

interface Outputs {
  /** 0 if nothing is to be predicted. */
  loss: number;
  /** Of the next sentence, [batch, 2]; empty if the model has none. */
  logits: Float32Array;
}

const NOTHING: Outputs = { loss: 0, logits: new Float32Array() };

function addScores(
  sums: Record<'tokens' | 'predicted' | 'pairs' | 'examples' | 'correct', number>,
  { inputs, examples, predicted }: PretrainBatch,
  { loss, logits }: Outputs,
): void {
  let rest = loss;
  if (logits.length > 0) {
    const labels = (inputs.nextSentenceLabel ?? inputs.labels).data;
    const mean = nextSentenceLoss(logits, labels);
    sums.pairs += mean * examples;
    sums.correct += labels.filter(
      (label, i) => Number(logits[2 * i + 1] > logits[2 * i]) === label,
    ).length;
    rest -= mean;
  }
  sums.tokens += predicted > 0 ? rest * predicted : 0;
  sums.predicted += predicted;
  sums.examples += examples;
}

async function forward(model: PretrainModel, { inputs }: PretrainBatch): Promise<Outputs> {
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
      return [...(logits ? [logits] : []), ...(output.loss ? [output.loss] : [])];
    }),
  );
  const values = await Promise.all(
    outputs.map((values) => values.data().finally(() => values.dispose())),
  );
  const logits = values.find(({ length }) => length > 1) as Float32Array | undefined;
  const loss = values.find(({ length }) => length === 1)?.[0] ?? 0;
  return { ...NOTHING, loss, ...(logits && { logits }) };
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
