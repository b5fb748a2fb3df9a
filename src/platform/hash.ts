export { createHash } from '#platform';
export type { Hash } from './types.ts';
