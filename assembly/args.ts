/** What a kernel's function reads of its launch: 32-bit words from `args` on (see index.ts). */

/** Word number `i`: a count, a stride, the address of a buffer. */
// @ts-ignore: decorator
@inline
export function word(args: usize, i: i32): u32 {
  return load<u32>(args + (<usize>i << 2));
}

/** Word number `i` as a float. */
// @ts-ignore: decorator
@inline
export function float(args: usize, i: i32): f32 {
  return load<f32>(args + (<usize>i << 2));
}

/** First place of part `i` of `parts` nearly equal parts of `length` places. */
// @ts-ignore: decorator
@inline
export function partStart(length: u32, parts: u32, i: u32): u32 {
  return <u32>((<u64>length * i) / parts);
}

/** Bytes of `threadScratch`. */
export const SCRATCH_BYTES: u32 = 1 << 20;

/** Memory of the running thread, for one tile at a time; each thread's instance has its own. */
export let threadScratch: usize = 0;

export function setThreadScratch(address: usize): void {
  threadScratch = address;
}
