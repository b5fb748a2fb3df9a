/**
 * The gradient of an embedding has few rows that are not zero. Ranks tell each other which, and
 * exchange only those that any of them has, unless these are most of the table.
 */

/** A bit for each of `count` rows: 1 if any of the flags is not 0. */
export function packRows(flags: readonly Float32Array[], count: number): Uint32Array {
  const bits = new Uint32Array(Math.ceil(count / 32));
  for (const of of flags)
    for (let row = 0; row < count; row++) if (of[row] !== 0) bits[row >> 5] |= 1 << (row & 31);
  return bits;
}

/** A flag for each of `count` rows: 1 if any of the bits has it. */
export function uniteRows(bits: readonly Uint32Array[], count: number): Int32Array {
  const flags = new Int32Array(count);
  for (let row = 0; row < count; row++)
    if (bits.some((of) => of[row >> 5] & (1 << (row & 31)))) flags[row] = 1;
  return flags;
}

/** The flagged rows, if exchanging them alone is worth it: they are at most half of all. */
export function fewRows(flags: Int32Array): readonly number[] | undefined {
  const rows: number[] = [];
  for (let row = 0; row < flags.length; row++) if (flags[row] !== 0) rows.push(row);
  return rows.length <= flags.length / 2 ? rows : undefined;
}

/** These rows of a table, one behind the other, to `into`. */
export function gatherRows(
  table: Float32Array,
  columns: number,
  rows: readonly number[],
  into: Float32Array,
): void {
  for (const [i, row] of rows.entries())
    into.set(table.subarray(row * columns, (row + 1) * columns), i * columns);
}

/** The opposite of `gatherRows`. */
export function scatterRows(
  from: Float32Array,
  columns: number,
  rows: readonly number[],
  table: Float32Array,
): void {
  for (const [i, row] of rows.entries())
    table.set(from.subarray(i * columns, (i + 1) * columns), row * columns);
}
