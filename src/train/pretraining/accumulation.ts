import { joinParts, rowsOf, shareInput } from '../trainer/accumulation.ts';
import type { PretrainBatch } from './objective.ts';

/**
 * A batch of several parts, each with its shares of the loss: `lossShare` of the predicted tokens
 * (without such, of the examples), and beside tokens `sentenceShare` of the examples. Parts
 * without a token to predict go, or keep their sentences alone.
 */
export function joinBatches(parts: readonly PretrainBatch[]): PretrainBatch {
  if (parts.length === 1) return parts[0];
  const sum = (field: 'examples' | 'tokens' | 'predicted') =>
    parts.reduce((total, part) => total + part[field], 0);
  const totals = { examples: sum('examples'), tokens: sum('tokens'), predicted: sum('predicted') };
  const labelled = totals.predicted > 0 ? 'predicted' : 'examples';
  const inputs = parts.flatMap((part) => {
    const lossShare = shareInput(part[labelled] / totals[labelled]);
    const hasLabels = part[labelled] > 0;
    if (!('nextSentenceLabel' in part.inputs))
      return hasLabels ? [{ ...part.inputs, lossShare }] : [];
    const sentenceShare = shareInput(part.examples / totals.examples);
    const { labels, labelPositions, ...rest } = part.inputs;
    return hasLabels
      ? [{ ...part.inputs, lossShare, sentenceShare }]
      : [{ ...rest, lossShare, sentenceShare }];
  });
  return { ...totals, inputs: joinParts(inputs) };
}

/**
 * Examples `begin` to `end` of a batch. Without a token to predict, only sentences are left to
 * learn from.
 */
export function partOf(batch: PretrainBatch, begin: number, end: number): PretrainBatch {
  if (begin === 0 && end === batch.examples) return batch;
  const { labels, labelPositions, ...rest } = batch.inputs;
  const examples = end - begin;
  const inputs = rowsOf(rest, begin, end);
  const tokens = Array.from(inputs.attentionMask.data).reduce((sum, bit) => sum + bit, 0);
  const counts = { examples, tokens };
  if (!labelPositions) {
    // Baselines predict each token, or each but one of a text.
    const perText = (batch.tokens - batch.predicted) / batch.examples;
    const predicted = batch.predicted === 0 ? 0 : tokens - perText * examples;
    return { ...counts, predicted, inputs: { ...inputs, ...rowsOf({ labels }, begin, end) } };
  }
  const [from, to] = [begin, end].map((row) => row * batch.inputs.inputIds.shape[1]);
  const places = [...labelPositions.data.keys()].filter(
    (i) => labelPositions.data[i] >= from && labelPositions.data[i] < to,
  );
  const column = (values: number[]) => ({ data: Int32Array.from(values), shape: [values.length] });
  const here = places.map((i) => labels.data[i]);
  const predicted = here.filter((label) => label >= 0).length;
  if (predicted === 0) return { ...counts, predicted, inputs };
  const positions = places.map((i) => labelPositions.data[i] - from);
  return {
    ...counts,
    predicted,
    inputs: { ...inputs, labels: column(here), labelPositions: column(positions) },
  };
}
