import { isRowProblem, openTable, type TableOptions } from '../../formats/tables/table.ts';
import { tasks } from '../tasks/index.ts';
import { labelKey } from '../tasks/labelNames.ts';
import { type ColumnOptions, findTextColumns, firstOf } from './columns.ts';

/** Rows that are looked at. */
const SAMPLE = 200;

/** What the columns of a file of labelled texts are for. */
export interface ColumnGuess extends ColumnOptions {
  /** All columns of the file. */
  columns: readonly string[];
  /** What the labels say. */
  task: 'classification' | 'multi-label' | 'regression';
  /** The first rows, as objects. */
  rows: Record<string, unknown>[];
}

/**
 * Guesses which columns of a file hold texts and labels, and what the labels say: by the names that
 * `readData` knows, else by the first rows. The longest texts are the text; the column with the
 * fewest different values is the label; lists are several labels, fractions are scores. The result
 * can be given to `readData` and `checkData`, and changed before.
 * @throws UsageError when the file cannot be read.
 * @example
 * const { columns, rows, ...guess } = await guessColumns('reviews.csv');
 * const { examples, labels } = await readData('reviews.csv', guess);
 */
export async function guessColumns(path: string, options: TableOptions = {}): Promise<ColumnGuess> {
  const { columns, rows: read } = await openTable(path, options);
  const rows: unknown[][] = [];
  for await (const item of read()) {
    if (isRowProblem(item)) continue;
    rows.push(item.values);
    if (rows.length === SAMPLE) break;
  }
  const valuesOf = (index: number) => rows.map((values) => values[index]).filter(isPresent);
  const texts = guessTexts(columns, valuesOf, path);
  const others = [...columns.keys()].filter((index) => !texts.indices.includes(index));
  return {
    columns: [...columns],
    ...texts.options,
    ...guessLabels(columns, others, valuesOf),
    rows: rows.map((values) => Object.fromEntries(columns.map((name, i) => [name, values[i]]))),
  };
}

type ValuesOf = (index: number) => unknown[];

const isPresent = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '';

function guessTexts(
  columns: readonly string[],
  valuesOf: ValuesOf,
  path: string,
): { indices: number[]; options: ColumnOptions } {
  let found: { textIndex: number; pairIndex: number };
  try {
    found = findTextColumns(columns, {}, path);
  } catch {
    const lengths = [...columns.keys()].map((index) => meanLength(valuesOf(index)));
    found = { textIndex: lengths.indexOf(Math.max(...lengths)), pairIndex: -1 };
  }
  const { textIndex, pairIndex } = found;
  return {
    indices: [textIndex, pairIndex],
    options: {
      textColumn: columns[textIndex],
      ...(pairIndex >= 0 && { pairColumn: columns[pairIndex] }),
    },
  };
}

const meanLength = (values: readonly unknown[]): number => {
  const texts = values.filter((value) => typeof value === 'string');
  return texts.reduce((sum, { length }) => sum + length, 0) / Math.max(1, texts.length);
};

function guessLabels(
  columns: readonly string[],
  others: readonly number[],
  valuesOf: ValuesOf,
): Pick<ColumnGuess, 'labelColumn' | 'labelColumns' | 'task'> {
  const named = others.map((index) => columns[index]);
  for (const task of ['classification', 'multi-label', 'regression'] as const) {
    const index = columns.indexOf(named[firstOf(named, tasks[task].labelColumns)]);
    if (index < 0) continue;
    const values = valuesOf(index);
    const isScore = task === 'regression' && values.every(isNumber);
    return { labelColumn: columns[index], task: isScore ? 'regression' : taskOf(values) };
  }
  const indicators = others.filter((index) => isIndicator(valuesOf(index)));
  if (indicators.length > 1)
    return { labelColumns: indicators.map((index) => columns[index]), task: 'multi-label' };
  const kinds = others.map((index) => new Set(valuesOf(index).map(String)).size);
  const fewest = Math.min(...kinds.filter((kind) => kind > 1));
  const index = others[kinds.indexOf(fewest)];
  if (index === undefined) return { task: 'classification' };
  return { labelColumn: columns[index], task: taskOf(valuesOf(index)) };
}

/** What labels say, by their values. */
function taskOf(values: readonly unknown[]): ColumnGuess['task'] {
  if (values.length > 0 && values.every(Array.isArray)) return 'multi-label';
  const hasFraction = values.some((value) => !Number.isInteger(Number(value)));
  return values.every(isNumber) && hasFraction ? 'regression' : 'classification';
}

const isNumber = (value: unknown): boolean =>
  typeof value === 'number' ||
  (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)));

const isIndicator = (values: readonly unknown[]): boolean =>
  values.length > 0 &&
  values.every((value) => ['0', '1', 'false', 'true'].includes(labelKey(String(value))));
