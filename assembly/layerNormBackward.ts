/** Gradients of layer normalisation. */
import { word } from './args';
import { addDropped } from './layerNorm';
import { hsum, loadPart, madd, storePart } from './simd';
import { addRow, SUM_BLOCK } from './sums';

/** Rows of a group, whose columns are added up first: GROUP in src/kernels/kit/wasmTiles.ts. */
const GROUP: u32 = 128;

/** Words: rows of a tile. Buffers: dy, x, weight, moments, dx. Parameters: rows, cols. */
export function layerNormBackward(args: usize, tile: i32): void {
  const count = word(args, 1), cols = word(args, 8);
  const end = min((<u32>tile + 1) * count, word(args, 7));
  for (let r = <u32>tile * count; r < end; r++) {
    const at = <usize>r * cols << 2;
    const dy = word(args, 2) + at, x = word(args, 3) + at, dx = word(args, 6) + at;
    inputGradient(dy, x, word(args, 4), word(args, 5) + (r << 3), dx, cols);
  }
}

/** Buffers: state, dy, z, weight, moments, dresidual, dx. Parameters: as of addLayerNorm. */
export function dropoutAddLayerNormBackward(args: usize, tile: i32): void {
  const count = word(args, 1), p = args + 36, cols = word(p, 1);
  const end = min((<u32>tile + 1) * count, word(p, 0));
  for (let r = <u32>tile * count; r < end; r++) {
    const at = <usize>r * cols << 2;
    const dz = word(args, 7) + at;
    inputGradient(
      word(args, 3) + at,
      word(args, 4) + at,
      word(args, 5),
      word(args, 6) + (r << 3),
      dz,
      cols,
    );
    addDropped(dz, 0, word(args, 8) + at, r * cols, cols, word(args, 2), p);
  }
}

/** dx = rstd (g - mean(g) - h mean(g h)), with g = dy weight and h = (x - mean) rstd. */
function inputGradient(
  dy: usize,
  x: usize,
  weight: usize,
  moments: usize,
  dx: usize,
  cols: u32,
): void {
  const m = v128.load32_splat(moments), f = v128.load32_splat(moments, 4);
  const whole = cols & ~3, rest = cols & 3, tail = <usize>whole << 2;
  let sumG: f64 = 0, sumGH: f64 = 0;
  for (let start: u32 = 0; start < whole; start += SUM_BLOCK) {
    const end = <usize>min(start + SUM_BLOCK, whole) << 2;
    let partG = f32x4.splat(0), partGH = partG;
    for (let at = <usize>start << 2; at < end; at += 16) {
      const g = f32x4.mul(v128.load(dy + at), v128.load(weight + at));
      const h = f32x4.mul(f32x4.sub(v128.load(x + at), m), f);
      partG = f32x4.add(partG, g);
      partGH = madd(g, h, partGH);
    }
    sumG += <f64>hsum(partG);
    sumGH += <f64>hsum(partGH);
  }
  let g = m, h = m;
  if (rest) {
    g = f32x4.mul(loadPart(dy + tail, rest, 0), loadPart(weight + tail, rest, 0));
    h = f32x4.mul(f32x4.sub(loadPart(x + tail, rest, 0), m), f);
    sumG += <f64>hsum(g);
    sumGH += <f64>hsum(f32x4.mul(g, h));
  }
  const meanG = f32x4.splat(<f32>(sumG / <f64>cols));
  const meanGH = f32x4.splat(<f32>(sumGH / <f64>cols));
  for (let at: usize = 0; at < tail; at += 16) {
    const g = f32x4.mul(v128.load(dy + at), v128.load(weight + at));
    const h = f32x4.mul(f32x4.sub(v128.load(x + at), m), f);
    const inner = f32x4.sub(f32x4.sub(g, meanG), f32x4.mul(h, meanGH));
    v128.store(dx + at, f32x4.mul(f, inner));
  }
  const inner = f32x4.sub(f32x4.sub(g, meanG), f32x4.mul(h, meanGH));
  if (rest) storePart(dx + tail, f32x4.mul(f, inner), rest);
}

/**
 * Σ dy (x - mean) rstd and Σ dy over chunks of rows. The first phase: each tile adds up some
 * columns of a group of rows of a chunk. Words: columns of a tile, groups of a chunk; then the
 * address of the groups' results, all of weights before those of biases; a single group's are
 * dWeight and dBias themselves. Buffers: dy, x, moments, dWeight, dBias. Parameters: rows, cols,
 * size, chunks.
 */
