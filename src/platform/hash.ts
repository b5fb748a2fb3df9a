/** A checksum that is computed piece by piece. Node only. */
export interface Hash {
  update(data: Uint8Array | string): this;
  digest(encoding: 'hex'): string;
}

export async function createHash(algorithm: 'sha1' | 'sha256'): Promise<Hash> {
  const crypto = await import('node:crypto');
  return crypto.createHash(algorithm);
}
