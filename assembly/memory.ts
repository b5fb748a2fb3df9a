/** Filling, adding and copying. */
import { threadScratch, word } from './args';
import { gather, scatter } from './map';
import { addRow } from './sums';

/** Elements of a block of a strided copy. */
const BLOCK: u32 = 1024;

/** Words: elements of a tile. Buffers: y. Parameters: count, bits. */
export function fill(args: usize, tile: i32): void {
  const size = word(args, 1), first = <u32>tile * size;
  const bits = i32x4.splat(word(args, 4));
  let y: usize = word(args, 2) + (first << 2);
  const end = y + (<usize>min(size, word(args, 3) - first) << 2);
  for (; y + 16 <= end; y += 16) v128.store(y, bits);
  for (; y < end; y += 4) store<u32>(y, word(args, 4));
}

/** y += x. Words: elements of a tile. Buffers: x, y. Parameters: count. */
export function accumulate(args: usize, tile: i32): void {
  const size = word(args, 1), first = <u32>tile * size;
  const count = min(size, word(args, 4) - first);
  addRow(word(args, 3) + (first << 2), word(args, 2) + (first << 2), count);
}

/**
 * Words: elements of a tile. Buffers: x, y. Parameters: shape, strides of x and y; rank, count,
 * offsets of x and y.
 */
export function storeStrided(args: usize, tile: i32): void {
  const size = word(args, 1), shape = args + 16, params = shape + 96;
  const rank = word(params, 0);
  const x = word(args, 2) + (word(params, 2) << 2), y = word(args, 3) + (word(params, 3) << 2);
  const end = min((<u32>tile + 1) * size, word(params, 1));
  for (let i = <u32>tile * size; i < end; i += BLOCK) {
    const n = min(BLOCK, end - i);
    gather(threadScratch, x, i, n, rank, shape, shape + 32);
    scatter(threadScratch, y, i, n, rank, shape, shape + 64);
  }
}
