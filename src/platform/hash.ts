export { createHash, hashFile } from '#platform';
export type { Hash } from './types.ts';
