import { main } from '../gpu/kernel.ts';
import type { Traits } from '../gpu/traits.ts';
import { declare, type Values } from './rows.ts';

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
export const flatConstants = ({ software, subgroupSize }: Traits, vectors?: number): FlatConstants => {
  if (!software) return { lanes: 256, each: 1, together: 1 };
  const lanes = subgroupSize || 8;
  return { lanes, each: 256, together: vectors && vectors % (2 * lanes) === 0 ? 2 : 1 };
};

/** Workgroups for so many elements. */
export const flatGroups = (count: number, { lanes, each }: FlatConstants): number => Math.ceil(count / (lanes * each));

/**
 * The entry point: `body` does element `i` of `count`, a WGSL expression, with the values that it `reads` there. What does not
 * depend on `i` belongs `ahead`: drivers need not take it out of the loop.
 */
export const flatMain = (
  { lanes, each, together }: FlatConstants,
  count: string,
  body: string,
  { reads = {}, ahead = '' }: { reads?: Values; ahead?: string } = {},
): string => {
  const places = Array.from({ length: together }, (_, t) => t);
  const read = (t: number) => Object.entries(reads).map(([name, value]) => [`${name}_${t}`, value.replaceAll('[i]', `[i_${t}]`)]);
  const at = (t: number) => Object.fromEntries(Object.keys(reads).map((name) => [name, `${name}_${t}`]));
  const loop =
    together === 1
      ? `    ${declare(reads)}
    ${body}`
      : `${places.map((t) => `    let i_${t} = i + ${t * lanes}u; ${declare(Object.fromEntries(read(t)))}`).join('\n')}
${places.map((t) => `    { let i = i_${t}; ${declare(at(t))} ${body} }`).join('\n')}`;
  return main(
    lanes,
    `  ${ahead}
  let first = group * ${lanes * each}u;
  let end = min(first + ${lanes * each}u, ${count});
  for (var i = first + lane; i < end; i += ${lanes * together}u) {
${loop}
  }`,
  );
};
