import * as crypto from 'node:crypto';
import type { Hash } from '../types.ts';
import { openRandomAccess } from './readFiles.ts';

/** Begins a checksum. */
export async function createHash(algorithm: 'sha1' | 'sha256'): Promise<Hash> {
  return crypto.createHash(algorithm);
}

/** Bytes that are read at a time. */
const CHUNK = 1 << 22;

/**
 * Size and SHA-256 of a file.
 * @throws UsageError when it cannot be read, or is changed meanwhile.
 */
export async function hashFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const file = await openRandomAccess(path);
  const hash = await createHash('sha256');
  for (let begin = 0; begin < file.size; begin += CHUNK)
    hash.update(file.read(begin, Math.min(begin + CHUNK, file.size)));
  return { bytes: file.size, sha256: await hash.digest('hex') };
}
