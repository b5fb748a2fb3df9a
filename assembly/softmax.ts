/** The softmax family, row by row. */
import { float, word } from './args';
import { exp, expNonPositive, log } from './math';
import { hsum, loadPart, storePart } from './simd';
import { dotOf, largestLane, maxOf, SUM_BLOCK, sumOf } from './sums';

/**
 * y = exp(x - shift) over a row; returns the sum. x and y may be the same row, and y may be 0: then
 * nothing is stored.
 */
export function expRow(x: usize, y: usize, cols: u32, shift: f32): f64 {
  const s = f32x4.splat(shift);
  let total: f64 = 0;
  for (let start: u32 = 0; start < cols; start += SUM_BLOCK) {
    const n = min(SUM_BLOCK, cols - start);
    const from = x + (start << 2), to = y ? y + (start << 2) : 0;
    if (n >= 4) total += to ? expAndSum(from, to, n & ~3, s) : sumOfExp(from, n & ~3, s);
    const rest = n & 3, at = <usize>(n & ~3) << 2;
    if (!rest) continue;
    const e = expNonPositive(f32x4.sub(loadPart(from + at, rest, -Infinity), s));
    total += <f64>hsum(e);
    if (to) storePart(to + at, e, rest);
  }
  return total;
}

/** y = exp(x - shift) for whole vectors, and the sum. See `applyOp` for the shape of the loop. */
function expAndSum(x: usize, y: usize, count: u32, shift: v128): f64 {
  const end = x + (<usize>count << 2);
  let sum = f32x4.splat(0);
  do {
    const e = expNonPositive(f32x4.sub(v128.load(x), shift));
    sum = f32x4.add(sum, e);
    v128.store(y, e);
    x += 16;
    y += 16;
  } while (x < end);
  return <f64>hsum(sum);
}

function sumOfExp(x: usize, count: u32, shift: v128): f64 {
  const end = x + (<usize>count << 2);
  let sum = f32x4.splat(0);
  do {
    sum = f32x4.add(sum, expNonPositive(f32x4.sub(v128.load(x), shift)));
    x += 16;
  } while (x < end);
  return <f64>hsum(sum);
}

/** y *= factor. */
export function scaleRow(y: usize, cols: u32, factor: f32): void {
  const end = y + (<usize>cols << 2);
  const f = f32x4.splat(factor);
  for (; y + 16 <= end; y += 16) v128.store(y, f32x4.mul(v128.load(y), f));
  for (; y < end; y += 4) store<f32>(y, load<f32>(y) * factor);
}

/** Words: rows of a tile. Buffers: x, y. Parameters: rows, cols. */
export function softmax(args: usize, tile: i32): void {
  const count = word(args, 1), cols = word(args, 5);
  const end = min((<u32>tile + 1) * count, word(args, 4));
  for (let r = <u32>tile * count; r < end; r++) {
    const at = <usize>r * cols << 2;
    const x = word(args, 2) + at, y = word(args, 3) + at;
    const sum = expRow(x, y, cols, maxOf(x, cols));
    scaleRow(y, cols, <f32>(1 / sum));
  }
}

/** y = scale x + mask; returns the largest element, as `maxOf` does. */
export function maskRow(x: usize, mask: usize, y: usize, cols: u32, scale: f32): f32 {
  const end = x + (<usize>cols << 2);
  const s = f32x4.splat(scale);
  let most = f32x4.splat(-f32.MAX_VALUE);
  for (; x + 16 <= end; x += 16, mask += 16, y += 16) {
    const z = f32x4.add(f32x4.mul(v128.load(x), s), v128.load(mask));
    most = f32x4.pmax(most, z);
    v128.store(y, z);
  }
  for (; x < end; x += 4, mask += 4, y += 4) {
    const z = load<f32>(x) * scale + load<f32>(mask);
    most = f32x4.pmax(most, f32x4.splat(z));
    store<f32>(y, z);
  }
  return largestLane(most);
}

