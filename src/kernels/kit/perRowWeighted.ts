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
 * Row kernels that find a few numbers of each row and then apply them with weights of its columns, such as layer
 * normalisation. In software, where what counts is how many vectors are read, a team first finds the numbers of as many rows
 * as it has lanes, and then reads the weights once for all of them.
 */
export interface WeightedRowSpec {
  /** What depends on the column alone: expressions in `c`. */
  weights: Expressions;
  /** What the row is made of: expressions in `c`, `i` and the weights. */
  values: Expressions;
  /** The same when the row is gone through again and was not kept, where that can be had for less. */
  reloadValues?: Expressions;
  /** Reads the row and finds its numbers, with walks over the values. */
  computeStatistics(walk: RowWalk): string;
  statistics: readonly string[];
  /** Done for each vector, with the weights, the values and the numbers. */
  apply: string;
  /** Done once a row, with the numbers. */
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
    ${forEachStatistic((name) => `own_${name} = select(own_${name}, ${name}, laneInTeam == row - first);`)}
  }
  ${storeStatistics ? `if (first + laneInTeam < end) { let row = first + laneInTeam; ${forEachStatistic((name) => `let ${name} = own_${name};`)} ${storeStatistics} }` : ''}
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
