/** Dropout and the bits of attention's, with random words that are drawn, not stored. */
import { float, threadScratch, word } from './args';
import { drawWords, drop } from './philox';
import { loadPart, storePart } from './simd';

/** Elements whose words are drawn at a time. */
const BLOCK: u32 = 1024;

/**
 * Words: elements of a tile. Buffers: state, x, y. Parameters: count, first, call, threshold,
 * scale.
 */
export function dropout(args: usize, tile: i32): void {
  const size = word(args, 1), count = word(args, 5), first = word(args, 6);
  const threshold = i32x4.splat(word(args, 8)), scale = f32x4.splat(float(args, 9));
  const end = min((<u32>tile + 1) * size, count);
  for (let i = <u32>tile * size; i < end; i += BLOCK) {
    const n = min(BLOCK, end - i);
    let words = drawWords(threadScratch, first + i, n, word(args, 2), word(args, 7));
    let x: usize = word(args, 3) + (i << 2), y: usize = word(args, 4) + (i << 2);
    const whole = x + (<usize>(n & ~3) << 2);
    for (; x < whole; x += 16, y += 16, words += 16)
      v128.store(y, drop(v128.load(x), v128.load(words), threshold, scale));
    const rest = n & 3;
    if (rest) storePart(y, drop(loadPart(x, rest, 0), v128.load(words), threshold, scale), rest);
  }
}

/** Words: rows of a tile. Buffers: state, keepBits. Parameters: rows, keys, call, threshold. */
export function attentionKeepBits(args: usize, tile: i32): void {
  const count = word(args, 1), keys = word(args, 5);
  const threshold = i32x4.splat(word(args, 7));
  const end = min((<u32>tile + 1) * count, word(args, 4));
  let to: usize = word(args, 3) + (<u32>tile * count * ((keys + 31) >> 5) << 2);
  for (let r = <u32>tile * count; r < end; r++) {
    for (let column: u32 = 0; column < keys; column += 32, to += 4) {
      const n = min(32, keys - column);
      const words = drawWords(threadScratch, r * keys + column, n, word(args, 2), word(args, 6));
      let bits: u32 = 0;
      for (let j: u32 = 0; j < n; j += 4) {
        const keep = i32x4.ge_u(v128.load(words + (j << 2)), threshold);
        bits |= i32x4.bitmask(keep) << j;
      }
      store<u32>(to, n < 32 ? bits & ((1 << n) - 1) : bits);
    }
  }
}
