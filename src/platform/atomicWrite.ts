export { ensureWritableFolder, recoverWrites, writeFiles } from '#platform';
export type { FileContent } from './types.ts';
