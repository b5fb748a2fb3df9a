import type { WasmLaunch } from '../../device/kernel.ts';

/** Elements of a tile: some 10 to 100 µs for what kernels do with an element. */
const TILE = 8192;

/** A launch of tiles of rows; the function finds their number before the words. */
export function rowTiles(
  entry: string,
  rows: number,
  cols: number,
  words: readonly number[] = [],
): WasmLaunch {
  const count = Math.max(1, Math.floor(TILE / Math.max(1, cols)));
  return { phases: [{ entry, tiles: Math.ceil(rows / count) }], words: [count, ...words] };
}

/** A launch of tiles of elements; the function finds their number, a multiple of 4. */
export const elementTiles = (entry: string, count: number): WasmLaunch => ({
  phases: [{ entry, tiles: Math.ceil(count / TILE) }],
  words: [TILE],
});

/** Fewest and most columns of a tile that walks down rows. */
const [MIN_COLUMNS, MAX_COLUMNS] = [64, 1024];

/** A launch of tiles of columns in each of `blocks` of rows; the function finds their number. */
export function columnTiles(entry: string, blocks: number, rows: number, cols: number): WasmLaunch {
  const wanted = Math.ceil((4 * TILE) / Math.max(1, rows) / 16) * 16;
  const width = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, wanted));
  return { phases: [{ entry, tiles: blocks * Math.ceil(cols / width) }], words: [width] };
}
