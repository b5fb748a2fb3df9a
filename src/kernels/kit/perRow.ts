import { main, wgsl } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';

/**
 * What kernels share that work a row at a time: one team of lanes a row, which sums or takes maxima together.
 * With subgroups of one fixed size a team is a subgroup; elsewhere, and for long rows on a real GPU, it is a workgroup
 * or a part of one, with a tree in shared memory. Lanes walk a row in whole vectors where its length allows, and keep
 * what they read in registers where the row is short enough.
 */
export interface RowConstants extends Record<string, string | number | boolean> {
  width: number;
  /** Lanes of a team. */
  lanes: number;
  /** Teams of a workgroup. */
  teams: number;
  /** Rows that a team does one after another. */
  each: number;
  /** Vectors of the row that each lane keeps; 0: the row is too long, and read anew by each walk. */
  held: number;
}

/** Most vectors that a lane of a tree, of a subgroup, and of a subgroup in software keeps. */
const [HELD_BY_TREE, HELD_BY_SUBGROUP, HELD_IN_SOFTWARE] = [4, 8, 4];
/** Lanes of a tree, and least lanes of a workgroup of trees. */
const [SMALLEST_TREE, LARGEST_TREE, GROUP] = [8, 256, 64];
/** To start a lane in software costs as much as ten vectors: what it does then, in vectors, and in rows at most. */
const [BUSY, MOST_ROWS] = [256, 64];

/** Lanes of a workgroup that have nothing to tell each other: `wanted`, but in software as many as fill a processor's vector. */
export const lanesAlone = ({ software, subgroupSize }: Traits, wanted: number): number =>
  software ? subgroupSize || 8 : wanted;

/** Whether a subgroup is a processor's vector. */
export const isVectorised = ({ software, subgroupSize }: Traits): boolean =>
  software && subgroupSize > 0;

interface Teams {
  lanes: number;
  teams: number;
  /** Most vectors that a lane keeps. */
  most: number;
}

function teamsFor(vectors: number, traits: Traits): Teams {
  const { subgroupSize } = traits;
  if (isVectorised(traits)) return { lanes: subgroupSize, teams: 1, most: HELD_IN_SOFTWARE };
  if (subgroupSize && vectors <= subgroupSize * HELD_BY_SUBGROUP) {
    return { lanes: subgroupSize, teams: 1, most: HELD_BY_SUBGROUP };
  }
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, vectors / HELD_BY_TREE)));
  const lanes = Math.min(LARGEST_TREE, Math.max(SMALLEST_TREE, wanted));
  return { lanes, teams: Math.max(1, GROUP / lanes), most: HELD_BY_TREE };
}

/** How a kernel of `rows` × `cols` chooses its variant and launches: a team for a row, or for some rows in turn. */
export const perRow = {
  specialize({ cols }: { cols: number }, traits: Traits): RowConstants {
    const width = cols % 4 === 0 ? 4 : 1;
    const { lanes, teams, most } = teamsFor(cols / width, traits);
    const share = Math.ceil(cols / width / lanes);
    const each = isVectorised(traits)
      ? Math.min(MOST_ROWS, 2 ** Math.ceil(Math.log2(Math.max(1, BUSY / share))))
      : 1;
    return { width, lanes, teams, each, held: share <= most ? share : 0 };
  },
  launch: ({ rows }: { rows: number }, { teams, each }: { teams: number; each: number }): number =>
    Math.ceil(rows / (teams * each)),
};

/**
 * Its text: `body` works on row `row`, of `cols` vectors from `base` on, as lane `seat` of the team; those of `teamWgsl` and
 * its own `functions` are at hand. Teams beyond the last row may do the last one again, so that all lanes stay together;
 * they know by `spare`, which matters where a kernel reads what it has written.
 */
export const rowText =
  (body: (c: RowConstants) => string, functions = (_: RowConstants) => '') =>
  (c: RowConstants, traits: Traits): string =>
    wgsl`
${functions(c)}
${teamWgsl(c, traits)}
${main(
  c.lanes * c.teams,
  `  let cols = p.cols / ${c.width}u;
  let seat = lane % ${c.lanes}u;
${(c.each > 1 ? severalRows : oneRow)(c, body(c))}`,
)}`;

