/**
 * Matrix products y = activation(a b + bias), in the way of Goto & van de Geijn, "Anatomy of
 * High-Performance Matrix Multiplication" (2008): a tile of y walks along k in blocks; the block's
 * parts of a and b are packed into panels of 6 rows and of 8 columns, which the cache holds, and a
 * micro-kernel keeps 6 × 8 sums in registers. Packing takes any strides, so that all layouts run
 * the same inner loop. An operand that several tiles would pack is packed as a whole beforehand, in
 * a phase of its own. Sums are in the order of k within a block, and blocks in order: the bits do
 * not depend on the tile or the thread.
 */
import { threadScratch, word } from './args';
import { applyEpilogue } from './epilogue';
import { multiplyPanels } from './microKernel';
import { packA, packB } from './packing';

/** Rows and columns of the micro-kernel. */
const MR: u32 = 6;
const NR: u32 = 8;
/** Steps along k that are packed at a time. */
const KC: u32 = 256;
/** Bytes of the packed part of b, at most 256 columns and KC steps, and of 6 × 8 sums. */
const B_BYTES: usize = 256 * KC * 4;
const SUMS_BYTES: usize = MR * NR * 4;

/**
 * Words before the buffers: tiles, hasBias, activation, rows and columns of a tile, matrices,
 * whether a and b are packed beforehand, where.
 */
const A: i32 = 9;
/** Panels, or steps along k, that a tile of the first phase packs. STEPS divides KC. */
const PANELS: u32 = 8, STEPS: u32 = 32;

// @ts-ignore: decorator
@inline
function panels(length: u32, width: u32): u32 {
  return (length + width - 1) / width;
}

/** Address of the parameters. */
// @ts-ignore: decorator
@inline
function paramsAt(args: usize): usize {
  const activation = word(args, 2);
  const extra = word(args, 1) + u32(activation == 1 || activation == 2);
  return args + (<usize>(A + 3 + extra) << 2);
}

/**
 * The first phase: packs a part of a or b. In each block of k, panels follow each other. Only for a
 * single matrix.
 */
export function packOperands(args: usize, tile: i32): void {
  const p = paramsAt(args);
  const m = word(p, 0), n = word(p, 1), k = word(p, 2);
  const aRow = word(p, 5), aCol = word(p, 6), bRow = word(p, 10), bCol = word(p, 11);
  const a = word(args, A) + (word(p, 9) << 2), b = word(args, A + 1) + (word(p, 14) << 2);
  const to = word(args, 8), packsA = word(args, 6) != 0;
  const tilesA: u32 = packsA ? packingTiles(m, k, aRow, MR) : 0;
  const rows: u32 = packsA ? panels(m, MR) * MR : 0;
  if (<u32>tile < tilesA) packPart(to, a, aRow, aCol, k, m, MR, tile);
  else packPart(to + (rows * k << 2), b, bCol, bRow, k, n, NR, <u32>tile - tilesA);
}

/** Tiles that pack `lines`, which lie `line` elements apart. */
function packingTiles(lines: u32, k: u32, line: u32, width: u32): u32 {
  return line == 1 ? panels(k, STEPS) : panels(lines, PANELS * width);
}

/**
 * Part number `part` of `lines`: some panels, all along k. Of lines that lie side by side some
 * steps, in all panels, since memory is read along the steps then.
 */
function packPart(
  to: usize,
  from: usize,
  line: u32,
  step: u32,
  k: u32,
  lines: u32,
  width: u32,
  part: u32,
): void {
  const padded = panels(lines, width) * width;
  if (line == 1) {
    const at = part * STEPS, k0 = at - (at % KC);
    const put = to + (k0 * padded + (at - k0) * width << 2);
    const start = from + (at * step << 2);
    pack(put, start, line, step, min(STEPS, k - at), lines, width, min(KC, k - k0));
    return;
  }
  const first = part * PANELS * width, count = min(PANELS * width, lines - first);
  for (let k0: u32 = 0; k0 < k; k0 += KC) {
    const steps = min(KC, k - k0);
    const put = to + (k0 * padded + first * steps << 2);
    pack(put, from + (first * line + k0 * step << 2), line, step, steps, count, width, steps);
  }
}

function pack(
  to: usize,
  from: usize,
  line: u32,
  step: u32,
  steps: u32,
  lines: u32,
  width: u32,
  panelSteps: u32,
): void {
  if (width == MR) packA(to, from, line, step, steps, lines, panelSteps);
  else packB(to, from, step, line, steps, lines, panelSteps);
}

