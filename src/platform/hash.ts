import { createHash } from '#platform';

export { createHash, hashFile } from '#platform';
export type { Hash } from './types.ts';

/** SHA-256 of a value as JSON. */
export async function hashJson(value: object): Promise<string> {
  const hash = await createHash('sha256');
  return hash.update(JSON.stringify(value)).digest('hex');
}
