import { main, wgsl } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import {
  type Expressions,
  isVectorised,
  letStatements,
  perRow,
  perRowWgsl,
  type RowConstants,
  type RowWalk,
  rowWalk,
  teamWgsl,
} from './perRow.ts';

/**
 * Row kernels that compute a few statistics of each row and then apply them with weights per
 * column, such as layer normalisation. On software adapters the number of vectors read is the
 * limit: a team first computes the statistics of as many rows as it has lanes, then reads the
 * weights once for all of them.
 */
export interface WeightedRowSpec {
  /** Values that depend only on the column: expressions in `c`. */
  weights: Expressions;
  /** Values of the row: expressions in `c`, `i` and the weights. */
  values: Expressions;
  /** Cheaper expressions for the second walk over a row that was not kept. */
  reloadValues?: Expressions;
  /** Reads the row and computes its statistics, with walks over the values. */
  computeStatistics(walk: RowWalk): string;
  statistics: readonly string[];
  /** Runs for each vector, with the weights, the values and the statistics. */
  apply: string;
  /** Runs once per row, with the statistics. */
  storeStatistics?: string;
  functions?: string;
}

export const perRowWeighted = {
  specialize(p: { cols: number }, traits: Traits): RowConstants {
    const c = perRow.specialize(p, traits);
    return isVectorised(traits) ? { ...c, rowsPerTeam: c.lanes, cachedVectors: 0 } : c;
  },
  launch: perRow.launch,
};

export const perRowWeightedWgsl =
  (rowsFor: (c: RowConstants) => WeightedRowSpec) =>
  (c: RowConstants, traits: Traits): string => {
    const rows = rowsFor(c);
    return isVectorised(traits)
      ? rowPerLane(c, rows, traits)
      : perRowWgsl(
          () => oneRowPerTeam(c, rows),
          () => rows.functions ?? '',
        )(c, traits);
  };

function oneRowPerTeam(
  c: RowConstants,
  {
    weights,
    values,
    reloadValues = values,
    computeStatistics,
    apply,
    storeStatistics,
  }: WeightedRowSpec,
): string {
  const walk = rowWalk(c, values, weights);
  const second = c.cachedVectors === 0 ? rowWalk(c, reloadValues, weights) : walk;
  return `${computeStatistics(walk)}
  ${second.forEachVector(apply)}
  ${storeStatistics ? `if (laneInTeam == 0u) { ${storeStatistics} }` : ''}`;
}

function rowPerLane(c: RowConstants, rows: WeightedRowSpec, traits: Traits): string {
  const {
    weights,
    values,
    reloadValues = values,
    computeStatistics,
    statistics,
    apply,
    storeStatistics,
    functions = '',
  } = rows;
  const forEachStatistic = (text: (name: string) => string) => statistics.map(text).join(' ');
  return wgsl`
${functions}
${teamWgsl(c, traits)}
${main(
  c.lanes,
  `  let cols = p.cols / ${c.width}u;
  let laneInTeam = lane;
  let first = group * ${c.lanes}u;
  let end = min(first + ${c.lanes}u, p.rows);
  // Lane k keeps the numbers of the k-th row.
  ${forEachStatistic((name) => `var own_${name} = 0.0;`)}
  for (var row = first; row < end; row++) {
    let base = row * cols;
    ${computeStatistics(rowWalk(c, values, weights))}
    ${forEachStatistic(
      (name) => `own_${name} = select(own_${name}, ${name},
      laneInTeam == row - first);`,
    )}
  }
  ${
    storeStatistics
      ? `if (first + laneInTeam < end) { let row = first + laneInTeam;
    ${forEachStatistic((name) => `let ${name} = own_${name};`)} ${storeStatistics} }`
      : ''
  }
  for (var start = 0u; start < cols; start += ${c.lanes}u) {
    let c = start + laneInTeam;
    ${letStatements(weights)}
    for (var row = first; row < end; row++) {
      let i = row * cols + c;
      ${forEachStatistic((name) => `let ${name} = subgroupShuffle(own_${name}, row - first);`)}
      if (c < cols) { ${letStatements(reloadValues)} ${apply} }
    }
  }`,
)}`;
}