/** One tile: some rows and columns of some matrices of y. */
export function product(args: usize, tile: i32): void {
  const hasBias = word(args, 1);
  const activation = word(args, 2);
  const a = word(args, A), b = word(args, A + 1);
  let at = A + 2;
  const bias = hasBias ? word(args, at++) : 0;
  const preActivation = activation == 1 || activation == 2 ? word(args, at++) : 0;
  const y = word(args, at++);
  const p = args + (<usize>at << 2);
  const m = word(p, 0), n = word(p, 1);
  const batch1 = word(p, 4), batches = word(p, 3) * batch1;
  const tileM = word(args, 3), tileN = word(args, 4), group = word(args, 5);
  const tilesM = (m + tileM - 1) / tileM, tilesN = (n + tileN - 1) / tileN;
  const tileInMatrix = <u32>tile % (tilesM * tilesN);
  const first = (<u32>tile / (tilesM * tilesN)) * group;
  const m0 = (tileInMatrix / tilesN) * tileM, n0 = (tileInMatrix % tilesN) * tileN;
  const rows = min(tileM, m - m0), cols = min(tileN, n - n0);
  for (let i = first; i < min(first + group, batches); i++) {
    const i0 = i / batch1, i1 = i % batch1;
    const aAt = word(p, 9) + i0 * word(p, 7) + i1 * word(p, 8) + m0 * word(p, 5);
    const bAt = word(p, 14) + i0 * word(p, 12) + i1 * word(p, 13) + n0 * word(p, 11);
    const yAt = word(p, 18) + i0 * word(p, 16) + i1 * word(p, 17) + m0 * word(p, 15) + n0;
    multiply(args, p, a + (aAt << 2), b + (bAt << 2), y + (yAt << 2), m0, n0, rows, cols);
    if (hasBias | activation)
      applyEpilogue(
        y + (yAt << 2),
        bias ? bias + (n0 << 2) : 0,
        preActivation ? preActivation + (yAt << 2) : 0,
        rows,
        cols,
        word(p, 15) << 2,
        activation,
      );
  }
}

/** The tile of one matrix; `a`, `b` and `y` are where its parts begin, m0 and n0 its place. */
function multiply(
  args: usize,
  p: usize,
  a: usize,
  b: usize,
  y: usize,
  m0: u32,
  n0: u32,
  rows: u32,
  cols: u32,
): void {
  const k = word(p, 2), isPackedA = word(args, 6) != 0, isPackedB = word(args, 7) != 0;
  const aRow = word(p, 5), aCol = word(p, 6), bRow = word(p, 10), bCol = word(p, 11);
  const yRow = <usize>word(p, 15) << 2;
  const paddedRows = isPackedA ? panels(word(p, 0), MR) * MR : 0;
  const paddedCols = panels(word(p, 1), NR) * NR;
  const sums = threadScratch + B_BYTES;
  let packedA = sums + SUMS_BYTES, packedB = threadScratch;
  let k0: u32 = 0;
  do {
    const steps = min(KC, k - k0);
    if (isPackedA) packedA = word(args, 8) + (k0 * paddedRows + m0 * steps << 2);
    else packA(packedA, a + ((k0 * aCol) << 2), aRow, aCol, steps, rows, steps);
    if (isPackedB)
      packedB = word(args, 8) + (paddedRows * k + k0 * paddedCols + n0 * steps << 2);
    else packB(packedB, b + ((k0 * bRow) << 2), bRow, bCol, steps, cols, steps);
    for (let j: u32 = 0; j < cols; j += NR) {
      const panelB = packedB + <usize>(j * steps << 2);
      for (let i: u32 = 0; i < rows; i += MR) {
        const panelA = packedA + <usize>(i * steps << 2);
        const target = y + i * yRow + (j << 2);
        const isWhole = rows - i >= MR && cols - j >= NR;
        if (isWhole && k0 == 0) multiplyPanels(panelA, panelB, steps, target, yRow);
        else {
          multiplyPanels(panelA, panelB, steps, sums, NR * 4);
          if (isWhole) addSums(sums, target, yRow);
          else storeEdge(sums, target, yRow, min(MR, rows - i), min(NR, cols - j), k0 > 0);
        }
      }
    }
    k0 += KC;
  } while (k0 < k);
}

/** Adds 6 × 8 sums to y. */
export function addSums(sums: usize, y: usize, yRow: usize): void {
  for (let i: u32 = 0; i < MR; i++) {
    v128.store(y, f32x4.add(v128.load(y), v128.load(sums)));
    v128.store(y, f32x4.add(v128.load(y, 16), v128.load(sums, 16)), 16);
    sums += NR * 4;
    y += yRow;
  }
}

/** Copies the part of an edge's sums that lies inside y, or adds it to the sums so far. */
function storeEdge(
  sums: usize,
  target: usize,
  yRow: usize,
  rows: u32,
  cols: u32,
  accumulate: bool,
): void {
  for (let i: u32 = 0; i < rows; i++) {
    let done: u32 = 0;
    for (; done + 4 <= cols; done += 4) {
      const sum = v128.load(sums + (i * NR + done) * 4);
      const at = target + i * yRow + (done << 2);
      v128.store(at, accumulate ? f32x4.add(v128.load(at), sum) : sum);
    }
    for (let j = done; j < cols; j++) {
      const sum = load<f32>(sums + (i * NR + j) * 4);
      const at = target + i * yRow + (j << 2);
      store<f32>(at, accumulate ? sum + load<f32>(at) : sum);
    }
  }
}
