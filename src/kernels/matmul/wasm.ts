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

/** The product as tiles of y, or of several matrices if these are small. */
export function matmulWasm(p: MatmulParams, { bias, activation }: Epilogue): WasmLaunch {
  const batches = p.batch0 * p.batch1;
  const { rows, cols } = tileSize(p, batches);
  const group = Math.max(1, Math.floor(MIN_WORK / Math.max(1, p.m * p.n * p.k)));
  const tiles = Math.ceil(batches / group) * Math.ceil(p.m / rows) * Math.ceil(p.n / cols);
  return {
    phases: [{ entry: 'product', tiles }],
    words: [Number(bias), activations.indexOf(activation), rows, cols, group],
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
