import { isRowProblem, type RowProblem } from '../../formats/tables/rows.ts';
import type { Table } from '../../formats/tables/table.ts';
import { readString } from './cells.ts';
import { type ColumnOptions, findTextColumns } from './columns.ts';

/** The text of a row, or the two of a pair. */
export interface RowTexts {
  texts: string[];
  /** As in `Row`. */
  line: number;
}

/**
 * Reads the texts of a table, row by row.
 * @throws UsageError when a column is missing.
 */
export async function* tableTexts(
  table: Table,
  options: Pick<ColumnOptions, 'textColumn' | 'pairColumn'>,
): AsyncGenerator<RowTexts | RowProblem> {
  const { columns, name } = table;
  let indices: number[] | undefined;
  for await (const item of table.rows()) {
    if (isRowProblem(item)) {
      yield item;
      continue;
    }
    if (indices === undefined) {
      const { textIndex, pairIndex } = findTextColumns(columns, options, name);
      indices = [textIndex, pairIndex].filter((index) => index >= 0);
    }
    const cells = indices.map((index) => readString(item.values[index], columns[index]));
    const reason = cells.find((cell) => typeof cell === 'string');
    if (reason !== undefined) yield { line: item.line, reason };
    else {
      const texts = cells.flatMap((cell) => (typeof cell === 'string' ? [] : [cell.text]));
      yield { texts, line: item.line };
    }
  }
}
