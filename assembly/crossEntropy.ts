/** Cross-entropy of rows of logits, whose columns may come in parts: see src/kernels. */
import { float, word } from './args';
import { exp, log } from './math';
import { hsum, loadPart, storePart } from './simd';
import { expRow } from './softmax';
import { maxOf, SUM_BLOCK } from './sums';

/** Numbers of a row that carry over: see STATE_SIZE in src/kernels/crossEntropy.ts. */
const STATE_BYTES: u32 = 16;

/** Σ (x - shift). */
function shiftedSum(x: usize, cols: u32, shift: f32): f64 {
  const s = f32x4.splat(shift);
  let total: f64 = 0;
  for (let start: u32 = 0; start < cols; start += SUM_BLOCK) {
    const end = x + (<usize>min(SUM_BLOCK, cols - start) << 2);
    let sum = f32x4.splat(0);
    for (; x + 16 <= end; x += 16) sum = f32x4.add(sum, f32x4.sub(v128.load(x), s));
    total += <f64>hsum(sum);
    for (; x < end; x += 4) total += <f64>(load<f32>(x) - shift);
  }
  return total;
}

// @ts-ignore: decorator
@inline
function expOf(x: f32): f64 {
  return <f64>f32x4.extract_lane(exp(f32x4.splat(x)), 0);
}

/**
 * Words: rows of a tile. Buffers: x, labels, state, loss. Parameters: rows, cols, first, classes,
 * ignoreIndex, smoothing.
 */
export function crossEntropy(args: usize, tile: i32): void {
  const count = word(args, 1), cols = word(args, 7), first = word(args, 8);
  const classes = word(args, 9);
  const end = min((<u32>tile + 1) * count, word(args, 6));
  for (let r = <u32>tile * count; r < end; r++) {
    const x = word(args, 2) + (r * cols << 2);
    const state = word(args, 4) + r * STATE_BYTES;
    const label = load<u32>(word(args, 3) + (r << 2));
    const rowMax = maxOf(x, cols);
    const rowSum = expRow(x, 0, cols, rowMax);
    let before = rowMax, beforeSum: f32 = 0, labelLogit: f32 = 0, beforeShifted: f32 = 0;
    if (first) {
      before = load<f32>(state);
      beforeSum = load<f32>(state, 4);
      labelLogit = load<f32>(state, 8);
      beforeShifted = load<f32>(state, 12);
    }
    if (label - first < cols) labelLogit = load<f32>(x + (label - first << 2));
    const most = max(before, rowMax);
    const sum = <f64>beforeSum * expOf(before - most) + rowSum * expOf(rowMax - most);
    const shifted = <f64>beforeShifted + <f64>first * <f64>(before - most)
      + shiftedSum(x, cols, most);
    store<f32>(state, most);
    store<f32>(state, <f32>sum, 4);
    store<f32>(state, labelLogit, 8);
    store<f32>(state, <f32>shifted, 12);
    if (first + cols == classes)
      store<f32>(word(args, 5) + (r << 2), lossOf(args, label, sum, labelLogit - most, shifted));
  }
}

/** The loss of a row whose columns are all known. */
function lossOf(args: usize, label: u32, sum: f64, labelShifted: f32, shifted: f64): f32 {
  const classes = word(args, 9), smoothing = float(args, 11);
  if (label == word(args, 10)) return 0;
  if (label >= classes) return NaN;
  const spread = smoothing == 0 ? 0 : <f64>smoothing * shifted / <f64>classes;
  const logSum = f32x4.extract_lane(log(f32x4.splat(<f32>sum)), 0);
  return <f32>(<f64>logSum - (1 - <f64>smoothing) * <f64>labelShifted - spread);
}

/** Buffers: dloss, x, labels, state, dx. The rest as above. */
export function crossEntropyBackward(args: usize, tile: i32): void {
  const count = word(args, 1), cols = word(args, 8), first = word(args, 9);
  const smoothing = float(args, 12);
  const share = smoothing / <f32>word(args, 10);
  const end = min((<u32>tile + 1) * count, word(args, 7));
  for (let r = <u32>tile * count; r < end; r++) {
    const x = word(args, 3) + (r * cols << 2), dx = word(args, 6) + (r * cols << 2);
    const label = load<u32>(word(args, 4) + (r << 2));
    if (label == word(args, 11)) {
      memory.fill(dx, 0, <usize>cols << 2);
      continue;
    }
    const scale = load<f32>(word(args, 2) + (r << 2));
    const state = word(args, 5) + r * STATE_BYTES;
    gradientRow(x, dx, cols, state, scale, share);
    const column = label - first;
    if (column < cols) {
      const shifted = load<f32>(x + (column << 2)) - load<f32>(state);
      const p = <f32>expOf(shifted) / load<f32>(state, 4);
      store<f32>(dx + (column << 2), scale * (p - (share + 1 - smoothing)));
    }
  }
}

/** dx = scale (softmax(x) - share). */
function gradientRow(x: usize, dx: usize, cols: u32, state: usize, scale: f32, share: f32): void {
  const m = v128.load32_splat(state), inverse = f32x4.splat(1 / load<f32>(state, 4));
  const s = f32x4.splat(scale), t = f32x4.splat(share);
  for (let c: u32 = 0; c < cols; c += 4) {
    const at = <usize>c << 2, rest = cols - c, whole = rest >= 4;
    const v = whole ? v128.load(x + at) : loadPart(x + at, rest, 0);
    const p = f32x4.mul(exp(f32x4.sub(v, m)), inverse);
    const g = f32x4.mul(s, f32x4.sub(p, t));
    if (whole) v128.store(dx + at, g);
    else storePart(dx + at, g, rest);
  }
}
