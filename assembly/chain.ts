/**
 * Fused element-by-element launches: a chain of operations, a block of elements at a time. Results
 * that only later operations read stay in the thread's scratch, which the first cache holds.
 */
import { float, threadScratch, word } from './args';
import { applyAll } from './map';

/** Elements of a block. */
const BLOCK: u32 = 512;
/** Where the slots for such results begin: `applyAll` uses what comes before. */
const SLOTS: usize = 32768;
const SLOT_BYTES: usize = 2048;
/** Words of an operation: its number, three operands, its result, the place of its numbers. */
const OP_WORDS: i32 = 6;

/**
 * Words: elements of a tile, number of buffers, of operations; then the operations. An operand or a
 * result is a buffer's number, or -1 - a slot's. Parameters: the count, a zero, numbers.
 */
export function chain(args: usize, tile: i32): void {
  const size = word(args, 1), buffers = word(args, 2), count = word(args, 3);
  const ops = args + 16;
  const addresses = ops + ((count * OP_WORDS) << 2);
  const params = addresses + (buffers << 2);
  const end = min((<u32>tile + 1) * size, word(params, 0));
  for (let i = <u32>tile * size; i < end; i += BLOCK) {
    const n = min(BLOCK, end - i);
    for (let o: u32 = 0; o < count; o++) {
      const op = ops + ((o * OP_WORDS) << 2);
      const numbers = <i32>word(op, 5);
      applyAll(
        word(op, 0),
        n,
        place(addresses, <i32>word(op, 4), i),
        place(addresses, <i32>word(op, 1), i),
        place(addresses, <i32>word(op, 2), i),
        place(addresses, <i32>word(op, 3), i),
        float(params, numbers),
        float(params, numbers + 1),
      );
    }
  }
}

/** Address of element `i` of a buffer, or of a slot. */
// @ts-ignore: decorator
@inline
function place(addresses: usize, source: i32, i: u32): usize {
  if (source < 0) return threadScratch + SLOTS + (-1 - source) * SLOT_BYTES;
  return word(addresses, source) + (i << 2);
}
