import type { FileSum } from '../manifest.ts';
import type { Hash } from '../types.ts';

/** Size and SHA-256 of bytes. */
export async function hashBytes(bytes: Uint8Array): Promise<FileSum> {
  const sha256 = await new BytesHash('SHA-256').update(bytes).digest();
  return { bytes: bytes.length, sha256 };
}

/** Bytes in memory before the browser is left to keep them, on a disk if they are many. */
const MOST_BYTES = 1 << 26;

/** A checksum of bytes that are kept until it is asked for: browsers compute it of the whole. */
export class BytesHash implements Hash {
  readonly #algorithm: string;
  #pieces: BlobPart[] = [];
  #bytes = 0;

  constructor(algorithm: 'SHA-1' | 'SHA-256') {
    this.#algorithm = algorithm;
  }

  update(data: Uint8Array | string): this {
    // A copy: the memory may be written to again, and other threads may see it.
    this.#pieces.push(typeof data === 'string' ? data : Uint8Array.from(data));
    this.#bytes += data.length;
    if (this.#bytes > MOST_BYTES) {
      this.#pieces = [new Blob(this.#pieces)];
      this.#bytes = 0;
    }
    return this;
  }

  async digest(): Promise<string> {
    const bytes = await new Blob(this.#pieces).arrayBuffer();
    const digest = await crypto.subtle.digest(this.#algorithm, bytes);
    const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'));
    return hex.join('');
  }
}
