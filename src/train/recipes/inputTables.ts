import { hasObjects } from '../../formats/tables/format.ts';
import { isRowProblem } from '../../formats/tables/table.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames } from '../../platform/format.ts';
import { checkFiles } from '../data/severalFiles.ts';
import type { TaskName } from '../tasks/task.ts';
import { type InputOptions, type InputTable, openInput } from './inputTable.ts';

/**
 * Opens files of texts whose rows become one table, with the columns of the first.
 * @throws UsageError as `openInput`; when a file is named twice, or their columns differ.
 */
export async function openInputs(
  files: readonly string[],
  options: InputOptions,
  task: TaskName,
): Promise<InputTable[]> {
  await checkFiles('input', files);
  const [first, ...others] = await Promise.all(files.map((path) => openInput(path, options, task)));
  return [first, ...others.map((table) => withColumnsOf(first, table))];
}

/** A table whose values are in the order of another one's columns. */
function withColumnsOf(first: InputTable, table: InputTable): InputTable {
  const { columns, format } = first;
  const isSame = (a: readonly string[], b: readonly string[]) =>
    a.length === b.length && a.every((name, i) => name === b[i]);
  const areWords = [first, table].map((each) => each.format === 'conll');
  // A key that objects lack is one without a value.
  const mayDiffer = hasObjects(format) && hasObjects(table.format);
  const fits = mayDiffer || isSame([...columns].sort(), [...table.columns].sort());
  if (areWords[0] !== areWords[1] || !fits)
    throw new UsageError(
      `${table.name}: expected the columns of ${first.name}, ${formatNames(columns)}, ` +
        `got ${formatNames(table.columns)}`,
    );
  if (isSame(columns, table.columns)) return table;
  const indices = columns.map((name) => table.columns.indexOf(name));
  return {
    ...table,
    async *rows() {
      for await (const item of table.rows())
        yield isRowProblem(item)
          ? item
          : { ...item, values: indices.map((index) => item.values[index]) };
    },
  };
}
