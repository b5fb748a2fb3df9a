/**
 * Attention without stored scores. A tile is some query rows of one head: their scores with all
 * keys fit the thread's scratch, so that the softmax is that of whole rows, and the products run
 * the micro-kernel on packed panels (product.ts). Rows and columns in scratch are padded to whole
 * panels.
 */
import { float, threadScratch, word } from './args';
import { multiplyPanels } from './microKernel';
import { packA, packB } from './packing';
import { addSums } from './product';
import { expRow, maskRow, scaleRow } from './softmax';
import { hsum } from './simd';

/** Steps along keys, or keys, that are packed at a time. */
const KC: u32 = 128;
/** Bytes of the packed parts: at most 96 rows or 128 columns, and 128 steps. */
const PACKED_A: usize = 96 * 128 * 4;
const PACKED_B: usize = 128 * 128 * 4;
/** Bytes of the sums of a micro-kernel, with a gap. */
const SUMS: usize = 256;

// @ts-ignore: decorator
@inline
export function roundUp(n: u32, step: u32): u32 {
  return ((n + step - 1) / step) * step;
}

/**
 * y = a b, or y += a b, for padded y: `stride` elements between its rows. Strides of a and b are in
 * elements; `cols` and `steps` are at most 128, `rows` at most 96.
 */
export function multiplyInto(
  y: usize,
  stride: u32,
  a: usize,
  aRow: u32,
  aCol: u32,
  b: usize,
  bRow: u32,
  bCol: u32,
  rows: u32,
  cols: u32,
  steps: u32,
  accumulate: bool,
): void {
  const packedA = threadScratch, packedB = threadScratch + PACKED_A;
  const sums = packedB + PACKED_B;
  packA(packedA, a, aRow, aCol, steps, rows, steps);
  packB(packedB, b, bRow, bCol, steps, cols, steps);
  const line = <usize>stride << 2;
  for (let j: u32 = 0; j < cols; j += 8) {
    for (let i: u32 = 0; i < rows; i += 6) {
      const panelA = packedA + <usize>(i * steps << 2);
      const panelB = packedB + <usize>(j * steps << 2);
      const to = y + i * line + (j << 2);
      if (accumulate) {
        multiplyPanels(panelA, panelB, steps, sums, 32);
        addSums(sums, to, line);
      } else multiplyPanels(panelA, panelB, steps, to, line);
    }
  }
}

/** y = a b for any number of columns: those of b are rows of memory, `bCol` elements apart. */
export function multiplyRows(
  y: usize,
  stride: u32,
  a: usize,
  aRow: u32,
  b: usize,
  bCol: u32,
  rows: u32,
  cols: u32,
  steps: u32,
): void {
  for (let c: u32 = 0; c < cols; c += KC) {
    const from = b + (<usize>c * bCol << 2), to = y + (c << 2);
    const n = min(KC, cols - c);
    multiplyInto(to, stride, a, aRow, 1, from, 1, bCol, rows, n, steps, false);
  }
}

/** y = a b for any number of steps; a is dense in steps, b in columns. */
export function multiplySteps(
  y: usize,
  stride: u32,
  a: usize,
  aRow: u32,
  b: usize,
  bRow: u32,
  rows: u32,
  cols: u32,
  steps: u32,
): void {
  if (steps == 0) memory.fill(y, 0, <usize>(rows * stride) << 2);
  for (let k: u32 = 0; k < steps; k += KC) {
    const from = b + (<usize>k * bRow << 2), left = a + (k << 2);
    const n = min(KC, steps - k);
    multiplyInto(y, stride, left, aRow, 1, from, bRow, 1, rows, cols, n, k > 0);
  }
}

/** Where scores and padded results lie in the scratch. */
// @ts-ignore: decorator
@inline
export function scoresAt(): usize {
  return threadScratch + PACKED_A + PACKED_B + SUMS;
}

/** Zeroes elements of a row of probabilities that dropout drops. */
export function dropRow(y: usize, bits: usize, cols: u32): void {
  for (let c: u32 = 0; c < cols; c += 4) {
    // Four bits become four masks; rows are padded.
    const four = i32x4.splat(load<u32>(bits + ((c >> 5) << 2)) >> (c & 31));
    const bit = v128.and(four, i32x4(1, 2, 4, 8));
    const at = y + (c << 2);
    v128.store(at, v128.andnot(v128.load(at), i32x4.eq(bit, i32x4.splat(0))));
  }
}

