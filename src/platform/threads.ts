export { allowRelaxedSimd, canShareMemory, countCores, startThread } from '#platform';
export type { Thread } from './types.ts';
