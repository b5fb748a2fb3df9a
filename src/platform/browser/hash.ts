import { joinBytes } from '../joinBytes.ts';
import type { FileSum } from '../manifest.ts';
import type { Hash } from '../types.ts';

/** Size and SHA-256 of bytes that no other thread sees. */
export async function hashBytes(bytes: Uint8Array): Promise<FileSum> {
  const own = bytes as Uint8Array<ArrayBuffer>;
  return { bytes: bytes.length, sha256: await hexDigest('SHA-256', own) };
}

/** Bytes in memory before the browser is left to keep them, on a disk if they are many. */
const MOST_BYTES = 1 << 26;

type Algorithm = 'SHA-1' | 'SHA-256';

/** A checksum of bytes that are kept until it is asked for: browsers compute it of the whole. */
export class BytesHash implements Hash {
  readonly #algorithm: Algorithm;
  readonly #kept: Blob[] = [];
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;

  constructor(algorithm: Algorithm) {
    this.#algorithm = algorithm;
  }

  update(data: Uint8Array | string): this {
    // A copy: the memory may be written to again, and other threads may see it.
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data.slice();
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > MOST_BYTES) {
      this.#kept.push(new Blob(this.#pieces));
      this.#pieces = [];
      this.#bytes = 0;
    }
    return this;
  }

  async digest(): Promise<string> {
    const { length } = this.#kept;
    // Blobs go through another process, which is slow.
    const bytes = length
      ? await new Blob([...this.#kept, ...this.#pieces]).arrayBuffer()
      : joinBytes(this.#pieces);
    return hexDigest(this.#algorithm, bytes);
  }
}

async function hexDigest(algorithm: Algorithm, bytes: BufferSource): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest(algorithm, bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