/** Element where batch b and head h of a view begin: its strides are those of `attentionParams`. */
// @ts-ignore: decorator
@inline
export function viewStart(view: usize, b: u32, h: u32): u32 {
  return b * word(view, 0) + h * word(view, 1) + word(view, 3);
}

/**
 * Words: query rows of a tile. Buffers: q, k, v, mask, keepBits, y, stats. Parameters: q, k, v;
 * batch, heads, length, keys, size, masks, causal, scale, keepScale.
 */
export function attention(args: usize, tile: i32): void {
  const count = word(args, 1);
  const views = args + 36, p = views + 96;
  const heads = word(p, 1), length = word(p, 2), keys = word(p, 3), size = word(p, 4);
  const blocks = (length + count - 1) / count;
  const first = (<u32>tile % blocks) * count, head = <u32>tile / blocks;
  const b = head / heads, h = head % heads, rows = min(count, length - first);
  const q = word(args, 2) + (viewStart(views, b, h) + first * word(views, 2) << 2);
  const k = word(args, 3) + (viewStart(views + 32, b, h) << 2);
  const v = word(args, 4) + (viewStart(views + 64, b, h) << 2);
  const mask = word(args, 5) + ((b % word(p, 5)) * keys << 2);
  const causal = word(p, 6) != 0, keepScale = float(p, 8);
  const stride = roundUp(keys, 8), scores = scoresAt();
  // No query row of the tile sees later keys.
  const seen = causal ? min(keys, first + rows) : keys;
  multiplyRows(scores, stride, q, word(views, 2), k, word(views, 10), rows, seen, size);
  for (let r: u32 = 0; r < rows; r++) {
    const row = scores + (r * stride << 2);
    const visible = causal ? min(keys, first + r + 1) : keys;
    const most = maskRow(row, mask, row, visible, float(p, 7));
    const sum = expRow(row, row, visible, most);
    scaleRow(row, visible, keepScale * (sum == 0 ? 1 : <f32>(1 / sum)));
    memory.fill(row + (visible << 2), 0, <usize>(stride - visible) << 2);
    if (keepScale != 1) {
      const words = (keys + 31) >> 5;
      dropRow(row, word(args, 6) + ((head * length + first + r) * words << 2), visible);
    }
    const stats = word(args, 8) + (((b * length + first + r) * heads + h) << 3);
    store<f32>(stats, most);
    store<f32>(stats, <f32>sum, 4);
  }
  const width = roundUp(size, 8);
  const result = scores + (roundUp(rows, 6) * stride << 2);
  multiplySteps(result, width, scores, stride, v, word(views, 18), rows, size, seen);
  for (let r: u32 = 0; r < rows; r++) {
    const y = word(args, 7) + (((b * length + first + r) * heads + h) * size << 2);
    memory.copy(y, result + (r * width << 2), size << 2);
  }
}

/** Words: rows of a tile. Buffers: y, dy, stats, terms. Parameters: rows, size. */
export function attentionTerms(args: usize, tile: i32): void {
  const count = word(args, 1), size = word(args, 7);
  const end = min((<u32>tile + 1) * count, word(args, 6));
  for (let r = <u32>tile * count; r < end; r++) {
    let y: usize = word(args, 2) + (r * size << 2), dy: usize = word(args, 3) + (r * size << 2);
    const stats = word(args, 4) + (r << 3), terms = word(args, 5) + (r << 4);
    let sum = f32x4.splat(0);
    for (const rowEnd = y + (size << 2); y < rowEnd; y += 16, dy += 16)
      sum = f32x4.add(sum, f32x4.mul(v128.load(y), v128.load(dy)));
    const divisor = load<f32>(stats, 4);
    store<f32>(terms, load<f32>(stats));
    store<f32>(terms, divisor == 0 ? 1 : 1 / divisor, 4);
    store<f32>(terms, hsum(sum), 8);
    store<f32>(terms, 0, 12);
  }
}
