import type { BertForSequenceClassification } from '../bert/sequenceClassification.ts';
import { crossEntropy, type HostTensor, noGrad, scope, tensor } from '../tensor/index.ts';
import { collate, type EncodedExample } from './batch.ts';
import { batches } from './split.ts';

export interface Evaluation {
  /** Mean cross-entropy; NaN for examples without labels. */
  loss: number;
  predictions: number[];
  /** A row of class probabilities for each example. */
  probabilities: number[][];
}

/** Batches sent ahead of the one that is read back. */
const AHEAD = 2;

/**
 * Runs a model over examples, in evaluation mode, in their order.
 * `signal` ends it early with an AbortError; `onBatch` hears how many examples are done.
 */
export async function evaluate(
  model: BertForSequenceClassification,
  examples: readonly EncodedExample[],
  batchSize: number,
  { signal, onBatch }: { signal?: AbortSignal; onBatch?: (done: number) => void } = {},
): Promise<Evaluation> {
  const wasTraining = model.training;
  model.eval();
  const order = byLength(examples);
  const labelled = examples.every(({ label }) => label >= 0);
  const probabilities: number[][] = Array(examples.length);
  const { device } = model.classifier.weight;
  const { padTokenId, maxPositionEmbeddings } = model.config;
  let loss = 0;
  let done = 0;
  const pending: { rows: number[]; values: Promise<ArrayLike<number>[]> }[] = [];
  const collect = async () => {
    const { rows, values } = pending.shift()!;
    const [probs, losses] = await values;
    const classes = probs.length / rows.length;
    rows.forEach((row, i) => {
      probabilities[row] = Array.from({ length: classes }, (_, c) => probs[i * classes + c]);
    });
    if (losses) loss += losses[0];
    onBatch?.((done += rows.length));
  };
  try {
    for (const rows of batches(order, batchSize)) {
      signal?.throwIfAborted();
      const results = noGrad(() =>
        scope(() => {
          const batch = collate(
            rows.map((row) => examples[row]),
            padTokenId,
            maxPositionEmbeddings,
          );
          const toTensor = ({ data, shape }: HostTensor) => tensor(data, { shape, device });
          const labels = toTensor(batch.labels);
          const inputs = {
            inputIds: toTensor(batch.inputIds),
            attentionMask: toTensor(batch.attentionMask),
            tokenTypeIds: toTensor(batch.tokenTypeIds),
          };
          const { logits } = model.forward(inputs);
          return [logits.softmax(-1), ...(labelled ? [crossEntropy(logits, labels, { reduction: 'sum' })] : [])];
        }),
      );
      pending.push({ rows, values: Promise.all(results.map((t) => t.data().finally(() => t.dispose()))) });
      if (pending.length > AHEAD) await collect();
    }
    while (pending.length > 0) await collect();
  } finally {
    await Promise.allSettled(pending.map(({ values }) => values));
    model.train(wasTraining);
  }
  const predictions = probabilities.map((row) => row.indexOf(Math.max(...row)));
  return { loss: labelled ? loss / examples.length : Number.NaN, predictions, probabilities };
}

/** Like lengths together, so that little of a batch is padding. */
function byLength(examples: readonly EncodedExample[]): number[] {
  return examples.map((_, i) => i).sort((a, b) => examples[a].inputIds.length - examples[b].inputIds.length || a - b);
}
