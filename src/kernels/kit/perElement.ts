import { main, repeat } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { independentLanes } from './perRow.ts';

/**
 * What kernels share that treat all elements alike: how many lanes a workgroup has, and how many elements (or vectors)
 * each of them does. A GPU has lanes to spare, one for each; in software, to start a lane costs as much as ten vectors.
 */
export interface PerElementConstants extends Record<string, string | number | boolean> {
  lanes: number;
  elementsPerLane: number;
  /** Vectors that a lane does side by side. */
  interleave: number;
}

/** `vectors`: their number, where it takes many steps to do one; in software, two side by side then wait less. */
export const perElementConstants = (traits: Traits, vectors?: number): PerElementConstants => {
  const lanes = independentLanes(traits, 256);
  if (!traits.software) return { lanes, elementsPerLane: 1, interleave: 1 };
  return {
    lanes,
    elementsPerLane: 256,
    interleave: vectors && vectors % (2 * lanes) === 0 ? 2 : 1,
  };
};

/** Workgroups for so many elements. */
export const perElementWorkgroups = (
  count: number,
  { lanes, elementsPerLane }: PerElementConstants,
): number => Math.ceil(count / (lanes * elementsPerLane));

/**
 * The entry point: `body` does element `i` of `count`, a WGSL expression. `reads` says what it has of each buffer's element
 * there: its name, and the buffer's. What does not depend on `i` belongs `prologue`: drivers need not take it out of the loop.
 */
export const perElementMain = (
  { lanes, elementsPerLane, interleave }: PerElementConstants,
  count: string,
  body: string,
  { reads = {}, prologue = '' }: { reads?: Record<string, string>; prologue?: string } = {},
): string => {
  const names = Object.keys(reads);
  const read = (t: number) =>
    names.map((name) => `let ${name}_${t} = ${reads[name]}[lead + ${t * lanes}u];`).join(' ');
  const apply = (t: number) => names.map((name) => `let ${name} = ${name}_${t};`).join(' ');
  return main(
    lanes,
    `  ${prologue}
  let first = group * ${lanes * elementsPerLane}u;
  let end = min(first + ${lanes * elementsPerLane}u, ${count});
  for (var lead = first + lane; lead < end; lead += ${lanes * interleave}u) {
    ${repeat(interleave, read)}
${repeat(interleave, (t) => `    { let i = lead + ${t * lanes}u; ${apply(t)}\n    ${body} }`)}
  }`,
  );
};
