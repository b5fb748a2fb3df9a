/**
 * Gradients of attention, with probabilities recomputed from each row's statistics. A tile owns
 * rows of one result: queries of one head, whose scores with all keys it holds, or keys of one
 * head, which it walks past the queries in blocks.
 */
import { float, word } from './args';
import {
  dropRow,
  multiplyInto,
  multiplyRows,
  multiplySteps,
  roundUp,
  scoresAt,
  viewStart,
} from './attention';
import { expNonPositive } from './math';
import { maskRow } from './softmax';

/** Queries of a block of the gradients of keys and values. */
const BLOCK: u32 = 48;

/**
 * Scores become probabilities, and their gradients those of scores, in rows that are padded:
 * p = exp(s - max) / Σ, kept or dropped, and d = p (d - Σ dy y) scale. `bits` is 0 without dropout.
 */
function gradientRow(
  scores: usize,
  gradients: usize,
  mask: usize,
  terms: usize,
  bits: usize,
  visible: u32,
  stride: u32,
  scale: f32,
  keepScale: f32,
): void {
  maskRow(scores, mask, scores, visible, scale);
  const most = v128.load32_splat(terms), inverse = v128.load32_splat(terms, 4);
  const dot = v128.load32_splat(terms, 8), s = f32x4.splat(scale), keep = f32x4.splat(keepScale);
  // The gradients of what dropout drops count as 0.
  if (bits) dropRow(gradients, bits, visible);
  for (let c: u32 = 0; c < visible; c += 4) {
    const at = <usize>c << 2;
    const e = expNonPositive(f32x4.sub(v128.load(scores + at), most));
    const p = f32x4.mul(e, inverse);
    const d = f32x4.sub(f32x4.mul(v128.load(gradients + at), keep), dot);
    v128.store(scores + at, f32x4.mul(p, keep));
    v128.store(gradients + at, f32x4.mul(f32x4.mul(p, d), s));
  }
  if (bits) dropRow(scores, bits, visible);
  const rest = <usize>(stride - visible) << 2;
  memory.fill(scores + (visible << 2), 0, rest);
  memory.fill(gradients + (visible << 2), 0, rest);
}

/**
 * Words: query rows of a tile. Buffers: q, k, v, mask, keepBits, terms, dy, dq. Parameters: as of
 * `attention`.
 */
export function attentionQueryGradient(args: usize, tile: i32): void {
  const count = word(args, 1);
  const views = args + 40, p = views + 96;
  const heads = word(p, 1), length = word(p, 2), keys = word(p, 3), size = word(p, 4);
  const blocks = (length + count - 1) / count;
  const first = (<u32>tile % blocks) * count, head = <u32>tile / blocks;
  const b = head / heads, h = head % heads, rows = min(count, length - first);
  const q = word(args, 2) + (viewStart(views, b, h) + first * word(views, 2) << 2);
  const k = word(args, 3) + (viewStart(views + 32, b, h) << 2);
  const v = word(args, 4) + (viewStart(views + 64, b, h) << 2);
  const mask = word(args, 5) + ((b % word(p, 5)) * keys << 2);
  const causal = word(p, 6) != 0, keepScale = float(p, 8), words = (keys + 31) >> 5;
  const stride = roundUp(keys, 8), scores = scoresAt();
  const gradients = scores + (roundUp(rows, 6) * stride << 2);
  const result = gradients + (roundUp(rows, 6) * stride << 2);
  const seen = causal ? min(keys, first + rows) : keys;
  const line = heads * size, row0 = (b * length + first) * heads + h;
  const dy = word(args, 8) + (row0 * size << 2);
  multiplyRows(scores, stride, q, word(views, 2), k, word(views, 10), rows, seen, size);
  multiplyRows(gradients, stride, dy, line, v, word(views, 18), rows, seen, size);
  for (let r: u32 = 0; r < rows; r++) {
    const at = <usize>(r * stride) << 2;
    gradientRow(
      scores + at,
      gradients + at,
      mask,
      word(args, 7) + (row0 + r * heads << 4),
      keepScale != 1 ? word(args, 6) + ((head * length + first + r) * words << 2) : 0,
      causal ? min(keys, first + r + 1) : keys,
      stride,
      float(p, 7),
      keepScale,
    );
  }
  const width = roundUp(size, 8);
  multiplySteps(result, width, gradients, stride, k, word(views, 10), rows, size, seen);
  for (let r: u32 = 0; r < rows; r++) {
    const dq = word(args, 9) + ((row0 + r * heads) * size << 2);
    memory.copy(dq, result + (r * width << 2), size << 2);
  }
}

