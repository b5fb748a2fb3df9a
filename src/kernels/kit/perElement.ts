import { main, repeat } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { lanesAlone } from './perRow.ts';

/**
 * What kernels share that treat all elements alike: how many lanes a workgroup has, and how many elements (or vectors)
 * each of them does. A GPU has lanes to spare, one for each; in software, to start a lane costs as much as ten vectors.
 */
export interface FlatConstants extends Record<string, string | number | boolean> {
  lanes: number;
  each: number;
  /** Vectors that a lane does side by side. */
  together: number;
}

/** `vectors`: their number, where it takes many steps to do one; in software, two side by side then wait less. */
export const flatConstants = (traits: Traits, vectors?: number): FlatConstants => {
  const lanes = lanesAlone(traits, 256);
  if (!traits.software) return { lanes, each: 1, together: 1 };
  return { lanes, each: 256, together: vectors && vectors % (2 * lanes) === 0 ? 2 : 1 };
};

/** Workgroups for so many elements. */
export const flatGroups = (count: number, { lanes, each }: FlatConstants): number =>
  Math.ceil(count / (lanes * each));

/**
 * The entry point: `body` does element `i` of `count`, a WGSL expression. `reads` says what it has of each buffer's element
 * there: its name, and the buffer's. What does not depend on `i` belongs `ahead`: drivers need not take it out of the loop.
 */
export const flatMain = (
  { lanes, each, together }: FlatConstants,
  count: string,
  body: string,
  { reads = {}, ahead = '' }: { reads?: Record<string, string>; ahead?: string } = {},
): string => {
  const names = Object.keys(reads);
  const read = (t: number) =>
    names.map((name) => `let ${name}_${t} = ${reads[name]}[lead + ${t * lanes}u];`).join(' ');
  const apply = (t: number) => names.map((name) => `let ${name} = ${name}_${t};`).join(' ');
  return main(
    lanes,
    `  ${ahead}
  let first = group * ${lanes * each}u;
  let end = min(first + ${lanes * each}u, ${count});
  for (var lead = first + lane; lead < end; lead += ${lanes * together}u) {
    ${repeat(together, read)}
${repeat(together, (t) => `    { let i = lead + ${t * lanes}u; ${apply(t)}\n    ${body} }`)}
  }`,
  );
};
