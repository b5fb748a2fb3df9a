import type { ParamValues } from '../../device/kernel.ts';

/**
 * Parameters of the kernels of attention: y = dropout(softmax(scale q kᵀ + mask)) v. q: [batch,
 * heads, length, size], k and v: [batch, heads, keys, size], each read in place by its strides,
 * given as [batch, head, row, offset]; mask: [masks, keys], where `masks` is 1 or `batch`. The
 * scores, [batch, heads, length, keys], are never stored. Results and their gradients hold the
 * heads side by side: [batch, length, heads, size]. `keepScale` is 1 / (1 - rate); if it is 1,
 * nothing is dropped and `keepBits` is not read. With `causal` 1, query row r sees only keys 0 to
 * r, whatever the mask; with 0 it sees all keys.
 */
export const attentionParams = {
  q: 'dims',
  k: 'dims',
  v: 'dims',
  batch: 'u32',
  heads: 'u32',
  length: 'u32',
  keys: 'u32',
  size: 'u32',
  masks: 'u32',
  causal: 'u32',
  scale: 'f32',
  keepScale: 'f32',
} as const;
export type AttentionParams = ParamValues<typeof attentionParams>;

/** The largest `size` that the kernels support; it must be a multiple of 4. */
export const MAX_HEAD_SIZE = 128;

/** Words of one row of `keepBits`. */
export const keepWords = (keys: number): number => Math.ceil(keys / 32);

const viewExtent = (
  [batch, head, row, offset]: readonly number[],
  p: AttentionParams,
  rows: number,
): number => offset + (p.batch - 1) * batch + (p.heads - 1) * head + (rows - 1) * row + p.size;
export const qSize = (p: AttentionParams): number => viewExtent(p.q, p, p.length);
export const kSize = (p: AttentionParams): number => viewExtent(p.k, p, p.keys);
export const vSize = (p: AttentionParams): number => viewExtent(p.v, p, p.keys);
export const maskSize = (p: AttentionParams): number => p.masks * p.keys;
export const keepBitsSize = (p: AttentionParams): number =>
  p.keepScale === 1 ? 0 : rowCount(p) * keepWords(p.keys);
export const rowCount = (p: AttentionParams): number => p.batch * p.heads * p.length;

/** Number of keys that query row r sees, from the first on. */
export const visibleKeys = (r: number, { causal, keys }: AttentionParams): number =>
  causal ? Math.min(r + 1, keys) : keys;
/** Number of scores. */
export const scoreCount = (p: AttentionParams): number => {
  const corner = p.causal ? Math.min(p.length, p.keys) : 0;
  return p.batch * p.heads * ((corner * (corner + 1)) / 2 + (p.length - corner) * p.keys);
};

/**
 * Elements between the starts of the gradients of k and v, which follow each other: a multiple of
 * 256 bytes, so that each can be bound alone on any adapter.
 */
export const keyGradientSize = (p: AttentionParams): number =>
  Math.ceil((p.batch * p.keys * p.heads * p.size) / 64) * 64;

/** Parameters for dense tensors with their heads side by side, as BERT's are. */
export function denseAttention(
  [batch, heads, length, keys, size]: readonly [number, number, number, number, number],
  { keepScale = 1, masks = batch, causal = 0 } = {},
): AttentionParams {
  const strides = (rows: number) => [rows * heads * size, size, heads * size, 0, 0, 0, 0, 0];
  const [q, k, v] = [strides(length), strides(keys), strides(keys)];
  return {
    q,
    k,
    v,
    batch,
    heads,
    length,
    keys,
    size,
    masks,
    causal,
    scale: 1 / Math.sqrt(size),
    keepScale,
  };
}

/**
 * Cases for tests and benchmarks: odd and usual sizes, with and without dropout, causal and not.
 */
export const attentionCases: AttentionParams[] = [
  denseAttention([2, 3, 19, 13, 12], { masks: 1 }),
  denseAttention([1, 2, 35, 70, 36], { keepScale: 2 }),
  denseAttention([2, 2, 7, 33, 128], { keepScale: 1.25, masks: 1 }),
  denseAttention([2, 2, 71, 71, 12], { causal: 1 }),
  denseAttention([1, 2, 70, 35, 36], { causal: 1, keepScale: 2 }),
  denseAttention([1, 2, 19, 40, 68], { causal: 1, masks: 1 }),
  denseAttention([32, 12, 40, 40, 64], { keepScale: 1 / 0.9 }),
  denseAttention([4, 12, 128, 128, 64]),
];

/**
 * WGSL: splits the flat `group` into batch `b`, head `h` and `first`, the first of its `tile` rows
 * out of `rows`.
 */
export const headAndTileWgsl = (rows: string, tile: number): string => `
  let tiles = (${rows} + ${tile - 1}u) / ${tile}u;
  let b = group / tiles / p.heads;
  if (b >= p.batch) { return; }
  let h = group / tiles % p.heads;
  let first = group % tiles * ${tile}u;
  let qStart = (b * p.q[0].x + h * p.q[0].y + p.q[0].w) / 4u;
  let kStart = (b * p.k[0].x + h * p.k[0].y + p.k[0].w) / 4u;
  let vStart = (b * p.v[0].x + h * p.v[0].y + p.v[0].w) / 4u;
  let qStep = p.q[0].z / 4u;
  let kStep = p.k[0].z / 4u;
  let vStep = p.v[0].z / 4u;
  let maskStart = b % p.masks * p.keys;
  let keepStart = (b * p.heads + h) * p.length * ((p.keys + 31u) / 32u);`;

export const workgroupsFor = (p: AttentionParams, rows: number, tile: number): number =>
  p.batch * p.heads * Math.ceil(rows / tile);
