/** Losses of pairs of texts that are compared by the cosine of their vectors. */
export const similarityLosses = ['cosent', 'cosine', 'multiple-negatives'] as const;
export type SimilarityLossName = (typeof similarityLosses)[number];
