/** Rows of a table, and their gradients. */
import { threadScratch, word } from './args';
import { copyWords } from './simd';
import { addRow } from './sums';

/** Positions whose rows are added up before they are added to the rest of a long chain. */
const GROUP: u32 = 64;

/** Words: positions of a tile. Buffers: weight, ids, y. Parameters: vocab, first, rows, cols, n. */
export function embedding(args: usize, tile: i32): void {
  const count = word(args, 1);
  const vocab = word(args, 5), first = word(args, 6), rows = word(args, 7), cols = word(args, 8);
  const end = min((<u32>tile + 1) * count, word(args, 9));
  for (let i = <u32>tile * count; i < end; i++) {
    const id = load<u32>(word(args, 3) + (i << 2));
    const y = word(args, 4) + (i * cols << 2);
    if (id - first < rows)
      copyWords(y, word(args, 2) + ((id - first) * cols << 2), cols);
    else if (id >= vocab) for (let c: u32 = 0; c < cols; c++) store<f32>(y + (c << 2), NaN);
  }
}

/** Words: rows of a tile. Buffers: touchedRows, y. Parameters: rows, cols. */
export function zeroTouchedRows(args: usize, tile: i32): void {
  const count = word(args, 1), bytes = word(args, 5) << 2;
  const end = min((<u32>tile + 1) * count, word(args, 4));
  for (let row = <u32>tile * count; row < end; row++) {
    const mark = word(args, 2) + (row << 2);
    if (!load<u32>(mark)) continue;
    store<u32>(mark, 0);
    memory.fill(word(args, 3) + row * bytes, 0, bytes);
  }
}

/**
 * Words: positions and columns of a tile. Buffers: dy, ids, next, dWeight. Parameters: vocab,
 * first, rows, cols, n, padding.
 */
export function embeddingBackward(args: usize, tile: i32): void {
  const count = word(args, 1), width = word(args, 2);
  const first = word(args, 8), rows = word(args, 9), cols = word(args, 10), n = word(args, 11);
  const strips = (cols + width - 1) / width;
  const column = (<u32>tile % strips) * width, start = (<u32>tile / strips) * count;
  const dy = word(args, 3) + (column << 2), line = <usize>cols << 2;
  const length = min(width, cols - column);
  for (let i = start; i < min(start + count, n); i++) {
    const id = load<u32>(word(args, 4) + (i << 2));
    if (id == word(args, 12) || id - first >= rows) continue;
    let cursor = load<u32>(word(args, 5) + (i << 2));
    // An earlier position has the same id.
    if (cursor >= 0x80000000) continue;
    const to = word(args, 6) + ((id - first) * cols + column << 2);
    if (cursor >= n) {
      addRow(to, dy + i * line, length);
      continue;
    }
    const total = threadScratch;
    copyWords(total, dy + i * line, length);
    while (cursor < n) {
      const part = threadScratch + 4096;
      copyWords(part, dy + cursor * line, length);
      cursor = load<u32>(word(args, 5) + (cursor << 2)) & 0x7fffffff;
      for (let k: u32 = 1; k < GROUP && cursor < n; k++) {
        addRow(part, dy + cursor * line, length);
        cursor = load<u32>(word(args, 5) + (cursor << 2)) & 0x7fffffff;
      }
      addRow(total, part, length);
    }
    addRow(to, total, length);
  }
}