/** Buffers: x, mask, y. Parameters: rows, cols, scale, rowsPerMask, causalRows. */
export function maskedSoftmax(args: usize, tile: i32): void {
  const count = word(args, 1), cols = word(args, 6), scale = float(args, 7);
  const rowsPerMask = word(args, 8), causalRows = word(args, 9);
  const end = min((<u32>tile + 1) * count, word(args, 5));
  for (let r = <u32>tile * count; r < end; r++) {
    const y = word(args, 4) + (r * cols << 2);
    const visible = causalRows ? min(cols, (r % causalRows) + 1) : cols;
    const mask = word(args, 3) + ((r / rowsPerMask) * cols << 2);
    const most = maskRow(word(args, 2) + (r * cols << 2), mask, y, visible, scale);
    const sum = expRow(y, y, visible, most);
    // The sum of a row whose columns are all hidden is 0.
    scaleRow(y, visible, sum == 0 ? 1 : <f32>(1 / sum));
    memory.fill(y + (visible << 2), 0, <usize>(cols - visible) << 2);
  }
}

/** dx = scale y (dy - Σ y dy). Buffers: dy, y, dx. Parameters: rows, cols, scale. */
export function softmaxBackward(args: usize, tile: i32): void {
  const count = word(args, 1), cols = word(args, 6), scale = float(args, 7);
  const end = min((<u32>tile + 1) * count, word(args, 5));
  for (let r = <u32>tile * count; r < end; r++) {
    let dy: usize = word(args, 2) + (r * cols << 2), y: usize = word(args, 3) + (r * cols << 2);
    let dx: usize = word(args, 4) + (r * cols << 2);
    const dot = <f32>dotOf(dy, y, cols);
    const d = f32x4.splat(dot), s = f32x4.splat(scale);
    const rowEnd = dy + (<usize>cols << 2);
    for (; dy + 16 <= rowEnd; dy += 16, y += 16, dx += 16) {
      const rest = f32x4.sub(v128.load(dy), d);
      v128.store(dx, f32x4.mul(f32x4.mul(v128.load(y), s), rest));
    }
    for (; dy < rowEnd; dy += 4, y += 4, dx += 4)
      store<f32>(dx, scale * load<f32>(y) * (load<f32>(dy) - dot));
  }
}

/** Buffers and parameters as of softmax. */
export function logSoftmax(args: usize, tile: i32): void {
  const count = word(args, 1), cols = word(args, 5);
  const end = min((<u32>tile + 1) * count, word(args, 4));
  for (let r = <u32>tile * count; r < end; r++) {
    let x: usize = word(args, 2) + (r * cols << 2), y: usize = word(args, 3) + (r * cols << 2);
    const most = maxOf(x, cols);
    const sum = f32x4.splat(<f32>expRow(x, 0, cols, most));
    const m = f32x4.splat(most), shift = log(sum);
    const rowEnd = x + (<usize>cols << 2);
    for (; x + 16 <= rowEnd; x += 16, y += 16)
      v128.store(y, f32x4.sub(f32x4.sub(v128.load(x), m), shift));
    for (; x < rowEnd; x += 4, y += 4)
      store<f32>(y, load<f32>(x) - most - f32x4.extract_lane(shift, 0));
  }
}

/** dx = dy - exp(y) Σ dy. Buffers: dy, y, dx. Parameters: rows, cols. */
export function logSoftmaxBackward(args: usize, tile: i32): void {
  const count = word(args, 1), cols = word(args, 6);
  const end = min((<u32>tile + 1) * count, word(args, 5));
  for (let r = <u32>tile * count; r < end; r++) {
    let dy: usize = word(args, 2) + (r * cols << 2), y: usize = word(args, 3) + (r * cols << 2);
    let dx: usize = word(args, 4) + (r * cols << 2);
    const total = f32x4.splat(<f32>sumOf(dy, cols));
    const rowEnd = dy + (<usize>cols << 2);
    for (; dy + 16 <= rowEnd; dy += 16, y += 16, dx += 16) {
      const share = f32x4.mul(exp(v128.load(y)), total);
      v128.store(dx, f32x4.sub(v128.load(dy), share));
    }
    const rest = <u32>((rowEnd - dy) >> 2);
    if (rest) {
      const share = f32x4.mul(exp(loadPart(y, rest, 0)), total);
      storePart(dx, f32x4.sub(loadPart(dy, rest, 0), share), rest);
    }
  }
}
