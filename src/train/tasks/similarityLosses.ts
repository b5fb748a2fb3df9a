import {
  arange,
  cat,
  cosineSimilarity,
  crossEntropy,
  matmul,
  mseLoss,
  noGrad,
  normalize,
  type Tensor,
  zeros,
} from '../../tensor/index.ts';

/** Losses of pairs of texts by the cosine of their vectors. */

/** What cosines are multiplied by, as in sentence-transformers. */
const SCALE = 20;
/** Far above any scaled cosine. */
const MASKED = 1e12;

/**
 * CoSENT: a pair with a higher score is to have a higher cosine (Jianlin Su 2022,
 * https://kexue.fm/archives/8847): log(1 + Σ exp(20 (cosᵢ - cosⱼ))) over all pairs i, j of a batch
 * where i has the lower score.
 * @param cosines [pairs]
 * @param scores [pairs]
 */
export function cosentLoss(cosines: Tensor, scores: Tensor): Tensor {
  const scaled = cosines.mul(SCALE);
  const differences = scaled.unsqueeze(1).sub(scaled.unsqueeze(0));
  const excluded = noGrad(() => {
    const isLower = scores.unsqueeze(1).lt(scores.unsqueeze(0)).toFloat();
    return isLower.sub(1).mul(MASKED);
  });
  const terms = differences.add(excluded).reshape([-1]);
  return cat([zeros([1], { device: cosines.device }), terms]).logsumexp(0);
}

/** The range of the scores of the data that is trained on. */
export interface ScoreRange {
  lowest: number;
  highest: number;
}

/** Squared difference of cosines and scores, which are brought to 0 to 1. */
export function cosineLoss(
  [first, second]: readonly [Tensor, Tensor],
  scores: Tensor,
  { lowest, highest }: ScoreRange,
): Tensor {
  const target = noGrad(() => scores.sub(lowest).div(highest - lowest || 1));
  return mseLoss(cosineSimilarity(first, second, -1), target);
}

/**
 * Multiple negatives ranking: of all second texts of a batch, the pair's own is the right one
 * (Henderson et al. 2017, arXiv 1705.00652, §4.4). Pairs whose score is in the lower half of the
 * range have no right one: their second texts are only wrong ones of the others.
 */
export function multipleNegativesLoss(
  [first, second]: readonly [Tensor, Tensor],
  scores: Tensor,
  { lowest, highest }: ScoreRange,
): Tensor {
  const [pairs] = scores.shape;
  const cosines = matmul(normalize(first, 2, -1), normalize(second, 2, -1).transpose(0, 1)).mul(
    SCALE,
  );
  const own = arange(0, pairs, { device: scores.device });
  const losses = crossEntropy(cosines, own, { reduction: 'none' });
  const isPositive = noGrad(() => scores.ge((lowest + highest) / 2).toFloat());
  const count = noGrad(() => isPositive.sum().clamp(1));
  return losses.mul(isPositive).sum().div(count);
}