export function affineGroup(args: usize, tile: i32): void {
  const width = word(args, 1), groups = word(args, 2);
  const cols = word(args, 10), size = word(args, 11), chunks = word(args, 12);
  const strips = (cols + width - 1) / width;
  const group = <u32>tile / strips, column = (<u32>tile % strips) * width;
  const count = min(width, cols - column), chunk = group / groups;
  const at = (group * cols + column) << 2;
  const dWeight = (groups == 1 ? word(args, 7) : word(args, 3)) + at;
  const dBias = groups == 1 ? word(args, 8) + at : dWeight + (chunks * groups * cols << 2);
  memory.fill(dWeight, 0, count << 2);
  memory.fill(dBias, 0, count << 2);
  const line = <usize>cols << 2;
  const first = chunk * size + (group % groups) * GROUP;
  const end = min(min((chunk + 1) * size, word(args, 9)), first + GROUP);
  for (let r = first; r < end; r += 4) {
    const from = (r * cols + column) << 2;
    const dy = word(args, 4) + from, x = word(args, 5) + from, moments = word(args, 6) + (r << 3);
    if (r + 4 <= end) addFour(dy, x, line, moments, dWeight, dBias, count);
    else {
      for (let k: u32 = 0; k < end - r; k++)
        addOne(dy + k * line, x + k * line, moments + (k << 3), dWeight, dBias, count);
    }
  }
}

/** The second phase: the groups of a chunk, in order. */
export function affineGroups(args: usize, tile: i32): void {
  const width = word(args, 1), groups = word(args, 2), cols = word(args, 10);
  const strips = (cols + width - 1) / width;
  const chunk = <u32>tile / strips, column = (<u32>tile % strips) * width;
  const count = min(width, cols - column);
  const from = word(args, 3) + ((chunk * groups * cols + column) << 2);
  const biases = word(args, 12) * groups * cols << 2;
  for (let k: u32 = 0; k < 2; k++) {
    const to = word(args, 7 + k) + ((chunk * cols + column) << 2);
    memory.fill(to, 0, count << 2);
    for (let g: u32 = 0; g < groups; g++) addRow(to, from + k * biases + (g * cols << 2), count);
  }
}

/** dy (x - mean) rstd. */
// @ts-ignore: decorator
@inline
function affinePart(g: v128, x: usize, moments: usize): v128 {
  const h = f32x4.sub(v128.load(x), v128.load32_splat(moments));
  return f32x4.mul(f32x4.mul(g, h), v128.load32_splat(moments, 4));
}

/** Adds the parts of four rows. */
function addFour(
  dy: usize,
  x: usize,
  line: usize,
  moments: usize,
  dWeight: usize,
  dBias: usize,
  cols: u32,
): void {
  const whole = cols & ~3;
  const end = dy + (<usize>whole << 2);
  for (; dy < end; dy += 16, x += 16, dWeight += 16, dBias += 16) {
    const g0 = v128.load(dy), g1 = v128.load(dy + line);
    const g2 = v128.load(dy + 2 * line), g3 = v128.load(dy + 3 * line);
    const w0 = affinePart(g0, x, moments), w1 = affinePart(g1, x + line, moments + 8);
    const w2 = affinePart(g2, x + 2 * line, moments + 16);
    const w3 = affinePart(g3, x + 3 * line, moments + 24);
    const b = f32x4.add(f32x4.add(g0, g1), f32x4.add(g2, g3));
    const w = f32x4.add(f32x4.add(w0, w1), f32x4.add(w2, w3));
    v128.store(dWeight, f32x4.add(v128.load(dWeight), w));
    v128.store(dBias, f32x4.add(v128.load(dBias), b));
  }
  for (let k: u32 = 0; k < 4; k++, dy += line, x += line, moments += 8)
    addOne(dy, x, moments, dWeight, dBias, cols - whole);
}

/** Adds the parts of one row. */
function addOne(
  dy: usize,
  x: usize,
  moments: usize,
  dWeight: usize,
  dBias: usize,
  cols: u32,
): void {
  const mean = load<f32>(moments), rstd = load<f32>(moments, 4);
  for (let at: usize = 0; at < <usize>cols << 2; at += 4) {
    const g = load<f32>(dy + at);
    store<f32>(dWeight + at, load<f32>(dWeight + at) + g * (load<f32>(x + at) - mean) * rstd);
    store<f32>(dBias + at, load<f32>(dBias + at) + g);
  }
}
