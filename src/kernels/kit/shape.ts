import { ArgumentError } from '../../platform/errors.ts';

/** Arithmetic on shapes that kernels share. Shapes are outermost dimension first. */

export const MAX_RANK = 8;

export function product(shape: readonly number[]): number {
  let size = 1;
  for (let d = 0; d < shape.length; d++) size *= shape[d];
  return size;
}

/**
 * Pads a list to the eight words of a `dims` parameter.
 * @throws ArgumentError if it is longer.
 */
export function dims(values: readonly number[], fill = 0): number[] {
  if (values.length > MAX_RANK)
    throw new ArgumentError(`expected at most ${MAX_RANK} dimensions, got ${values.length}`);
  const padded: number[] = [];
  for (let d = 0; d < MAX_RANK; d++) padded.push(d < values.length ? values[d] : fill);
  return padded;
}

/** Elements a buffer needs for every index of a strided view to be inside; 0 for an empty view. */
export function extent(
  rank: number,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): number {
  let last = offset;
  for (let d = 0; d < rank; d++) {
    if (shape[d] === 0) return 0;
    if (strides[d] > 0) last += (shape[d] - 1) * strides[d];
  }
  return last + 1;
}

/**
 * WGSL: position of element `index` of a row-major shape in a strided view. Starts at the last
 * dimension.
 */
export const stridedIndexWgsl = (name: string): string => `
fn at_${name}(index: u32) -> u32 {
  var rest = index;
  var at = p.offset_${name};
  // One division for each dimension but the outermost: divisions are expensive where lanes run one
  // after the other.
  for (var d = max(p.rank, 1u) - 1u; d > 0u; d--) {
    let size = p.shape[d / 4u][d % 4u];
    let whole = rest / size;
    at += (rest - whole * size) * p.strides_${name}[d / 4u][d % 4u];
    rest = whole;
  }
  return at + rest * p.strides_${name}[0].x;
}`;

/**
 * Calls `visit(index, offsets)` for each element of a row-major shape, with its place in each
 * strided view.
 */
export function forEachStrided(
  rank: number,
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  offsets: readonly number[],
  visit: (index: number, at: number[]) => void,
): void {
  const count = product(shape.slice(0, rank));
  const index = Array<number>(rank).fill(0);
  const at = [...offsets];
  for (let i = 0; i < count; i++) {
    visit(i, at);
    for (let d = rank - 1; d >= 0; d--) {
      index[d]++;
      for (let v = 0; v < at.length; v++) at[v] += strides[v][d];
      if (index[d] < shape[d]) break;
      for (let v = 0; v < at.length; v++) at[v] -= strides[v][d] * shape[d];
      index[d] = 0;
    }
  }
}
