import { type AttentionParams, keepWords } from './shape.ts';

/** One query row of one head: where its data starts in each tensor. */
export interface QueryRow {
  /** Batch and position of the row. */
  b: number;
  r: number;
  h: number;
  /** Number of the row in [batch, length, heads]. */
  row: number;
  qAt: number;
  kStart: number;
  vStart: number;
  /** First word of the row's `keepBits`. */
  keepAt: number;
}

/** Calls `visit` for each query row of each head, in the order of memory of the scores. */
export function forEachQueryRow(p: AttentionParams, visit: (query: QueryRow) => void): void {
  const { batch, heads, length, keys } = p;
  const words = keepWords(keys);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const start = ([batchStride, head, , offset]: readonly number[]) =>
        b * batchStride + h * head + offset;
      const [qStart, kStart, vStart] = [start(p.q), start(p.k), start(p.v)];
      for (let r = 0; r < length; r++) {
        const row = (b * length + r) * heads + h;
        const keepAt = ((b * heads + h) * length + r) * words;
        visit({ b, h, r, row, qAt: qStart + r * p.q[2], kStart, vStart, keepAt });
      }
    }
  }
}

/** Whether the bit of key c says that dropout drops its probability. */
export const isDropped = (keepBits: Uint32Array, keepAt: number, c: number): boolean =>
  ((keepBits[keepAt + (c >>> 5)] >>> (c & 31)) & 1) === 0;
