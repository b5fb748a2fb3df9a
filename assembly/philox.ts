/**
 * Random words, four counters at a time: Philox4x32-10, equal to `philox4x32` in
 * src/kernels/kit/philox.ts bit for bit.
 */

/**
 * The words of blocks `block` to `block + 3` of call `call` in the order of elements: 16 words.
 */
// @ts-ignore: decorator
@inline
function fourBlocks(to: usize, block: u32, call: u32, key0: u32, key1: u32): void {
  const m0 = i32x4.splat(0xd2511f53), m1 = i32x4.splat(0xcd9e8d57);
  let c0 = i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3)), c1 = i32x4.splat(call);
  let c2 = i32x4.splat(0), c3 = i32x4.splat(1);
  let k0 = i32x4.splat(key0), k1 = i32x4.splat(key1);
  let round = 0;
  do {
    // Products of 64 bits; their halves are shuffled apart.
    const a0 = i64x2.extmul_low_i32x4_u(c0, m0), a1 = i64x2.extmul_high_i32x4_u(c0, m0);
    const b0 = i64x2.extmul_low_i32x4_u(c2, m1), b1 = i64x2.extmul_high_i32x4_u(c2, m1);
    c0 = v128.xor(v128.shuffle<i32>(b0, b1, 1, 3, 5, 7), v128.xor(c1, k0));
    c2 = v128.xor(v128.shuffle<i32>(a0, a1, 1, 3, 5, 7), v128.xor(c3, k1));
    c1 = v128.shuffle<i32>(b0, b1, 0, 2, 4, 6);
    c3 = v128.shuffle<i32>(a0, a1, 0, 2, 4, 6);
    k0 = i32x4.add(k0, i32x4.splat(0x9e3779b9));
    k1 = i32x4.add(k1, i32x4.splat(0xbb67ae85));
  } while (++round < 10);
  const a0 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5), a1 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
  const b0 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5), b1 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i32>(a0, b0, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<i32>(a0, b0, 2, 3, 6, 7), 16);
  v128.store(to, v128.shuffle<i32>(a1, b1, 0, 1, 4, 5), 32);
  v128.store(to, v128.shuffle<i32>(a1, b1, 2, 3, 6, 7), 48);
}

/**
 * Writes the random words of elements `first` to `first + count` of a tensor; returns where that of
 * `first` lies. There must be room for `count` + 20 words. `state`: see `dropoutWgsl`.
 */
export function drawWords(to: usize, first: u32, count: u32, state: usize, call: u32): usize {
  const key0 = load<u32>(state), key1 = load<u32>(state, 4), at = load<u32>(state, 8) + call;
  const result = to + ((first & 3) << 2);
  const end = result + (<usize>count << 2);
  for (let block = first >> 2; to < end; block += 4, to += 64)
    fourBlocks(to, block, at, key0, key1);
  return result;
}

/** x with elements zeroed where the random words are below `threshold`, and others scaled. */
// @ts-ignore: decorator
@inline
export function drop(x: v128, words: v128, threshold: v128, scale: v128): v128 {
  return v128.and(f32x4.mul(x, scale), i32x4.ge_u(words, threshold));
}
