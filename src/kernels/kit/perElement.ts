import { main, repeat } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { independentLanes } from './perRow.ts';

/**
 * Constants of kernels that treat all elements alike: the lanes of a workgroup, and the elements
 * (or vectors) per lane. A GPU has a lane for each element; on a software adapter, starting a lane
 * costs as much as ten vectors.
 */
export interface PerElementConstants extends Record<string, string | number | boolean> {
  lanes: number;
  elementsPerLane: number;
  /** Vectors that a lane computes side by side. */
  interleave: number;
}

/**
 * The constants for an adapter.
 * @param vectors their number, for functions of many steps: software adapters then compute two side
 * by side to hide latency
 * @example
 * constants: (_, traits) => perElementConstants(traits)
 */
export const perElementConstants = (traits: Traits, vectors?: number): PerElementConstants => {
  const lanes = independentLanes(traits, 256);
  if (!traits.software) return { lanes, elementsPerLane: 1, interleave: 1 };
  return {
    lanes,
    elementsPerLane: 256,
    interleave: vectors && vectors % (2 * lanes) === 0 ? 2 : 1,
  };
};

/**
 * Workgroups for `count` elements (or vectors).
 * @example
 * launch: ({ count }, constants) => perElementWorkgroups(count, constants)
 */
export const perElementWorkgroups = (
  count: number,
  { lanes, elementsPerLane }: PerElementConstants,
): number => Math.ceil(count / (lanes * elementsPerLane));

/**
 * The entry point: `body` computes element `i` of `count`, a WGSL expression. `reads` maps names in
 * the body to the buffers whose element i they hold. Code that does not depend on `i` belongs in
 * `prologue`: drivers may not move it out of the loop.
 * @example
 * wgsl: (constants) => perElementMain(constants, 'p.count', 'y[i] = x[i] * 2.0;')
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