const severalRows = ({ each }: RowConstants, body: string) => `  let spare = false;
  let first = group * ${each}u;
  for (var row = first; row < min(first + ${each}u, p.rows); row++) {
  let base = row * cols;
${body}
  }`;

const oneRow = (
  { lanes, teams }: RowConstants,
  body: string,
) => `  let turn = group * ${teams}u + lane / ${lanes}u;
  let spare = turn >= p.rows;
  let row = min(turn, p.rows - 1u);
  let base = row * cols;
${body}`;

/** WGSL expressions by name. */
export type Values = Record<string, string>;

export const declare = (values: Values): string =>
  Object.entries(values)
    .map(([name, value]) => `let ${name} = ${value};`)
    .join(' ');

/** A lane's part of a row, in WGSL. */
export interface RowWalk {
  /** Reads what the lane can keep. */
  read: string;
  /** `body` for the lane's first vector; one of the row's if it has none. */
  first(body: string): string;
  /** `body` for each of the lane's vectors; `c` counts vectors in the row, `i` in the tensor; the values have their names. */
  each(body: string): string;
}

/**
 * How to walk a row of `values`, each an expression in `c`, `i` and the `weights`: they are computed once if the lane can keep
 * them. Weights are expressions in `c`, read where they are used.
 */
export function walkRow(
  { lanes, held }: RowConstants,
  values: Values,
  weights: Values = {},
): RowWalk {
  if (held === 0) {
    const lets = declare({ ...weights, ...values });
    return {
      read: '',
      first: (body) => `{ let c = min(seat, cols - 1u); let i = base + c; ${lets} ${body} }`,
      each: (body) =>
        `for (var c = seat; c < cols; c += ${lanes}u) { let i = base + c; ${lets} ${body} }`,
    };
  }
  // Only the last vector of a lane can lie beyond the row.
  const unrolled = (body: (k: number) => string) =>
    Array.from({ length: held }, (_, k) => {
      const bounds = k === held - 1 ? `if (seat + ${k * lanes}u < cols) ` : '';
      return `${bounds}{ let c = seat + ${k * lanes}u; let i = base + c; ${declare(weights)} ${body(k)} }`;
    }).join('\n  ');
  const names = Object.keys(values);
  const kept = (k: number) => names.map((name) => `let ${name} = ${name}_${k};`).join(' ');
  const variables = Array.from({ length: held }, (_, k) =>
    names.map((name) => `var ${name}_${k}: V;`).join(' '),
  );
  return {
    read: `${variables.join(' ')}
  ${unrolled((k) => names.map((name) => `${name}_${k} = ${values[name]};`).join(' '))}`,
    first: (body) => `{ ${kept(0)} ${body} }`,
    each: (body) => unrolled((k) => `${kept(k)} ${body}`),
  };
}

/** WGSL functions `teamSum`, `teamMax` and `teamFirst` of (x, lane): every lane of a team gets the team's result. */
export function teamWgsl(
  { lanes, teams = 1 }: { lanes: number; teams?: number },
  traits: Traits,
): string {
  if (traits.subgroupSize === lanes) {
    return wgsl`
fn teamSum(x: f32, lane: u32) -> f32 { return subgroupAdd(x); }
fn teamMax(x: f32, lane: u32) -> f32 { return subgroupMax(x); }
fn teamFirst(x: f32, lane: u32) -> f32 { return subgroupBroadcastFirst(x); }
`;
  }
  const tree = (name: string, combine: string) => wgsl`
fn ${name}(x: f32, lane: u32) -> f32 {
  let seat = lane % ${lanes}u;
  workgroupBarrier();
  scratch[lane] = x;
  for (var step = ${lanes / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (seat < step) { scratch[lane] = ${combine}; }
  }
  workgroupBarrier();
  return scratch[lane - seat];
}`;
  return `var<workgroup> scratch: array<f32, ${lanes * teams}>;
${tree('teamSum', 'scratch[lane] + scratch[lane + step]')}
${tree('teamMax', 'max(scratch[lane], scratch[lane + step])')}
fn teamFirst(x: f32, lane: u32) -> f32 {
  workgroupBarrier();
  scratch[lane] = x;
  workgroupBarrier();
  return scratch[lane - lane % ${lanes}u];
}
`;
}

/** The least float32: what maxima start from. */
export const LOWEST = '-3.4028234663852886e38';
