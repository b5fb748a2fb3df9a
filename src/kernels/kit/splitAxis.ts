import type { SplitAxis } from '../../device/kernel.ts';
import { product } from './shape.ts';

/**
 * Helpers of kernels that are split into launches on windows of their buffers (`Kernel.splitAxes`).
 */

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * Smallest number of indices that makes a multiple of `alignment` elements in every buffer, from
 * the elements per index.
 */
export const splitGranularity = (alignment: number, elements: readonly number[]): number =>
  elements
    .map((elementsPerPlace) => alignment / gcd(alignment, elementsPerPlace))
    .reduce((a, b) => (a / gcd(a, b)) * b, 1);

/**
 * Start of the aligned window that holds element `place`, and the element's offset in the window.
 */
export const alignedWindow = (
  place: number,
  alignment: number,
): [start: number, offset: number] => [place - (place % alignment), place % alignment];

/**
 * Splits along the parameter `length`; `elements` gives the elements of each buffer per index. Each
 * part sees the other buffers whole. `otherParams` gives the other parameters that change in the
 * part that begins at an index.
 * @example
 * splitAxes: (p, alignment) => [splitAlong(p, 'count', { x: 1, y: 1 }, alignment)]
 */
export function splitAlong<P extends Record<string, unknown>>(
  p: P,
  length: keyof P & string,
  elements: Readonly<Record<string, number>>,
  alignment: number,
  otherParams: (first: number) => Partial<P> = () => ({}),
): SplitAxis<P> {
  return {
    length: p[length] as number,
    granularity: splitGranularity(alignment, Object.values(elements)),
    slice: (first, count) => ({
      params: { ...p, [length]: count, ...otherParams(first) },
      starts: Object.fromEntries(
        Object.entries(elements).map(([name, elementsPerPlace]) => [
          name,
          first * elementsPerPlace,
        ]),
      ),
    }),
  };
}

/** Parameters of a walk over strided views: their shape, and `strides_` and `offset_` of each. */
type StridedParams = Record<string, number | readonly number[]> & {
  shape: readonly number[];
  rank: number;
};

/**
 * Splits a walk over strided views along the first dimension larger than 1. `views` maps the
 * buffers read through strides to the suffix of their parameters; the `dense` buffers hold one
 * element per step of the walk, in order.
 */
export function splitAlongShape<P>(
  p: P,
  views: Readonly<Record<string, string>>,
  dense: readonly string[],
  alignment: number,
): SplitAxis<P> {
  const { shape, rank, ...rest } = p as P & StridedParams;
  const d = Math.max(
    0,
    shape.findIndex((size) => size > 1),
  );
  const inner = product(shape.slice(d + 1, rank));
  return {
    length: shape[d],
    granularity: dense.length > 0 ? splitGranularity(alignment, [inner]) : 1,
    slice(first, count) {
      const partShape = shape.map((size, k) => (k === d ? count : size));
      const starts = Object.fromEntries(dense.map((name) => [name, first * inner]));
      const offsets: Record<string, number> = {};
      for (const [buffer, view] of Object.entries(views)) {
        const strides = rest[`strides_${view}`] as readonly number[];
        const offset = (rest[`offset_${view}`] as number) + first * strides[d];
        // Strides may be negative: the window starts at or before the lowest index.
        const lowest = strides.reduce(
          (at, stride, k) => at + Math.min(0, stride) * (partShape[k] - 1),
          offset,
        );
        [starts[buffer]] = alignedWindow(lowest, alignment);
        offsets[`offset_${view}`] = offset - starts[buffer];
      }
      return { params: { ...p, ...offsets, shape: partShape, count: count * inner }, starts };
    },
  };
}
