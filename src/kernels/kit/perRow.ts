import { main, wgsl } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { FLOAT32_MAX } from './float32.ts';

/**
 * Constants of kernels that work row by row: one team of lanes per row computes its sums and
 * maxima. With subgroups of one fixed size a team is a subgroup. Otherwise, and for long rows on a
 * GPU, it is a workgroup or a part of one, with a tree in shared memory. Lanes read whole vectors
 * if the row's length allows it, and keep them in registers if the row is short enough.
 */
export interface RowConstants extends Record<string, string | number | boolean> {
  width: number;
  /** Lanes of a team. */
  lanes: number;
  /** Teams of a workgroup. */
  teams: number;
  /** Rows that a team computes one after another. */
  rowsPerTeam: number;
  /**
   * Vectors of the row that each lane keeps; 0 if the row is too long: each walk then reads it
   * again.
   */
  cachedVectors: number;
  /** Whether a lane's sums go in blocks of `LONG_BLOCK`, if a walk names them. */
  long: boolean;
}

/** Vectors of a lane in a block of a long sum; with more of them sums are long. */
const LONG_BLOCK = 128;

/** Largest number of vectors kept by a lane of a tree, of a subgroup, of a software subgroup. */
const [TREE_CACHED_VECTORS, SUBGROUP_CACHED_VECTORS, SOFTWARE_CACHED_VECTORS] = [4, 8, 4];
/** Fewest and most lanes of a tree, and fewest lanes of a workgroup of trees. */
const [MIN_TREE_LANES, MAX_TREE_LANES, MIN_WORKGROUP_SIZE] = [8, 256, 64];
/**
 * On software adapters starting a lane costs about ten vectors, so each lane gets at least this
 * many vectors, from at most this many rows.
 */
const [VECTORS_PER_LANE, MAX_ROWS_PER_TEAM] = [256, 64];

/**
 * Lanes of a workgroup whose lanes are independent: `wanted`, or on software adapters as many as
 * fill a processor's vector.
 */
export const independentLanes = ({ software, subgroupSize }: Traits, wanted: number): number =>
  software ? subgroupSize || 8 : wanted;

/** Whether a subgroup is a processor's vector. */
export const isVectorised = ({ software, subgroupSize }: Traits): boolean =>
  software && subgroupSize > 0;

interface Teams {
  lanes: number;
  teams: number;
  /** Largest number of vectors that a lane keeps. */
  maxCachedVectors: number;
}

function teamsFor(vectors: number, traits: Traits): Teams {
  const { subgroupSize } = traits;
  if (isVectorised(traits))
    return { lanes: subgroupSize, teams: 1, maxCachedVectors: SOFTWARE_CACHED_VECTORS };
  if (subgroupSize && vectors <= subgroupSize * SUBGROUP_CACHED_VECTORS) {
    return { lanes: subgroupSize, teams: 1, maxCachedVectors: SUBGROUP_CACHED_VECTORS };
  }
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, vectors / TREE_CACHED_VECTORS)));
  const lanes = Math.min(MAX_TREE_LANES, Math.max(MIN_TREE_LANES, wanted));
  return {
    lanes,
    teams: Math.max(1, MIN_WORKGROUP_SIZE / lanes),
    maxCachedVectors: TREE_CACHED_VECTORS,
  };
}

/**
 * Variant and launch size of a kernel on `rows` × `cols`: one team per row, or per several rows in
 * turn.
 */
export const perRow = {
  specialize({ cols }: { cols: number }, traits: Traits): RowConstants {
    const width = cols % 4 === 0 ? 4 : 1;
    const { lanes, teams, maxCachedVectors } = teamsFor(cols / width, traits);
    const vectorsPerLane = Math.ceil(cols / width / lanes);
    const rowsPerTeam = isVectorised(traits)
      ? Math.min(
          MAX_ROWS_PER_TEAM,
          2 ** Math.ceil(Math.log2(Math.max(1, VECTORS_PER_LANE / vectorsPerLane))),
        )
      : 1;
    return {
      width,
      lanes,
      teams,
      rowsPerTeam,
      cachedVectors: vectorsPerLane <= maxCachedVectors ? vectorsPerLane : 0,
      long: vectorsPerLane > LONG_BLOCK,
    };
  },
  launch: (
    { rows }: { rows: number },
    { teams, rowsPerTeam }: { teams: number; rowsPerTeam: number },
  ): number => Math.ceil(rows / (teams * rowsPerTeam)),
};

/**
 * WGSL of a row kernel: `body` works on row `row`, `cols` vectors from `base` on, as lane
 * `laneInTeam` of the team. It may call the functions of `teamWgsl` and its own `functions`. Teams
 * beyond the last row may compute the last row again, so that all lanes stay together. For them
 * `isSpare` is true, which matters to kernels that read what they have written.
 */