/**
 * Words: keys of a tile, elements between the gradients of keys and values. Buffers: q, k, v, mask,
 * keepBits, terms, dy, dkv. Parameters: as of `attention`.
 */
export function attentionKeyValueGradient(args: usize, tile: i32): void {
  const count = word(args, 1);
  const views = args + 44, p = views + 96;
  const heads = word(p, 1), length = word(p, 2), keys = word(p, 3), size = word(p, 4);
  const blocks = (keys + count - 1) / count;
  const first = (<u32>tile % blocks) * count, head = <u32>tile / blocks;
  const b = head / heads, h = head % heads, cols = min(count, keys - first);
  const q = word(args, 3) + (viewStart(views, b, h) << 2);
  const k = word(args, 4) + (viewStart(views + 32, b, h) + first * word(views, 10) << 2);
  const v = word(args, 5) + (viewStart(views + 64, b, h) + first * word(views, 18) << 2);
  const mask = word(args, 6) + ((b % word(p, 5)) * keys + first << 2);
  const causal = word(p, 6) != 0, keepScale = float(p, 8), words = (keys + 31) >> 5;
  const stride = roundUp(cols, 8), width = roundUp(size, 8), line = heads * size;
  const scores = scoresAt(), gradients = scores + (BLOCK * stride << 2);
  const dk = gradients + (BLOCK * stride << 2), dv = dk + (roundUp(cols, 6) * width << 2);
  // With the keys before it hidden, a tile may see no query at all.
  memory.fill(dk, 0, <usize>(2 * roundUp(cols, 6) * width) << 2);
  for (let start = causal ? first : 0; start < length; start += BLOCK) {
    const rows = min(BLOCK, length - start);
    const from = q + (start * word(views, 2) << 2), row0 = (b * length + start) * heads + h;
    const dy = word(args, 9) + (row0 * size << 2);
    multiplyRows(scores, stride, from, word(views, 2), k, word(views, 10), rows, cols, size);
    multiplyRows(gradients, stride, dy, line, v, word(views, 18), rows, cols, size);
    for (let r: u32 = 0; r < rows; r++) {
      const at = <usize>(r * stride) << 2;
      const bits = word(args, 7) + ((head * length + start + r) * words + (first >> 5) << 2);
      gradientRow(
        scores + at,
        gradients + at,
        mask,
        word(args, 8) + (row0 + r * heads << 4),
        keepScale != 1 ? bits : 0,
        causal ? min(cols, start + r + 1 - first) : cols,
        stride,
        float(p, 7),
        keepScale,
      );
    }
    const qRow = word(views, 2);
    multiplyInto(dk, width, gradients, 1, stride, from, qRow, 1, cols, size, rows, true);
    multiplyInto(dv, width, scores, 1, stride, dy, line, 1, cols, size, rows, true);
  }
  for (let r: u32 = 0; r < cols; r++) {
    const to = word(args, 10) + (((b * keys + first + r) * heads + h) * size << 2);
    memory.copy(to, dk + (r * width << 2), size << 2);
    memory.copy(to + (word(args, 2) << 2), dv + (r * width << 2), size << 2);
  }
}
