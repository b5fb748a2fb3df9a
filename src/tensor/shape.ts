import { product } from '../kernels/kit/shape.ts';
import { ArgumentError } from '../platform/errors.ts';

export { dims, forEachStrided, product } from '../kernels/kit/shape.ts';
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
 * @throws ArgumentError if the shapes do not broadcast.
 */
export function broadcastShapes(a: Shape, b: Shape, operation: string): number[] {
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
 * @throws ArgumentError if `dim` is out of range.
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

/** As `normalizeDim`, for operations that a scalar does not support. */
export function requireDim(dim: number, rank: number, operation: string): number {
  if (rank === 0)
    throw new ArgumentError(`${operation}: a scalar has no dimension: reshape it to [1] first`);
  return normalizeDim(dim, rank, operation);
}

/**
 * Replaces one -1 in a shape by the size it must have.
 * @throws ArgumentError if the shape does not fit the size.
 */
export function inferShape(shape: Shape, size: number, from: Shape): number[] {
  const known = product(shape.filter((n) => n !== -1));
  const inferred = shape.filter((n) => n === -1).length;
  const full = shape.map((n) => (n === -1 ? size / known : n));
  if (inferred > 1 || full.some((n) => !Number.isInteger(n) || n < 0) || product(full) !== size) {
    throw new ArgumentError(
      `reshape: ${formatShape(from)} has ${size} elements, which do not fit ${formatShape(shape)}`,
    );
  }
  return full;
}

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

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
    const mergeable = last >= 0 && strides.every((s, v) => outStrides[v][last] === s[d] * shape[d]);
    if (mergeable) outShape[last] *= shape[d];
    else outShape.push(shape[d]);
    strides.forEach((s, v) => {
      outStrides[v][mergeable ? last : last + 1] = s[d];
    });
  }
  if (outShape.length === 0) {
    outShape.push(1);
    for (const s of outStrides) s.push(1);
  }
  return { shape: outShape, strides: outStrides };
}
