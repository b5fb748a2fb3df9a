import { main, wgsl } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import {
  declare,
  isVectorised,
  perRow,
  type RowConstants,
  type RowWalk,
  rowText,
  teamWgsl,
  type Values,
  walkRow,
} from './perRow.ts';

/**
 * Row kernels that find a few numbers of each row and then apply them with weights of its columns, such as layer
 * normalisation. In software, where what counts is how many vectors are read, a team first finds the numbers of as many rows
 * as it has lanes, and then reads the weights once for all of them.
 */
export interface WeightedRows {
  /** What depends on the column alone: expressions in `c`. */
  weights: Values;
  /** What the row is made of: expressions in `c`, `i` and the weights. */
  values: Values;
  /** The same when the row is gone through again and was not kept, where that can be had for less. */
  again?: Values;
  /** Reads the row and finds its numbers, with walks over the values. */
  find(walk: RowWalk): string;
  numbers: readonly string[];
  /** Done for each vector, with the weights, the values and the numbers. */
  apply: string;
  /** Done once a row, with the numbers. */
  keep?: string;
  functions?: string;
}

export const perWeightedRow = {
  specialize(p: { cols: number }, traits: Traits): RowConstants {
    const c = perRow.specialize(p, traits);
    return isVectorised(traits) ? { ...c, each: c.lanes, held: 0 } : c;
  },
  launch: perRow.launch,
};

export const weightedRowText =
  (rowsFor: (c: RowConstants) => WeightedRows) =>
  (c: RowConstants, traits: Traits): string => {
    const rows = rowsFor(c);
    return isVectorised(traits)
      ? manyRows(c, rows, traits)
      : rowText(
          () => oneRow(c, rows),
          () => rows.functions ?? '',
        )(c, traits);
  };

function oneRow(
  c: RowConstants,
  { weights, values, again = values, find, apply, keep }: WeightedRows,
): string {
  const walk = walkRow(c, values, weights);
  const second = c.held === 0 ? walkRow(c, again, weights) : walk;
  return `${find(walk)}
  ${second.each(apply)}
  ${keep ? `if (seat == 0u) { ${keep} }` : ''}`;
}

function manyRows(c: RowConstants, rows: WeightedRows, traits: Traits): string {
  const { weights, values, again = values, find, numbers, apply, keep, functions = '' } = rows;
  const each = (text: (name: string) => string) => numbers.map(text).join(' ');
  return wgsl`
${functions}
${teamWgsl(c, traits)}
${main(
  c.lanes,
  `  let cols = p.cols / ${c.width}u;
  let seat = lane;
  let first = group * ${c.lanes}u;
  let end = min(first + ${c.lanes}u, p.rows);
  // Lane k keeps the numbers of the k-th row.
  ${each((name) => `var own_${name} = 0.0;`)}
  for (var row = first; row < end; row++) {
    let base = row * cols;
    ${find(walkRow(c, values, weights))}
    ${each((name) => `own_${name} = select(own_${name}, ${name}, seat == row - first);`)}
  }
  ${keep ? `if (first + seat < end) { let row = first + seat; ${each((name) => `let ${name} = own_${name};`)} ${keep} }` : ''}
  for (var start = 0u; start < cols; start += ${c.lanes}u) {
    let c = start + seat;
    ${declare(weights)}
    for (var row = first; row < end; row++) {
      let i = row * cols + c;
      ${each((name) => `let ${name} = subgroupShuffle(own_${name}, row - first);`)}
      if (c < cols) { ${declare(again)} ${apply} }
    }
  }`,
)}`;
}
