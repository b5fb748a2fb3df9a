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

/** Rows that a tile of columns walks down: GROUP in assembly/reduce.ts and layerNormBackward.ts. */
const GROUP = 128;
/** Most columns of a tile. */
const MAX_COLUMNS = 1024;

/**
 * A launch in two phases, over columns of `chunks` × `rows` rows: the first reduces groups of rows
 * to `results` rows each, the second the groups of a chunk. The functions find the columns of a
 * tile, the groups of a chunk, and the address of the groups' results.
 */
export function columnTiles(
  [group, groups]: readonly [string, string],
  { chunks, rows, cols, results }: Record<'chunks' | 'rows' | 'cols' | 'results', number>,
): WasmLaunch {
  const count = Math.max(1, Math.ceil(rows / GROUP));
  const strips = Math.ceil(cols / MAX_COLUMNS);
  const phases = [
    { entry: group, tiles: chunks * count * strips },
    { entry: groups, tiles: chunks * strips },
  ];
  return {
    // A single group is the result.
    phases: count === 1 ? [phases[0]] : phases,
    words: [MAX_COLUMNS, count],
    scratch: count === 1 ? 0 : results * chunks * count * cols * 4,
  };
}
