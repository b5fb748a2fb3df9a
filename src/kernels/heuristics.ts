import { windowAlignment } from '../device/splitLaunch.ts';
import type { Traits } from '../device/traits.ts';
import type { MatmulParams } from './matmul/shape.ts';

/**
 * How operations divide their work and which kernels they take, by adapter and sizes. Tensors pass
 * an adapter's traits on to these functions and decide nothing from them.
 */

/**
 * Elements of a column that one lane reduces before the work is divided. A software adapter has few
 * lanes, and a launch costs it as much as hundreds of elements. Rule of thumb, not measured.
 */
export const columnChunk = ({ software }: Traits): number => (software ? 2048 : 64);
/** Elements of a row that one team of lanes reduces. Rule of thumb, not measured. */
const ROW_CHUNK = 4096;
/** Results that keep an adapter busy without dividing the work. Rule of thumb, not measured. */
const MIN_PARALLEL_RESULTS = 4096;

const roundDown = (n: number, step: number) => Math.floor(n / step) * step;

/** How a reduction of [outer, n, inner] over n is divided: `chunks` parts of `size` elements. */
export function reductionChunks(
  traits: Traits,
  outer: number,
  n: number,
  inner: number,
): { size: number; chunks: number } {
  const fits = outer * n * inner * 4 <= traits.maxBinding;
  const maxChunk = inner === 1 ? ROW_CHUNK : columnChunk(traits);
  // An input larger than a binding is split between chunks: they start where bindings may.
  const step = windowAlignment(traits);
  const size = fits
    ? maxChunk
    : Math.max(step, Math.min(maxChunk, roundDown(traits.maxBinding / (4 * inner), step)));
  const chunks = Math.ceil(n / size);
  const isWhole = chunks <= 1 || (fits && outer * inner >= MIN_PARALLEL_RESULTS);
  return isWhole ? { size: n, chunks: 1 } : { size, chunks };
}

/**
 * Largest k of one product launch; a longer one is split and added up. The limit is exact, not
 * tuned: one row of a, or four columns of b, must fit one binding.
 */
export function maxInnerSize({ k, aRow, aCol, bRow, bCol }: MatmulParams, traits: Traits): number {
  const maxElements = Math.floor(traits.maxBinding / 4) - windowAlignment(traits);
  const fittingK = (least: number, along: number) => Math.floor((maxElements - least) / along);
  const maxK = Math.min(fittingK(aRow === 1 ? 4 : 1, aCol), fittingK(4 * bCol, bRow));
  return maxK >= k ? k : Math.max(4, maxK - (maxK % 4));
}

/**
 * Strides of the operands as the fast variants of a product prefer them: the stride of a dimension
 * of size 1 is never taken, so it may be any. Follows from `layoutOf`, not from a measurement.
 */
export function preferredStrides(
  { m, n, k }: Pick<MatmulParams, 'm' | 'n' | 'k'>,
  [aRow, aCol]: readonly number[],
  [bRow, bCol]: readonly number[],
): Pick<MatmulParams, 'aRow' | 'aCol' | 'bRow' | 'bCol'> {
  return {
    aRow: m === 1 && aCol === 1 ? k : aRow,
    aCol: k === 1 && aRow !== 1 ? 1 : aCol,
    bRow: k === 1 && bCol === 1 ? n : bRow,
    bCol: n === 1 && bRow !== 1 ? 1 : bCol,
  };
}

/**
 * Longest rows of scores that a software adapter recomputes for a gradient as fast as it reads them
 * back. Compared on a software adapter with subgroups of 8 lanes.
 */
const MAX_RECOMPUTED_KEYS = 48;
/**
 * The fused kernels add up key after key. Products add up long rows in blocks, and lose fewer
 * digits.
 */
const MAX_FUSED_LENGTH = 2048;

/**
 * Whether the fused kernels of attention are the faster ones. On GPUs memory is the limit. On
 * processors arithmetic is, and the fused kernels compute seven products for the gradients instead
 * of four. There they pay off without gradients, and for short rows, where fewer launches and less
 * memory make up for it, but not in plain JavaScript.
 */
export const prefersFusedAttention = (
  { kind, traits }: { kind: string; traits: Traits },
  { length, keys }: { length: number; keys: number },
  needsGrad: boolean,
): boolean => {
  if (!traits.software) return true;
  if (Math.max(length, keys) > MAX_FUSED_LENGTH) return false;
  return !needsGrad || (kind === 'webgpu' && keys <= MAX_RECOMPUTED_KEYS);
};

/**
 * Rows of a weight between two possible starts of a part: whole tiles of a product. Rule of thumb.
 */
const CLASS_ALIGNMENT = 64;

/**
 * How many classes one part of `linearCrossEntropy` takes at most, and the alignment of its start.
 * The byte limits are exact: logits and their gradient within `maxLogitsBytes`, bindings in one.
 */
export function classChunkLimits(
  traits: Traits,
  { rows, size }: { rows: number; size: number },
  maxLogitsBytes: number,
): { maxCols: number; alignment: number } {
  const maxBindingCols = traits.maxBinding / (4 * Math.max(rows, size));
  return {
    maxCols: Math.min(maxLogitsBytes / (8 * rows), maxBindingCols),
    // A part starts where a binding to the bias may.
    alignment: maxBindingCols < CLASS_ALIGNMENT ? windowAlignment(traits) : CLASS_ALIGNMENT,
  };
}
