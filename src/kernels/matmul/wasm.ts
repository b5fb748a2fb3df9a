import type { WasmLaunch } from '../../device/kernel.ts';
import type { Activation, Epilogue } from './epilogue.ts';
import type { MatmulParams } from './shape.ts';

/** Numbers of the activations: see assembly/epilogue.ts. */
const activations: readonly Activation[] = ['none', 'gelu', 'geluTanh', 'relu', 'tanh'];

/** Rows and columns of the micro-kernel (assembly/microKernel.ts). */
const [MICRO_ROWS, MICRO_COLS] = [6, 8];
/** Largest tile: its packed parts of both operands stay in a core's second cache. */
const [MAX_ROWS, MAX_COLS] = [192, 256];
/** Tiles that keep the threads of usual processors busy to the end. */
const ENOUGH_TILES = 24;
/** Multiply-adds of a tile that is worth taking: some 10 µs. */
const MIN_WORK = 2 ** 18;

/** Panels, or steps along k, that a tile of packing takes: those in assembly/product.ts. */
const [PACKED_PANELS, PACKED_STEPS] = [8, 32];
/** Multiply-adds of a product that is worth a phase of packing, and bytes of a packed operand. */
const [MIN_PACKED_WORK, MAX_PACKED_BYTES] = [2 ** 20, 2 ** 25];

/** Rows and columns of a tile. */
interface Tile {
  rows: number;
  cols: number;
}

/** The product as tiles of y, or of several matrices if these are small. */
export function matmulWasm(p: MatmulParams, { bias, activation }: Epilogue): WasmLaunch {
  const { m, n, k } = p;
  const batches = p.batch0 * p.batch1;
  const isLarge = batches === 1 && m * n * k >= MIN_PACKED_WORK;
  const { rows, cols } = (isLarge && longTile(p)) || squareTile(p, batches);
  const group = Math.max(1, Math.floor(MIN_WORK / Math.max(1, m * n * k)));
  const [tilesM, tilesN] = [Math.ceil(m / rows), Math.ceil(n / cols)];
  const packedA = isLarge ? packing(m, MICRO_ROWS, k, p.aRow === 1, tilesN) : undefined;
  const packedB = isLarge ? packing(n, MICRO_COLS, k, p.bCol === 1, tilesM) : undefined;
  const packingTiles = (packedA?.tiles ?? 0) + (packedB?.tiles ?? 0);
  const product = { entry: 'product', tiles: Math.ceil(batches / group) * tilesM * tilesN };
  return {
    phases:
      packingTiles > 0 ? [{ entry: 'packOperands', tiles: packingTiles }, product] : [product],
    words: [
      ...[Number(bias), activations.indexOf(activation), rows, cols, group],
      ...[Number(packedA !== undefined), Number(packedB !== undefined)],
    ],
    scratch: (packedA?.bytes ?? 0) + (packedB?.bytes ?? 0),
  };
}

/**
 * How an operand is packed beforehand: not if only one tile reads it, which packs it then, unless
 * its lines (rows of a, columns of b) lie side by side, since a tile has too few of them to read
 * memory along its own lines.
 */
function packing(lines: number, width: number, k: number, sideBySide: boolean, readers: number) {
  const panels = Math.ceil(lines / width);
  const bytes = panels * width * k * 4;
  if ((readers === 1 && !sideBySide) || bytes > MAX_PACKED_BYTES) return undefined;
  return { bytes, tiles: Math.ceil(sideBySide ? k / PACKED_STEPS : panels / PACKED_PANELS) };
}

/**
 * A tile across all of y's shorter side, if that is short enough to stay in the second cache with
 * its operand: then each part of the other operand is packed by the one tile that reads it.
 */
function longTile({ m, n, k, aRow, bCol }: MatmulParams): Tile | undefined {
  if (Math.min(m, n) > MAX_COLS) return undefined;
  const isTall = m >= n;
  if (isTall ? aRow === 1 : bCol === 1) return undefined;
  const worth = MIN_WORK / (Math.min(m, n) * k);
  const part = (length: number, most: number, step: number) =>
    evenPart(length, Math.min(most, Math.max(length / ENOUGH_TILES, worth)), step);
  return isTall
    ? { rows: part(m, MAX_ROWS, MICRO_ROWS), cols: n }
    : { rows: m, cols: part(n, MAX_COLS, MICRO_COLS) };
}

/** A tile as large as leaves enough tiles, and nearly equal ones. */
function squareTile({ m, n, k }: MatmulParams, batches: number): Tile {
  let [rows, cols] = [MAX_ROWS, MAX_COLS];
  const isSplit = () =>
    Math.ceil(m / rows) * Math.ceil(n / cols) * batches >= ENOUGH_TILES ||
    Math.min(m, rows) * Math.min(n, cols) * k < 2 * MIN_WORK;
  while (!isSplit()) {
    if (Math.min(m, rows) >= Math.min(n, cols)) rows /= 2;
    else cols /= 2;
  }
  return { rows: evenPart(m, rows, MICRO_ROWS), cols: evenPart(n, cols, MICRO_COLS) };
}

/** `length` divided into as many parts as of `most` places, but nearly equal ones. */
function evenPart(length: number, most: number, step: number): number {
  const parts = Math.max(1, Math.ceil(length / most));
  return Math.max(step, Math.ceil(length / parts / step) * step);
}
