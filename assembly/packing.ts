/**
 * Packing of a product's operands: panels of 6 rows of a, each with its `steps` columns one after
 * the other, and panels of 8 columns of b. What lies beyond the matrix is 0. Strides are in
 * elements. A panel has room for `panelSteps`, of which `steps` are written.
 */

/** a: [rows, steps] to panels of [steps, 6]. */
export function packA(
  to: usize,
  a: usize,
  row: u32,
  col: u32,
  steps: u32,
  rows: u32,
  panelSteps: u32,
): void {
  const whole = rows - (rows % 6), panel = 24 * panelSteps;
  if (row == 1) packAcross6(to, panel, a, <usize>col << 2, steps, whole);
  for (let i: u32 = 0; i < rows; i += 6) {
    const from = a + <usize>(i * row << 2);
    if (i == whole) packEdge(to, from, row, col, steps, rows - i, 6);
    else if (row != 1) {
      if (col == 1) packAlong6(to, from, <usize>row << 2, steps);
      else packEdge(to, from, row, col, steps, 6, 6);
    }
    to += panel;
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
  panelSteps: u32,
): void {
  const whole = cols & ~7, panel = 32 * panelSteps;
  if (col == 1) packAcross8(to, panel, b, <usize>row << 2, steps, whole);
  for (let j: u32 = 0; j < cols; j += 8) {
    const from = b + <usize>(j * col << 2);
    if (j == whole) packEdge(to, from, col, row, steps, cols - j, 8);
    else if (col != 1) {
      if (row == 1) packAlong8(to, from, <usize>col << 2, steps);
      else packEdge(to, from, col, row, steps, 8, 8);
    }
    to += panel;
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

/** Steps that are copied for one panel before the next panel's: memory is read along its lines. */
const CHUNK: u32 = 8;

/** Panels, of `panel` bytes, of six lines whose elements are adjacent across the lines. */
function packAcross6(
  to: usize,
  panel: u32,
  from: usize,
  stepBytes: usize,
  steps: u32,
  lines: u32,
): void {
  for (let k: u32 = 0; k < steps; k += CHUNK) {
    const end = min(CHUNK, steps - k);
    let target = to + 24 * k;
    for (let i: u32 = 0; i < lines; i += 6) {
      let at = from + (i << 2), put = target;
      for (let c: u32 = 0; c < end; c++) {
        v128.store(put, v128.load(at));
        store<u64>(put, load<u64>(at, 16), 16);
        put += 24;
        at += stepBytes;
      }
      target += panel;
    }
    from += CHUNK * stepBytes;
  }
}

function packAcross8(
  to: usize,
  panel: u32,
  from: usize,
  stepBytes: usize,
  steps: u32,
  lines: u32,
): void {
  for (let k: u32 = 0; k < steps; k += CHUNK) {
    const end = min(CHUNK, steps - k);
    let target = to + 32 * k;
    for (let j: u32 = 0; j < lines; j += 8) {
      let at = from + (j << 2), put = target;
      for (let c: u32 = 0; c < end; c++) {
        v128.store(put, v128.load(at));
        v128.store(put, v128.load(at, 16), 16);
        put += 32;
        at += stepBytes;
      }
      target += panel;
    }
    from += CHUNK * stepBytes;
  }
}

/** Six lines that are adjacent along k: four steps at a time are transposed. */
function packAlong6(to: usize, from: usize, line: usize, steps: u32): void {
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

function packAlong8(to: usize, from: usize, line: usize, steps: u32): void {
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
