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

/** Panels that a tile of packing takes: PANELS in assembly/product.ts. */
const PACKED_PANELS = 8;
/** Multiply-adds of a product that is worth a phase of packing, and bytes of a packed operand. */
const [MIN_PACKED_WORK, MAX_PACKED_BYTES] = [2 ** 20, 2 ** 25];

/** The product as tiles of y, or of several matrices if these are small. */
export function matmulWasm(p: MatmulParams, { bias, activation }: Epilogue): WasmLaunch {
  const { m, n, k } = p;
  const batches = p.batch0 * p.batch1;
  const { rows, cols } = tileSize(p, batches);
  const group = Math.max(1, Math.floor(MIN_WORK / Math.max(1, m * n * k)));
  const [tilesM, tilesN] = [Math.ceil(m / rows), Math.ceil(n / cols)];
  const isLarge = batches === 1 && m * n * k >= MIN_PACKED_WORK;
  const bytesOf = (panels: number, width: number) => panels * width * k * 4;
  const [panelsA, panelsB] = [Math.ceil(m / MICRO_ROWS), Math.ceil(n / MICRO_COLS)];
  const [bytesA, bytesB] = [bytesOf(panelsA, MICRO_ROWS), bytesOf(panelsB, MICRO_COLS)];
  // What only one tile reads is packed by that tile.
  const packsA = isLarge && tilesN > 1 && bytesA <= MAX_PACKED_BYTES;
  const packsB = isLarge && tilesM > 1 && bytesB <= MAX_PACKED_BYTES;
  const packingTiles =
    (packsA ? Math.ceil(panelsA / PACKED_PANELS) : 0) +
    (packsB ? Math.ceil(panelsB / PACKED_PANELS) : 0);
  const product = { entry: 'product', tiles: Math.ceil(batches / group) * tilesM * tilesN };
  return {
    phases:
      packingTiles > 0 ? [{ entry: 'packOperands', tiles: packingTiles }, product] : [product],
    words: [
      ...[Number(bias), activations.indexOf(activation), rows, cols, group],
      ...[Number(packsA), Number(packsB)],
    ],
    scratch: (packsA ? bytesA : 0) + (packsB ? bytesB : 0),
  };
}

/** Rows and columns of a tile: as large as leaves enough tiles, and nearly equal ones. */
function tileSize({ m, n, k }: MatmulParams, batches: number): { rows: number; cols: number } {
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