export const perRowWgsl =
  (body: (c: RowConstants) => string, functions = (_: RowConstants) => '') =>
  (c: RowConstants, traits: Traits): string =>
    wgsl`
${functions(c)}
${teamWgsl(c, traits)}
${main(
  c.lanes * c.teams,
  `  let cols = p.cols / ${c.width}u;
  let laneInTeam = lane % ${c.lanes}u;
${(c.rowsPerTeam > 1 ? manyRowsPerTeam : oneRowPerTeam)(c, body(c))}`,
)}`;

const manyRowsPerTeam = ({ rowsPerTeam }: RowConstants, body: string) => `  let isSpare = false;
  let first = group * ${rowsPerTeam}u;
  for (var row = first; row < min(first + ${rowsPerTeam}u, p.rows); row++) {
  let base = row * cols;
${body}
  }`;

const oneRowPerTeam = (
  { lanes, teams }: RowConstants,
  body: string,
) => `  let team = group * ${teams}u + lane / ${lanes}u;
  let isSpare = team >= p.rows;
  let row = min(team, p.rows - 1u);
  let base = row * cols;
${body}`;

/** WGSL expressions by name. */
export type Expressions = Record<string, string>;

export const letStatements = (values: Expressions): string =>
  Object.entries(values)
    .map(([name, value]) => `let ${name} = ${value};`)
    .join(' ');

/** A lane's part of a row, in WGSL. */
export interface RowWalk {
  /** Reads the vectors that the lane keeps. */
  load: string;
  /** `body` for the lane's first vector, or another one of the row if the lane has no vector. */
  firstVector(body: string): string;
  /**
   * `body` for each of the lane's vectors; `c` counts vectors in the row, `i` in the tensor. The
   * values are variables with their names. The names of `sums` are variables of type `V` that it
   * adds to: long ones go in blocks.
   */
  forEachVector(body: string, sums?: readonly string[]): string;
}

/**
 * Walks over a row of `values`, expressions in `c`, `i` and the `weights`, computed once if the
 * lane can keep them. Weights are expressions in `c`, evaluated at each use.
 */
export function rowWalk(
  { lanes, cachedVectors, long }: RowConstants,
  values: Expressions,
  weights: Expressions = {},
): RowWalk {
  if (cachedVectors === 0) {
    const lets = letStatements({ ...weights, ...values });
    return {
      load: '',
      firstVector: (body) =>
        `{ let c = min(laneInTeam, cols - 1u); let i = base + c; ${lets} ${body} }`,
      forEachVector: (body, sums = []) => {
        const each = (text: (name: string) => string) => sums.map(text).join(' ');
        const walk = (from: string, to: string) =>
          `for (var c = ${from}; c < ${to}; c += ${lanes}u) { let i = base + c; ${lets} ${body} }`;
        if (!long || sums.length === 0) return walk('laneInTeam', 'cols');
        return `for (var start = laneInTeam; start < cols; start += ${lanes * LONG_BLOCK}u) {
    ${each((name) => `let before_${name} = ${name}; ${name} = V(0.0);`)}
    ${walk('start', `min(start + ${lanes * LONG_BLOCK}u, cols)`)}
    ${each((name) => `${name} += before_${name};`)}
  }`;
      },
    };
  }
  // Only the last vector of a lane can lie beyond the row.
  const unrolled = (body: (k: number) => string) =>
    Array.from({ length: cachedVectors }, (_, k) => {
      const bounds = k === cachedVectors - 1 ? `if (laneInTeam + ${k * lanes}u < cols) ` : '';
      return `${bounds}{ let c = laneInTeam + ${k * lanes}u; let i = base + c;
        ${letStatements(weights)} ${body(k)} }`;
    }).join('\n  ');
  const names = Object.keys(values);
  const cached = (k: number) => names.map((name) => `let ${name} = ${name}_${k};`).join(' ');
  const variables = Array.from({ length: cachedVectors }, (_, k) =>
    names.map((name) => `var ${name}_${k}: V;`).join(' '),
  );
  return {
    load: `${variables.join(' ')}
  ${unrolled((k) => names.map((name) => `${name}_${k} = ${values[name]};`).join(' '))}`,
    firstVector: (body) => `{ ${cached(0)} ${body} }`,
    forEachVector: (body) => unrolled((k) => `${cached(k)} ${body}`),
  };
}

/**
 * WGSL functions `teamSum`, `teamMax` and `teamFirst` of (x, lane): every lane of a team gets the
 * team's result.
 */
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
  let laneInTeam = lane % ${lanes}u;
  workgroupBarrier();
  scratch[lane] = x;
  for (var step = ${lanes / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (laneInTeam < step) { scratch[lane] = ${combine}; }
  }
  workgroupBarrier();
  return scratch[lane - laneInTeam];
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

/** The lowest float32, as WGSL: the start of maxima. */
export const LOWEST_F32 = `${-FLOAT32_MAX}`;
