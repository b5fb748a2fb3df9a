import type { Constants, Kernel } from '../kernel.ts';
import type { Pipeline } from './pipelines.ts';
import type { UniformSlot } from './uniforms.ts';

/** What all launches of a kernel with the same parameters share. */
export interface Signature {
  /** The parameters, packed. */
  readonly words: Uint32Array;
  readonly constants: Constants;
  /** Bytes that the launch may touch of each buffer. */
  readonly sizes: readonly number[];
  /** Workgroups. */
  readonly grid: { x: number; y: number };
  readonly pipeline: Pipeline;
  readonly slot: UniformSlot;
}

/** Signatures by kernel and a hash of the parameters; the later of two with one hash stays. */
export class SignatureCache {
  readonly #byKernel = new Map<Kernel, Map<number, Signature>>();

  get(kernel: Kernel, words: Uint32Array): Signature | undefined {
    const signature = this.#byKernel.get(kernel)?.get(hashOf(words));
    return signature && isEqual(signature.words, words) ? signature : undefined;
  }

  set(kernel: Kernel, signature: Signature): void {
    let signatures = this.#byKernel.get(kernel);
    if (!signatures) this.#byKernel.set(kernel, (signatures = new Map()));
    signatures.set(hashOf(signature.words), signature);
  }

  clear(): void {
    this.#byKernel.clear();
  }
}

/** FNV-1a over words. */
function hashOf(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 0x01000193);
  return hash;
}

function isEqual(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
