import type { WasmLaunch } from '../../device/kernel.ts';
import { type AttentionParams, keyGradientSize } from './shape.ts';

/** Keys of a tile: words of `keepBits` begin with it. */
const TILE_KEYS = 64;
/** Rows of the micro-kernel (assembly/microKernel.ts), and most rows of a tile. */
const [MICRO_ROWS, MAX_ROWS] = [6, 96];
/** Scores that fit a thread's scratch beside packed parts and results. */
const MAX_SCORES = 2 ** 17;

/**
 * Tiles of query rows of each head, whose scores with all keys, `matrices` times, fit a thread's
 * scratch; undefined if not even one panel's do.
 */
export function attentionTiles(
  entry: string,
  { batch, heads, length, keys }: AttentionParams,
  matrices: number,
): WasmLaunch | undefined {
  const fitting = MAX_SCORES / matrices / (Math.ceil(keys / 8) * 8);
  const most = Math.min(MAX_ROWS, Math.floor(fitting / MICRO_ROWS) * MICRO_ROWS);
  if (most === 0) return undefined;
  // Nearly equal ones.
  const tiles = Math.ceil(length / most);
  const count = Math.ceil(Math.ceil(length / tiles) / MICRO_ROWS) * MICRO_ROWS;
  return {
    phases: [{ entry, tiles: batch * heads * Math.ceil(length / count) }],
    words: [count],
  };
}

/** Tiles of keys of each head, for the gradients of keys and values. */
export function keyTiles(entry: string, p: AttentionParams): WasmLaunch {
  return {
    phases: [{ entry, tiles: p.batch * p.heads * Math.ceil(p.keys / TILE_KEYS) }],
    words: [TILE_KEYS, keyGradientSize(p)],
  };
}
