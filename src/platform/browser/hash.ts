import type { FileSum } from '../manifest.ts';

/** Size and SHA-256 of bytes. */
export async function hashBytes(bytes: Uint8Array): Promise<FileSum> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'));
  return { bytes: bytes.length, sha256: hex.join('') };
}
