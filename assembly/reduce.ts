/**
 * Reductions of the middle axis of [outer, n, inner], in chunks of n: sum and maximum. Rows are
 * summed along, columns eight rows at a time.
 */
import { word } from './args';
import { sumOf } from './sums';

/** Rows of a group, whose columns are reduced first: GROUP in src/kernels/kit/wasmTiles.ts. */
const GROUP: u32 = 128;

export function sumRows(args: usize, tile: i32): void {
  reduceRows(args, tile, false);
}
export function maxRows(args: usize, tile: i32): void {
  reduceRows(args, tile, true);
}
export function sumGroup(args: usize, tile: i32): void {
  reduceGroup(args, tile, false);
}
export function maxGroup(args: usize, tile: i32): void {
  reduceGroup(args, tile, true);
}
export function sumGroups(args: usize, tile: i32): void {
  reduceGroups(args, tile, false);
}
export function maxGroups(args: usize, tile: i32): void {
  reduceGroups(args, tile, true);
}

// @ts-ignore: decorator
@inline
function combine(a: v128, b: v128, isMax: bool): v128 {
  return isMax ? f32x4.max(a, b) : f32x4.add(a, b);
}

/** Words: results of a tile. Buffers: x, y. Parameters: outer, n, inner, size, chunks, at. */
// @ts-ignore: decorator
@inline
function reduceRows(args: usize, tile: i32, isMax: bool): void {
  const count = word(args, 1);
  const n = word(args, 5), size = word(args, 7), chunks = word(args, 8);
  const y = word(args, 3) + (word(args, 9) << 2);
  const end = min((<u32>tile + 1) * count, word(args, 4) * chunks);
  for (let i = <u32>tile * count; i < end; i++) {
    const first = (i % chunks) * size;
    const x = word(args, 2) + (((i / chunks) * n + first) << 2);
    const length = min(size, n - min(first, n));
    store<f32>(y + (i << 2), isMax ? largest(x, length) : <f32>sumOf(x, length));
  }
}

/** Largest of `count` elements, -Infinity if there are none; NaN if one is. */
function largest(x: usize, count: u32): f32 {
  let m = f32x4.splat(-Infinity);
  const end = x + (<usize>count << 2);
  for (; x + 16 <= end; x += 16) m = f32x4.max(m, v128.load(x));
  for (; x < end; x += 4) m = f32x4.max(m, v128.load32_splat(x));
  m = f32x4.max(m, v128.shuffle<f32>(m, m, 2, 3, 0, 1));
  return max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1));
}

/**
 * The first phase: each tile reduces some columns of a group of rows of a chunk. Words: columns of
 * a tile, groups of a chunk; then the address of the groups' results. A single group's is y
 * itself. The rest as above.
 */
// @ts-ignore: decorator
@inline
function reduceGroup(args: usize, tile: i32, isMax: bool): void {
  const width = word(args, 1), groups = word(args, 2);
  const n = word(args, 7), inner = word(args, 8), size = word(args, 9), chunks = word(args, 10);
  const strips = (inner + width - 1) / width;
  const group = <u32>tile / strips, column = (<u32>tile % strips) * width;
  const cols = min(width, inner - column);
  const block = group / groups, chunk = block % chunks;
  const first = chunk * size + (group % groups) * GROUP;
  const end = min(min((chunk + 1) * size, n), first + GROUP);
  const line = <usize>inner << 2;
  let x: usize = word(args, 4) + ((((block / chunks) * n + first) * inner + column) << 2);
  const results = groups == 1 ? word(args, 5) + (word(args, 11) << 2) : word(args, 3);
  const to = results + ((group * inner + column) << 2);
  fillFloats(to, cols, isMax ? -Infinity : 0);
  let r = first;
  for (; r + 8 <= end; r += 8, x += 8 * line) addEight(to, x, line, cols, isMax);
  for (; r < end; r++, x += line) addOne(to, x, cols, isMax);
}

/** The second phase: the groups of a chunk, in order. Words: as above. */
// @ts-ignore: decorator
@inline
function reduceGroups(args: usize, tile: i32, isMax: bool): void {
  const width = word(args, 1), groups = word(args, 2), inner = word(args, 8);
  const strips = (inner + width - 1) / width;
  const block = <u32>tile / strips, column = (<u32>tile % strips) * width;
  const cols = min(width, inner - column);
  const y = word(args, 5) + ((word(args, 11) + block * inner + column) << 2);
  fillFloats(y, cols, isMax ? -Infinity : 0);
  for (let g: u32 = 0; g < groups; g++)
    addOne(y, word(args, 3) + (((block * groups + g) * inner + column) << 2), cols, isMax);
}

function fillFloats(to: usize, count: u32, value: f32): void {
  for (let i: u32 = 0; i < count; i++) store<f32>(to + (i << 2), value);
}

/** Adds eight rows to another. */
// @ts-ignore: decorator
@inline
function addEight(to: usize, x: usize, line: usize, cols: u32, isMax: bool): void {
  const end = to + (<usize>(cols & ~3) << 2);
  for (; to < end; to += 16, x += 16) {
    const x4 = x + 4 * line;
    const a = combine(v128.load(x), v128.load(x + line), isMax);
    const b = combine(v128.load(x + 2 * line), v128.load(x + 3 * line), isMax);
    const c = combine(v128.load(x4), v128.load(x4 + line), isMax);
    const d = combine(v128.load(x4 + 2 * line), v128.load(x4 + 3 * line), isMax);
    const all = combine(combine(a, b, isMax), combine(c, d, isMax), isMax);
    v128.store(to, combine(v128.load(to), all, isMax));
  }
  for (let j = cols & ~3; j < cols; j++, to += 4, x += 4) {
    let part = load<f32>(x);
    for (let r: usize = 1; r < 8; r++) {
      const value = load<f32>(x + r * line);
      part = isMax ? max(part, value) : part + value;
    }
    store<f32>(to, isMax ? max(load<f32>(to), part) : load<f32>(to) + part);
  }
}

/** Adds a row to another. */
// @ts-ignore: decorator
@inline
function addOne(to: usize, x: usize, cols: u32, isMax: bool): void {
  const end = to + (<usize>(cols & ~3) << 2);
  for (; to < end; to += 16, x += 16)
    v128.store(to, combine(v128.load(to), v128.load(x), isMax));
  for (let j = cols & ~3; j < cols; j++, to += 4, x += 4) {
    const value = load<f32>(x);
    store<f32>(to, isMax ? max(load<f32>(to), value) : load<f32>(to) + value);
  }
}
