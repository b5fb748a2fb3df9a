import type { SplitAxis } from '../../device/kernel.ts';
import { alignedWindow } from '../kit/splitAxis.ts';

/**
 * y[i, m, n] = Σ_k a[i, m, k] b[i, k, n]: one kernel for all layouts, since every operand has
 * strides. `i` runs over two batch dimensions; a stride of 0 repeats an operand. Columns of y, and
 * elements of the bias, are adjacent.
 */
export const matmulParams = {
  m: 'u32',
  n: 'u32',
  k: 'u32',
  batch0: 'u32',
  batch1: 'u32',
  aRow: 'u32',
  aCol: 'u32',
  a0: 'u32',
  a1: 'u32',
  aOffset: 'u32',
  bRow: 'u32',
  bCol: 'u32',
  b0: 'u32',
  b1: 'u32',
  bOffset: 'u32',
  yRow: 'u32',
  y0: 'u32',
  y1: 'u32',
  yOffset: 'u32',
} as const;
export type MatmulParams = Record<keyof typeof matmulParams, number>;

/**
 * Which operand dimension is adjacent in memory: N is row-major, T its transpose; `strided`:
 * neither.
 */
export type Layout = 'NN' | 'NT' | 'TN' | 'strided';

export function layoutOf(p: MatmulParams): Layout {
  if (p.aCol === 1 && p.bCol === 1) return 'NN';
  if (p.aCol === 1 && p.bRow === 1) return 'NT';
  if (p.aRow === 1 && p.bCol === 1) return 'TN';
  return 'strided';
}

/** Whether both operands can be read in whole vec4s along their adjacent dimension. */
export function isVectorized(p: MatmulParams, layout: Layout): boolean {
  const aligned = (...values: number[]) => values.every((value) => value % 4 === 0);
  const batches = aligned(p.a0, p.a1, p.aOffset, p.b0, p.b1, p.bOffset, p.y0, p.y1, p.yOffset);
  if (!batches || layout === 'strided') return false;
  if (layout === 'NN') return aligned(p.k, p.aRow, p.n, p.bRow, p.yRow);
  if (layout === 'NT') return aligned(p.k, p.aRow, p.n, p.bCol, p.yRow);
  return aligned(p.m, p.aCol, p.n, p.bRow, p.yRow);
}

/** Elements of a, b and y that a kernel may touch; 0 if a size is 0. */
export const aSize = (p: MatmulParams): number =>
  p.batch0 * p.batch1 * p.m * p.k === 0
    ? 0
    : p.aOffset +
      (p.batch0 - 1) * p.a0 +
      (p.batch1 - 1) * p.a1 +
      (p.m - 1) * p.aRow +
      (p.k - 1) * p.aCol +
      1;
export const bSize = (p: MatmulParams): number =>
  p.batch0 * p.batch1 * p.k * p.n === 0
    ? 0
    : p.bOffset +
      (p.batch0 - 1) * p.b0 +
      (p.batch1 - 1) * p.b1 +
      (p.k - 1) * p.bRow +
      (p.n - 1) * p.bCol +
      1;
export const ySize = (p: MatmulParams): number =>
  p.batch0 * p.batch1 * p.m * p.n === 0
    ? 0
    : p.yOffset + (p.batch0 - 1) * p.y0 + (p.batch1 - 1) * p.y1 + (p.m - 1) * p.yRow + p.n;

/**
 * Longer sums are added up in blocks: their rounding error then hardly grows with k. The shorter
 * ones of usual layers (sizes up to 3072) take one block.
 */
const MAX_BLOCK_K = 3072;
export const isLong = (p: MatmulParams): boolean => p.k > MAX_BLOCK_K;

/** Parameters of a plain product of dense matrices, of `batch` pairs. */
export function denseMatmul(
  layout: 'NN' | 'NT' | 'TN',
  m: number,
  k: number,
  n: number,
  batch = 1,
): MatmulParams {
  const [aRow, aCol] = layout === 'TN' ? [1, m] : [k, 1];
  const [bRow, bCol] = layout === 'NT' ? [1, k] : [n, 1];
  const sizes = { m, n, k, batch0: batch, batch1: 1 };
  const a = { aRow, aCol, a0: m * k, a1: 0, aOffset: 0 };
  const b = { bRow, bCol, b0: k * n, b1: 0, bOffset: 0 };
  return { ...sizes, ...a, ...b, yRow: n, y0: m * n, y1: 0, yOffset: 0 };
}

/**
 * WGSL: splits the flat `group` into batch and tile, and computes the start of the batch's
 * matrices. Tiles that share a part of the larger operand follow each other, so that it is fetched
 * once while the smaller operand stays in a cache.
 */
export const tileStartWgsl = (tileM: number, tileN: number): string => `
  let tilesN = (p.n + ${tileN - 1}u) / ${tileN}u;
  let tilesM = (p.m + ${tileM - 1}u) / ${tileM}u;
  let batch = group / (tilesN * tilesM);
  if (batch >= p.batch0 * p.batch1) { return; }
  let i0 = batch / p.batch1;
  let i1 = batch % p.batch1;
  let aStart = p.aOffset + i0 * p.a0 + i1 * p.a1;
  let bStart = p.bOffset + i0 * p.b0 + i1 * p.b1;
  let yStart = p.yOffset + i0 * p.y0 + i1 * p.y1;
  let tileAt = group % (tilesN * tilesM);
  let isTall = p.m > p.n;
  let m0 = select(tileAt % tilesM, tileAt / tilesN, isTall) * ${tileM}u;
  let n0 = select(tileAt / tilesM, tileAt % tilesN, isTall) * ${tileN}u;`;

export const tileCount = (p: MatmulParams, tileM: number, tileN: number): number =>
  Math.ceil(p.m / tileM) * Math.ceil(p.n / tileN) * p.batch0 * p.batch1;

/**
 * Splits between matrices, rows of y, and columns of y (`minColumns` at a time), never along k:
 * sums keep their order.
 */
export function matmulSplitAxes(
  p: MatmulParams,
  alignment: number,
  minColumns: number,
): SplitAxis<MatmulParams>[] {
  const splitAlong = (
    length: 'batch0' | 'batch1' | 'm' | 'n',
    strides: { a: number; b: number; y: number },
    granularity: number,
  ) => ({
    length: p[length],
    granularity,
    slice(first: number, count: number) {
      const [a, aOffset] = alignedWindow(p.aOffset + first * strides.a, alignment);
      const [b, bOffset] = alignedWindow(p.bOffset + first * strides.b, alignment);
      const [y, yOffset] = alignedWindow(p.yOffset + first * strides.y, alignment);
      const bias = length === 'n' ? first : 0;
      return {
        params: { ...p, [length]: count, aOffset, bOffset, yOffset },
        starts: { a, b, y, preActivation: y, bias },
      };
    },
  });
  return [
    splitAlong('batch0', { a: p.a0, b: p.b0, y: p.y0 }, 1),
    splitAlong('batch1', { a: p.a1, b: p.b1, y: p.y1 }, 1),
    // Keeps vec4s whole.
    splitAlong('m', { a: p.aRow, b: 0, y: p.yRow }, p.aRow === 1 ? 4 : 1),
    splitAlong('n', { a: 0, b: p.bCol, y: 1 }, minColumns),
  ];
}
