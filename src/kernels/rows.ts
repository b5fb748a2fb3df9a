import { main, wgsl } from '../gpu/kernel.ts';
import type { Traits } from '../gpu/traits.ts';

/**
 * What kernels share that work a row at a time: one team of lanes a row, which sums or takes maxima together.
 * With subgroups of one fixed size a team is a subgroup; elsewhere it is a workgroup with a tree in shared memory.
 * Lanes walk a row in whole vectors where its length allows.
 */
export interface RowConstants extends Record<string, string | number | boolean> {
  width: number;
  lanes: number;
}

const TREE_LANES = 64;

/** How a kernel of `rows` × `cols` chooses its variant and launches: a workgroup, which is one team, a row. */
export const perRow = {
  specialize: ({ cols }: { cols: number }, traits: Traits): RowConstants => ({
    width: cols % 4 === 0 ? 4 : 1,
    lanes: traits.subgroupSize || TREE_LANES,
  }),
  launch: ({ rows }: { rows: number }): number => rows,
};

/** Its text: `body` works on row `group`, of `cols` vectors from `base` on; `teamSum` and `teamMax` are at hand. */
export const rowText =
  (body: (c: RowConstants) => string) =>
  (c: RowConstants, traits: Traits): string =>
    wgsl`
${teamWgsl(c, traits)}
${main(
  c.lanes,
  `  if (group >= p.rows) { return; }
  let cols = p.cols / ${c.width}u;
  let base = group * cols;
${body(c)}`,
)}`;

/** WGSL: this lane's part of a row; `c` counts vectors in the row, `i` in the tensor. */
export const walkRow = ({ lanes }: RowConstants, body: string): string =>
  `for (var c = lane; c < cols; c += ${lanes}u) { let i = base + c; ${body} }`;

/** WGSL functions `teamSum(x, lane)` and `teamMax(x, lane)`: every lane gets the team's result. */
export function teamWgsl({ lanes }: { lanes: number }, traits: Traits): string {
  if (traits.subgroupSize === lanes) {
    return wgsl`
fn teamSum(x: f32, lane: u32) -> f32 { return subgroupAdd(x); }
fn teamMax(x: f32, lane: u32) -> f32 { return subgroupMax(x); }
`;
  }
  const tree = (name: string, combine: string) => wgsl`
fn ${name}(x: f32, lane: u32) -> f32 {
  workgroupBarrier();
  scratch[lane] = x;
  for (var step = ${lanes / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) { scratch[lane] = ${combine}; }
  }
  return workgroupUniformLoad(&scratch[0]);
}`;
  return `var<workgroup> scratch: array<f32, ${lanes}>;
${tree('teamSum', 'scratch[lane] + scratch[lane + step]')}
${tree('teamMax', 'max(scratch[lane], scratch[lane + step])')}
`;
}

/** The least float32: what maxima start from. */
export const LOWEST = '-3.4028234663852886e38';
