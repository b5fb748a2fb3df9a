import { pool } from '../../bert/heads/pooling.ts';
import type { BertModel } from '../../bert/model.ts';
import type { SentenceSettings } from '../../formats/sentenceFolder.ts';
import { cosineSimilarity, type Tensor } from '../../tensor/index.ts';
import { regression } from './regression.ts';
import { cosentLoss } from './similarityLosses.ts';
import type { Task } from './task.ts';

/**
 * How alike two texts are: the cosine of their vectors, each of which is made of its text alone
 * (Reimers and Gurevych 2019, arXiv 1908.10084, §3). Scores of any range are only ranked.
 */
export const similarity: Task = {
  ...regression,
  name: 'similarity',
  problemType: null,
  labelColumns: ['score', 'similarity', 'label', 'labels', 'gold_label', 'target', 'y'],
};

/** How models make vectors, if it is not the mean. */
const settingsOf = new WeakMap<BertModel, SentenceSettings>();

/** How a model makes the vector of a text: what its folder says, else the mean over the tokens. */
export const sentenceSettings = (model: BertModel): SentenceSettings =>
  settingsOf.get(model) ?? { pooling: 'mean', normalize: false };

export function setSentenceSettings(
  model: BertModel,
  settings: SentenceSettings | undefined,
): void {
  if (settings) settingsOf.set(model, settings);
}

/**
 * Vectors of the texts of pairs, [pairs, hidden] each.
 * @param inputs ids, mask and types of [pairs, 2, length]
 */
export function pairVectors(model: BertModel, inputs: Record<string, Tensor>): [Tensor, Tensor] {
  const [pairs, , length] = inputs.inputIds.shape;
  const flat = Object.entries(inputs).map(
    ([name, values]) => [name, values.reshape([2 * pairs, length])] as const,
  );
  const { attentionMask, ...rest } = Object.fromEntries(flat);
  const { lastHiddenState } = model.forward({ ...rest, attentionMask } as never);
  const { pooling } = sentenceSettings(model);
  const vectors = pool(lastHiddenState, attentionMask, pooling).reshape([pairs, 2, -1]);
  return [vectors.select(1, 0), vectors.select(1, 1)];
}

/** Cosines of pairs, [pairs, 1], and with scores, [pairs], the CoSENT loss. */
export function forwardPairs(
  model: BertModel,
  { labels, ...inputs }: Record<string, Tensor>,
): { loss?: Tensor; logits: Tensor } {
  const [first, second] = pairVectors(model, inputs);
  const cosines = cosineSimilarity(first, second, -1);
  return { loss: labels && cosentLoss(cosines, labels), logits: cosines.unsqueeze(1) };
}
