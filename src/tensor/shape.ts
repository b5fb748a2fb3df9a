import { product } from '../kernels/kit/shape.ts';
import { ArgumentError } from '../platform/errors.ts';

export { dims, forEachStrided, product } from '../kernels/kit/shape.ts';
/** Sizes of the dimensions of a tensor. */
export type Shape = readonly number[];

/** Row-major strides. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = Array<number>(shape.length);
  for (let d = shape.length - 1, step = 1; d >= 0; d--) {
    strides[d] = step;
    step *= Math.max(1, shape[d]);
  }
  return strides;
}

/**
 * The shape two shapes broadcast to, as in NumPy and PyTorch.
 * @throws ArgumentError naming both shapes when they do not fit.
 */
export function broadcastShapes(a: Shape, b: Shape, operation: string): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ArgumentError(
        `${operation}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: ` +
          `${x} and ${y} differ in dimension ${i - rank}`,
      );
    }
    return x === 1 ? y : x;
  });
}

/**
 * A dimension as an index from 0; negative ones count from the end. A scalar has one dimension
 * here, as in PyTorch: 0 or -1.
 * @throws ArgumentError when there is no such dimension.
 */
export function normalizeDim(dim: number, rank: number, operation: string): number {
  const dims = Math.max(1, rank);
  const index = dim < 0 ? dim + dims : dim;
  if (!Number.isInteger(dim) || index < 0 || index >= dims) {
    throw new ArgumentError(
      `${operation}: dimension ${dim} is out of range for a tensor of ${rank} dimensions`,
    );
  }
  return index;
}

/** The same where a scalar has none, as it has no places along it. */
export function requireDim(dim: number, rank: number, operation: string): number {
  if (rank === 0)
    throw new ArgumentError(`${operation}: a scalar has no dimension: reshape it to [1] first`);
  return normalizeDim(dim, rank, operation);
}

/**
 * @param what names the numbers in the message
 * @throws ArgumentError if one is not a whole number: it would be rounded, or read as a place
 *   between two elements.
 */
export function requireWhole(values: readonly number[], operation: string, what: string): void {
  const wrong = values.find((value) => !Number.isSafeInteger(value));
  if (wrong !== undefined)
    throw new ArgumentError(
      `${operation}: expected whole numbers (integers) as ${what}, got ${wrong}`,
    );
}

/**
 * Replaces one -1 in a shape by the size it must have.
 * @throws ArgumentError if the shape does not fit the size.
 */
export function inferShape(
  shape: Shape,
  size: number,
  from: Shape,
  operation = 'reshape',
): number[] {
  const known = product(shape.filter((n) => n !== -1));
  const inferred = shape.filter((n) => n === -1).length;
  const full = shape.map((n) => (n === -1 ? size / known : n));
  if (inferred > 1 || full.some((n) => !Number.isInteger(n) || n < 0) || product(full) !== size) {
    throw new ArgumentError(
      `${operation}: ${formatShape(from)} has ${size} elements, which do not fit ` +
        `${formatShape(shape)}`,
    );
  }
  return full;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let d = 0; d < a.length; d++) if (a[d] !== b[d]) return false;
  return true;
}

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/**
 * Strides with which memory of one shape and strides is seen as another shape of the same size;
 * undefined if only a copy can have that shape.
 */
export function viewStrides(shape: Shape, strides: Shape, to: Shape): number[] | undefined {
  if (product(shape) === 0) return contiguousStrides(to);
  const merged = coalesceDims(shape, [strides]);
  const result = Array<number>(to.length);
  let d = to.length - 1;
  for (let block = merged.shape.length - 1; block >= 0; block--) {
    let size = 1;
    for (; d >= 0 && (size < merged.shape[block] || to[d] === 1); d--) {
      result[d] = size * merged.strides[0][block];
      size *= to[d];
    }
    if (size !== merged.shape[block]) return undefined;
  }
  return result;
}

/** Strides of several views of one shape, with dimensions merged wherever all views allow it. */
export function coalesceDims(
  shape: Shape,
  strides: readonly (readonly number[])[],
): { shape: number[]; strides: number[][] } {
  const outShape: number[] = [];
  const outStrides: number[][] = strides.map(() => []);
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] === 1) continue;
    const last = outShape.length - 1;
    let mergeable = last >= 0;
    for (let v = 0; v < strides.length && mergeable; v++)
      mergeable = outStrides[v][last] === strides[v][d] * shape[d];
    if (mergeable) outShape[last] *= shape[d];
    else outShape.push(shape[d]);
    for (let v = 0; v < strides.length; v++)
      outStrides[v][mergeable ? last : last + 1] = strides[v][d];
  }
  if (outShape.length === 0) {
    outShape.push(1);
    for (const s of outStrides) s.push(1);
  }
  return { shape: outShape, strides: outStrides };
}

/**
 * Range of a dimension: all of it (null), or start to end (exclusive; negative from the end) by
 * step.
 */
export type SliceRange =
  | null
  | readonly [start?: number | null, end?: number | null, step?: number];

/** Whether several elements of a view are one in memory: it is expanded. */
export const isExpanded = ({ shape, strides }: { shape: Shape; strides: Shape }): boolean =>
  strides.some((stride, d) => stride === 0 && shape[d] > 1);
