import type { WasmLaunch } from '../../device/kernel.ts';
import type { AttentionParams } from './shape.ts';

/** Rows of the micro-kernel (assembly/microKernel.ts), and most rows of a tile. */
const [MICRO_ROWS, MAX_ROWS] = [6, 96];
/** Scores that fit a thread's scratch beside packed parts and results. */
const MAX_SCORES = 2 ** 17;

/**
 * Tiles of rows of each head (queries or keys), whose scores with all of the other side, `matrices`
 * times, fit a thread's scratch; undefined if not even one panel's do.
 */
export function attentionTiles(
  entry: string,
  { batch, heads }: AttentionParams,
  rows: number,
  others: number,
  matrices: number,
): WasmLaunch | undefined {
  const fitting = MAX_SCORES / matrices / (Math.ceil(others / 8) * 8);
  const most = Math.min(MAX_ROWS, Math.floor(fitting / MICRO_ROWS) * MICRO_ROWS);
  if (most === 0) return undefined;
  // Nearly equal ones.
  const tiles = Math.ceil(rows / most);
  const count = Math.ceil(Math.ceil(rows / tiles) / MICRO_ROWS) * MICRO_ROWS;
  return {
    phases: [{ entry, tiles: batch * heads * Math.ceil(rows / count) }],
    words: [count],
  };
}
