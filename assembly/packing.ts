/**
 * Packing of a product's operands: panels of 6 rows of a, each with its `steps` columns one after
 * the other, and panels of 8 columns of b. What lies beyond the matrix is 0. Strides are in
 * elements.
 */

/** a: [rows, steps] to panels of [steps, 6]. */
export function packA(
  to: usize,
  a: usize,
  row: u32,
  col: u32,
  steps: u32,
  rows: u32,
): void {
  const rowBytes = <usize>row << 2;
  for (let i: u32 = 0; i < rows; i += 6) {
    const from = a + i * rowBytes;
    if (rows - i < 6) packEdge(to, from, row, col, steps, rows - i, 6);
    else if (col == 1) packRows6(to, from, rowBytes, steps);
    else if (row == 1) packColumns6(to, from, <usize>col << 2, steps);
    else packEdge(to, from, row, col, steps, 6, 6);
    to += 24 * steps;
  }
}

/** b: [steps, cols] to panels of [steps, 8]. */
export function packB(
  to: usize,
  b: usize,
  row: u32,
  col: u32,
  steps: u32,
  cols: u32,
): void {
  const colBytes = <usize>col << 2;
  for (let j: u32 = 0; j < cols; j += 8) {
    const from = b + j * colBytes;
    if (cols - j < 8) packEdge(to, from, col, row, steps, cols - j, 8);
    else if (col == 1) packColumns8(to, from, <usize>row << 2, steps);
    else if (row == 1) packRows8(to, from, colBytes, steps);
    else packEdge(to, from, col, row, steps, 8, 8);
    to += 32 * steps;
  }
}

/** Any strides: `count` of `width` lines (rows of a, columns of b), `step` apart along k. */
function packEdge(
  to: usize,
  from: usize,
  line: u32,
  step: u32,
  steps: u32,
  count: u32,
  width: u32,
): void {
  for (let k: u32 = 0; k < steps; k++) {
    for (let i: u32 = 0; i < width; i++) {
      store<f32>(to, i < count ? load<f32>(from + ((i * line + k * step) << 2)) : 0);
      to += 4;
    }
  }
}

/** Six lines whose elements are adjacent across the lines. */
function packColumns6(to: usize, from: usize, stepBytes: usize, steps: u32): void {
  for (let k: u32 = 0; k < steps; k++) {
    v128.store(to, v128.load(from));
    store<u64>(to, load<u64>(from, 16), 16);
    to += 24;
    from += stepBytes;
  }
}

function packColumns8(to: usize, from: usize, stepBytes: usize, steps: u32): void {
  for (let k: u32 = 0; k < steps; k++) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    to += 32;
    from += stepBytes;
  }
}

/** Six lines that are adjacent along k: four steps at a time are transposed. */
function packRows6(to: usize, from: usize, line: usize, steps: u32): void {
  let k: u32 = 0;
  for (; k + 4 <= steps; k += 4) {
    transpose4(to, 24, from, line);
    const e = v128.load(from + 4 * line), f = v128.load(from + 5 * line);
    const low = v128.shuffle<f32>(e, f, 0, 4, 1, 5), high = v128.shuffle<f32>(e, f, 2, 6, 3, 7);
    v128.store64_lane(to, low, 0, 16);
    v128.store64_lane(to, low, 1, 40);
    v128.store64_lane(to, high, 0, 64);
    v128.store64_lane(to, high, 1, 88);
    to += 96;
    from += 16;
  }
  packEdge(to, from, <u32>(line >> 2), 1, steps - k, 6, 6);
}

function packRows8(to: usize, from: usize, line: usize, steps: u32): void {
  let k: u32 = 0;
  for (; k + 4 <= steps; k += 4) {
    transpose4(to, 32, from, line);
    transpose4(to + 16, 32, from + 4 * line, line);
    to += 128;
    from += 16;
  }
  packEdge(to, from, <u32>(line >> 2), 1, steps - k, 8, 8);
}

/** Four lines of four elements to four lines across them. */
// @ts-ignore: decorator
@inline
function transpose4(to: usize, toLine: usize, from: usize, line: usize): void {
  const a = v128.load(from), b = v128.load(from + line);
  const c = v128.load(from + 2 * line), d = v128.load(from + 3 * line);
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
  v128.store(to + toLine, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
  v128.store(to + 2 * toLine, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
  v128.store(to + 3 * toLine, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
}
