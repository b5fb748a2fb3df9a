/** What a model can be pre-trained for: masked tokens (`mlm`), next sentences (`nsp`) or both. */
export const objectives = ['mlm', 'nsp', 'mlm+nsp'] as const;
/**
 * What masked tokens are compared with: predicting every token from those around it, from those
 * before it, and from those before and after it separately.
 */
export const baselines = ['cbow', 'causal', 'joined'] as const;
export type Objective = (typeof objectives)[number] | (typeof baselines)[number];
