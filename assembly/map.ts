/**
 * Element-by-element kernels: out[i] = op(x[i], …). Operands that are not dense are first copied to
 * the thread's scratch, a block at a time.
 */
import { float, threadScratch, word } from './args';
import { applyOp } from './mapOps';
import { copyWords } from './simd';

/** Elements of a block, and bytes between blocks of scratch. */
const BLOCK: u32 = 1024;
const BLOCK_BYTES: usize = 4096;

/**
 * Words: operation, number of operands (1 to 3), elements of a tile, a bit for each dense operand.
 * Buffers: the operands, the result. Parameters: shape, strides of each operand; offsets, rank,
 * count, numbers.
 */
export function map(args: usize, tile: i32): void {
  const op = word(args, 1), inputs = word(args, 2), size = word(args, 3), dense = word(args, 4);
  const buffers = args + 5 * 4;
  const dims = buffers + ((inputs + 1) << 2);
  const params = dims + ((inputs + 1) << 5);
  const rank = word(params, inputs), count = word(params, inputs + 1);
  const s = float(params, inputs + 2), t = float(params, inputs + 3);
  const out = word(buffers, inputs);
  const end = min((<u32>tile + 1) * size, count);
  for (let i = <u32>tile * size; i < end; ) {
    const n = dense == 7 ? end - i : min(BLOCK, end - i);
    let x: usize = 0, y: usize = 0, z: usize = 0;
    for (let k: u32 = 0; k < inputs; k++) {
      let at: usize = word(buffers, k) + (i << 2);
      if (!((dense >> k) & 1)) {
        at = threadScratch + k * BLOCK_BYTES;
        const from = word(buffers, k) + (word(params, k) << 2);
        gather(at, from, i, n, rank, dims, dims + ((k + 1) << 5));
      }
      if (k == 0) x = at;
      else if (k == 1) y = at;
      else z = at;
    }
    applyAll(op, n, out + (i << 2), x, inputs > 1 ? y : x, inputs > 2 ? z : x, s, t);
    i += n;
  }
}

/** Any number of elements: the last ones go through scratch as a whole vector. */
export function applyAll(
  op: u32,
  n: u32,
  out: usize,
  x: usize,
  y: usize,
  z: usize,
  s: f32,
  t: f32,
): void {
  applyOp(op, n >> 2, out, x, y, z, s, t);
  const bytes = (n & 3) << 2;
  if (!bytes) return;
  const done = <usize>(n & ~3) << 2;
  const part = threadScratch + 4 * BLOCK_BYTES;
  memory.copy(part, x + done, bytes);
  memory.copy(part + 16, y + done, bytes);
  memory.copy(part + 32, z + done, bytes);
  applyOp(op, 1, part + 48, part, part + 16, part + 32, s, t);
  memory.copy(out + done, part + 48, bytes);
}

/** Copies elements `first` to `first + n` of a strided view. */
export function gather(
  to: usize,
  from: usize,
  first: u32,
  n: u32,
  rank: u32,
  shape: usize,
  strides: usize,
): void {
  copyStrided(to, from, first, n, rank, shape, strides, true);
}

/** The other way round. */
export function scatter(
  from: usize,
  to: usize,
  first: u32,
  n: u32,
  rank: u32,
  shape: usize,
  strides: usize,
): void {
  copyStrided(from, to, first, n, rank, shape, strides, false);
}

/** Copies between `n` dense elements and those of a strided view, from element `first` on. */
// @ts-ignore: decorator
@inline
function copyStrided(
  dense: usize,
  view: usize,
  first: u32,
  n: u32,
  rank: u32,
  shape: usize,
  strides: usize,
  toDense: bool,
): void {
  const length = rank ? word(shape, rank - 1) : 1;
  const stride = rank ? <usize>word(strides, rank - 1) << 2 : 0;
  const end = dense + (<usize>n << 2);
  let row = first / length;
  let column = first - row * length;
  while (dense < end) {
    let at = view + column * stride;
    for (let d = <i32>rank - 2, rest = row; d >= 0; d--) {
      const size = word(shape, d);
      const whole = rest / size;
      at += ((rest - whole * size) * word(strides, d)) << 2;
      rest = whole;
    }
    const rowEnd = min(end, dense + (<usize>(length - column) << 2));
    if (stride == 4) {
      const count = <u32>((rowEnd - dense) >> 2);
      copyWords(toDense ? dense : at, toDense ? at : dense, count);
      dense = rowEnd;
    } else {
      for (; dense < rowEnd; dense += 4, at += stride) {
        if (toDense) store<u32>(dense, load<u32>(at));
        else store<u32>(at, load<u32>(dense));
      }
    }
    row++;
    column = 0;
  }
}
