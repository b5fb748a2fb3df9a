import type { Constants } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import type { Epilogue } from './epilogue.ts';
import { type MatmulParams, tileCount } from './shape.ts';

/** Inputs of the WGSL text: the variant, scalar or vec4 access, and constants of the variant. */
export interface MatmulConstants extends Constants {
  variant: string;
  width: number;
}

/** One way to multiply; each is a file of this folder, and index.ts orders them. */
export interface Variant<C extends MatmulConstants = MatmulConstants> {
  name: string;
  /**
   * The constants worth running for these parameters on this adapter, best guess first; empty if
   * the variant does not suit.
   */
  constants(p: MatmulParams, traits: Traits): C[];
  /** The part of y that one workgroup computes. */
  tile(constants: C, traits: Traits): { tileM: number; tileN: number };
  wgsl(constants: C, epilogue: Epilogue, traits: Traits): string;
}

/** Workgroups that keep a large adapter busy: two for each of 128 cores. Rule of thumb. */
const MIN_WORKGROUPS = 256;
/**
 * Work that a larger tile may waste: a quarter more than the smallest tile computes. Rule of thumb.
 */
const MAX_WASTE = 1.25;

/**
 * Which of the square tiles (largest first) suit y, best guess first: the largest that still gives
 * enough workgroups, else the smallest; never one that extends much further over y's edges than the
 * smallest does.
 */
export function tileOrder(p: MatmulParams, sizes: readonly number[]): number[] {
  const covered = (size: number) => tileCount(p, size, size) * size * size;
  const fitting = sizes.filter((size) => covered(size) <= MAX_WASTE * covered(sizes.at(-1)!));
  const first =
    fitting.find((size) => tileCount(p, size, size) >= MIN_WORKGROUPS) ?? fitting.at(-1)!;
  return [first, ...fitting.filter((size) => size !== first)];
}
