export { allowRelaxedSimd, countCores, startThread } from '#platform';
export type { Thread } from './types.ts';
