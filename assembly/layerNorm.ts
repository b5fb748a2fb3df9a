/** Layer normalisation, with dropout and residual before it or without. */
import { float, threadScratch, word } from './args';
import { drawWords, drop } from './philox';
import { hsum, loadPart, storePart } from './simd';
import { SUM_BLOCK } from './sums';

/** Columns of a row whose random words are drawn at a time. */
const DRAWN: u32 = 4096;

/** Σ (x - origin) of a row, or Σ (x - origin - shift)² if `squared`. */
// @ts-ignore: decorator
@inline
function momentOf(x: usize, cols: u32, origin: f32, shift: f32, squared: bool): f64 {
  const o = f32x4.splat(origin), s = f32x4.splat(shift);
  let total: f64 = 0;
  for (let start: u32 = 0; start < cols; start += SUM_BLOCK) {
    const end = x + (<usize>min(SUM_BLOCK, cols - start) << 2);
    let s0 = f32x4.splat(0), s1 = s0;
    for (; x + 32 <= end; x += 32) {
      let d = f32x4.sub(f32x4.sub(v128.load(x), o), s);
      s0 = f32x4.add(s0, squared ? f32x4.mul(d, d) : d);
      d = f32x4.sub(f32x4.sub(v128.load(x, 16), o), s);
      s1 = f32x4.add(s1, squared ? f32x4.mul(d, d) : d);
    }
    total += <f64>hsum(f32x4.add(s0, s1));
    for (; x < end; x += 4) {
      const d = load<f32>(x) - origin - shift;
      total += <f64>(squared ? d * d : d);
    }
  }
  return total;
}

/**
 * y = (z - mean) rstd weight + bias of one row; z and y may be the same. Stores the moments unless
 * their address is 0. Distances from the first element lose no digits to a common offset.
 */
function normalizeRow(
  z: usize,
  weight: usize,
  bias: usize,
  y: usize,
  moments: usize,
  cols: u32,
  eps: f32,
): void {
  const origin = load<f32>(z);
  const shift = <f32>(momentOf(z, cols, origin, 0, false) / <f64>cols);
  const variance = momentOf(z, cols, origin, shift, true) / <f64>cols;
  const rstd = <f32>(1 / Math.sqrt(variance + <f64>eps));
  if (moments) {
    store<f32>(moments, origin + shift);
    store<f32>(moments, rstd, 4);
  }
  const o = f32x4.splat(origin), s = f32x4.splat(shift), f = f32x4.splat(rstd);
  const end = z + (<usize>cols << 2);
  for (; z + 16 <= end; z += 16, weight += 16, bias += 16, y += 16) {
    const h = f32x4.mul(f32x4.sub(f32x4.sub(v128.load(z), o), s), f);
    v128.store(y, f32x4.add(f32x4.mul(h, v128.load(weight)), v128.load(bias)));
  }
  for (; z < end; z += 4, weight += 4, bias += 4, y += 4) {
    const h = (load<f32>(z) - origin - shift) * rstd;
    store<f32>(y, h * load<f32>(weight) + load<f32>(bias));
  }
}

/** Words: rows of a tile. Buffers: x, weight, bias, y, moments. Parameters: rows, cols, eps. */
export function layerNorm(args: usize, tile: i32): void {
  const count = word(args, 1), cols = word(args, 8);
  const end = min((<u32>tile + 1) * count, word(args, 7));
  for (let r = <u32>tile * count; r < end; r++) {
    const at = <usize>r * cols << 2;
    const x = word(args, 2) + at, y = word(args, 5) + at, moments = word(args, 6) + (r << 3);
    normalizeRow(x, word(args, 3), word(args, 4), y, moments, cols, float(args, 9));
  }
}

/**
 * Words: rows of a tile, whether there is dropout, whether z and moments are stored. Buffers: state
 * if there is dropout, x, residual, weight, bias, y, and z and moments if stored. Parameters: rows,
 * cols, eps, call, threshold, scale.
 */
export function addLayerNorm(args: usize, tile: i32): void {
  const count = word(args, 1), drops = word(args, 2) != 0, saves = word(args, 3) != 0;
  const state = drops ? word(args, 4) : 0;
  const b = args + (drops ? 20 : 16);
  const p = b + (saves ? 28 : 20);
  const cols = word(p, 1);
  const end = min((<u32>tile + 1) * count, word(p, 0));
  for (let r = <u32>tile * count; r < end; r++) {
    const at = <usize>r * cols << 2;
    const x = word(b, 0) + at, residual = word(b, 1) + at, y = word(b, 4) + at;
    const z = saves ? word(b, 5) + at : y;
    if (drops) addDropped(x, residual, z, r * cols, cols, state, p);
    else addRows(x, residual, z, cols);
    const moments = saves ? word(b, 6) + (r << 3) : 0;
    normalizeRow(z, word(b, 2), word(b, 3), y, moments, cols, float(p, 2));
  }
}

function addRows(x: usize, residual: usize, z: usize, cols: u32): void {
  const end = x + (<usize>cols << 2);
  for (; x + 16 <= end; x += 16, residual += 16, z += 16)
    v128.store(z, f32x4.add(v128.load(x), v128.load(residual)));
  for (; x < end; x += 4, residual += 4, z += 4)
    store<f32>(z, load<f32>(x) + load<f32>(residual));
}

/** z = dropout(x) + residual, unless `residual` is 0; `first`: the first element's place. */
export function addDropped(
  x: usize,
  residual: usize,
  z: usize,
  first: u32,
  cols: u32,
  state: usize,
  p: usize,
): void {
  const threshold = i32x4.splat(word(p, 4)), scale = f32x4.splat(float(p, 5));
  for (let start: u32 = 0; start < cols; start += DRAWN) {
    const n = min(DRAWN, cols - start);
    let words = drawWords(threadScratch, first + start, n, state, word(p, 3));
    const end = x + (<usize>(n & ~3) << 2);
    for (; x < end; x += 16, z += 16, words += 16) {
      let kept = drop(v128.load(x), v128.load(words), threshold, scale);
      if (residual) {
        kept = f32x4.add(kept, v128.load(residual));
        residual += 16;
      }
      v128.store(z, kept);
    }
    const rest = n & 3;
    if (!rest) continue;
    const kept = drop(loadPart(x, rest, 0), v128.load(words), threshold, scale);
    storePart(z, residual ? f32x4.add(kept, loadPart(residual, rest, 0)) : kept, rest);
  }
}
