import type { Axis } from '../../device/kernel.ts';
import { product } from './shape.ts';

/** What kernels share that can be cut into launches on windows of their buffers (`Kernel.axes`). */

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The least number of places that make a multiple of `step` elements in every buffer, given how many a place takes. */
export const leastPlaces = (step: number, elements: readonly number[]): number =>
  elements.map((each) => step / gcd(step, each)).reduce((a, b) => (a / gcd(a, b)) * b, 1);

/** The last multiple of `step` before a place, and how far behind it the place is: a window's start, and an offset in it. */
export const window = (place: number, step: number): [start: number, offset: number] => [
  place - (place % step),
  place % step,
];

/**
 * Cuts along the parameter `length`, of which each place takes so many elements of each buffer named; the others are
 * seen whole by each part. `also` gives what else changes in the parameters of the part that begins at a place.
 */
export function along<P extends Record<string, unknown>>(
  p: P,
  length: keyof P & string,
  elements: Readonly<Record<string, number>>,
  step: number,
  also: (first: number) => Partial<P> = () => ({}),
): Axis<P> {
  return {
    length: p[length] as number,
    least: leastPlaces(step, Object.values(elements)),
    cut: (first, count) => ({
      params: { ...p, [length]: count, ...also(first) },
      starts: Object.fromEntries(
        Object.entries(elements).map(([name, each]) => [name, first * each]),
      ),
    }),
  };
}

/** What a walk over strided views is told: their shape, and `strides_` and `offset_` of each. */
type Walk = Record<string, number | readonly number[]> & { shape: readonly number[]; rank: number };

/**
 * Cuts a walk over strided views along the first dimension that has several places. `views` are the buffers seen through
 * strides, with the suffix of their parameters; the others, `dense`, hold an element for each place of the walk, in order.
 */
export function alongShape<P>(
  p: P,
  views: Readonly<Record<string, string>>,
  dense: readonly string[],
  step: number,
): Axis<P> {
  const { shape, rank, ...rest } = p as P & Walk;
  const d = Math.max(
    0,
    shape.findIndex((size) => size > 1),
  );
  const inner = product(shape.slice(d + 1, rank));
  return {
    length: shape[d],
    least: dense.length > 0 ? leastPlaces(step, [inner]) : 1,
    cut(first, count) {
      const part = shape.map((size, k) => (k === d ? count : size));
      const starts = Object.fromEntries(dense.map((name) => [name, first * inner]));
      const offsets: Record<string, number> = {};
      for (const [buffer, view] of Object.entries(views)) {
        const strides = rest[`strides_${view}`] as readonly number[];
        const offset = (rest[`offset_${view}`] as number) + first * strides[d];
        // Strides may be negative: the window starts before the lowest place.
        const lowest = strides.reduce(
          (at, stride, k) => at + Math.min(0, stride) * (part[k] - 1),
          offset,
        );
        [starts[buffer]] = window(lowest, step);
        offsets[`offset_${view}`] = offset - starts[buffer];
      }
      return { params: { ...p, ...offsets, shape: part, count: count * inner }, starts };
    },
  };
}
