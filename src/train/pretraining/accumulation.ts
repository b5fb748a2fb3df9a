import { joinParts, shareInput } from '../trainer/accumulation.ts';
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
