/** Adam, and what clips gradients. */
import { float, word } from './args';
import { dotOf } from './sums';

/** Elements of a block, and words of a row of `hyper`: see src/kernels/optimizers.ts. */
const BLOCK_SIZE: u32 = 1024;
const HYPER_SIZE: u32 = 12;
/** Elements of a sum of squares: see src/kernels/reduction/gradientNorm.ts. */
const CHUNK_SIZE: u32 = 4096;

// @ts-ignore: decorator
@inline
function c(x: f32): v128 {
  return f32x4.splat(x);
}

/**
 * Words: blocks of a tile. Buffers: owners, hyper, grad, param, m, v, and vMax for AMSGrad.
 * Parameters: blocks, first.
 */
export function adam(args: usize, tile: i32): void {
  adamTile(args, tile, word(args, 8), word(args, 9), 0);
}
export function adamAmsgrad(args: usize, tile: i32): void {
  adamTile(args, tile, word(args, 9), word(args, 10), word(args, 8));
}

function adamTile(args: usize, tile: i32, blocks: u32, first: u32, vMax: usize): void {
  const count = word(args, 1);
  const end = min((<u32>tile + 1) * count, blocks);
  for (let block = <u32>tile * count; block < end; block++) {
    const owner = load<u32>(word(args, 2) + ((first + block) << 2));
    const row = word(args, 3) + (owner * HYPER_SIZE << 2);
    if (float(row, HYPER_SIZE - 1) == 0) continue;
    const at = <usize>block * BLOCK_SIZE << 2;
    adamBlock(
      row,
      word(args, 4) + at,
      word(args, 5) + at,
      word(args, 6) + at,
      word(args, 7) + at,
      vMax ? vMax + at : 0,
    );
  }
}

/** One block; `row`: see `adamRow` in src/kernels/optimizers.ts. */
function adamBlock(row: usize, grad: usize, param: usize, m: usize, v: usize, vMax: usize): void {
  const lr = float(row, 0), decay = float(row, 4), decoupled = float(row, 9) != 0;
  const beta1 = c(float(row, 1)), beta2 = c(float(row, 2)), eps = c(float(row, 3));
  const rest1 = c(float(row, 5)), rest2 = c(float(row, 6));
  const rate = c(lr / float(row, 7)), correction2 = c(1 / float(row, 8));
  const shrink = c(decoupled ? lr * decay : 0), pull = c(decoupled ? 0 : decay);
  const end = grad + (BLOCK_SIZE << 2);
  for (; grad < end; grad += 16, param += 16, m += 16, v += 16) {
    let w = v128.load(param);
    const g = f32x4.add(v128.load(grad), f32x4.mul(w, pull));
    w = f32x4.sub(w, f32x4.mul(w, shrink));
    const m1 = f32x4.add(f32x4.mul(beta1, v128.load(m)), f32x4.mul(rest1, g));
    const v1 = f32x4.add(f32x4.mul(beta2, v128.load(v)), f32x4.mul(f32x4.mul(rest2, g), g));
    v128.store(m, m1);
    v128.store(v, v1);
    let second = v1;
    if (vMax) {
      second = f32x4.max(v128.load(vMax), v1);
      v128.store(vMax, second);
      vMax += 16;
    }
    const size = f32x4.add(f32x4.mul(f32x4.sqrt(second), correction2), eps);
    v128.store(param, f32x4.sub(w, f32x4.div(f32x4.mul(rate, m1), size)));
  }
}

/** Words: chunks of a tile. Buffers: x, partial. Parameters: count, first. */
export function sumSquares(args: usize, tile: i32): void {
  const chunks = word(args, 1), count = word(args, 4);
  const partial = word(args, 3) + (word(args, 5) << 2);
  const end = min((<u32>tile + 1) * chunks, (count + CHUNK_SIZE - 1) / CHUNK_SIZE);
  for (let i = <u32>tile * chunks; i < end; i++) {
    const start = i * CHUNK_SIZE;
    const x = word(args, 2) + (start << 2);
    store<f32>(partial + (i << 2), <f32>dotOf(x, x, min(CHUNK_SIZE, count - start)));
  }
}

/** Words: elements of a tile. Buffers: norm, x. Parameters: count, maxNorm. */
export function clipByNorm(args: usize, tile: i32): void {
  const size = word(args, 1), count = word(args, 4);
  const norm = load<f32>(word(args, 2)) + 1e-6, most = float(args, 5);
  if (norm <= most) return;
  const factor = most / norm;
  const first = <u32>tile * size, n = min(size, count - first);
  let x: usize = word(args, 3) + (first << 2);
  const end = x + (<usize>n << 2);
  for (; x + 16 <= end; x += 16) {
    const value = v128.load(x);
    // Zeros stay: a factor that is NaN must not reach the gaps.
    const isZero = f32x4.eq(value, c(0));
    v128.store(x, v128.bitselect(value, f32x4.mul(value, c(factor)), isZero));
  }
  for (; x < end; x += 4) {
    const value = load<f32>(x);
    if (value != 0) store<f32>(x, value * factor);
  }
}
