import { main } from '../gpu/kernel.ts';
import type { Traits } from '../gpu/traits.ts';

/**
 * What kernels share that treat all elements alike: how many lanes a workgroup has, and how many elements (or vectors)
 * each of them does. A GPU has lanes to spare, one for each; in software, to start a lane costs as much as ten vectors.
 */
export interface FlatConstants extends Record<string, string | number | boolean> {
  lanes: number;
  each: number;
}

export const flatConstants = ({ software, subgroupSize }: Traits): FlatConstants =>
  software ? { lanes: subgroupSize || 8, each: 64 } : { lanes: 256, each: 1 };

/** Workgroups for so many elements. */
export const flatGroups = (count: number, { lanes, each }: FlatConstants): number => Math.ceil(count / (lanes * each));

/** The entry point: `body` does element `i` of `count`, a WGSL expression. */
export const flatMain = ({ lanes, each }: FlatConstants, count: string, body: string): string =>
  main(
    lanes,
    `  let first = group * ${lanes * each}u;
  for (var i = first + lane; i < min(first + ${lanes * each}u, ${count}); i += ${lanes}u) {
    ${body}
  }`,
  );
