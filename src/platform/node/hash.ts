import * as crypto from 'node:crypto';
import type { Hash } from '../types.ts';

/** Begins a checksum. */
export async function createHash(algorithm: 'sha1' | 'sha256'): Promise<Hash> {
  return crypto.createHash(algorithm);
}
