/** A matrix in 8 bits: value = `values` · the scale of its row. */
export interface Int8Rows {
  values: Int8Array;
  /** One for each row. */
  scales: Float32Array;
}

/**
 * Rounds a matrix to 8 bits, each row by a scale of its own: its largest magnitude becomes `limit`
 * (Jacob et al. 2018, arXiv 1712.05877, §2.1, without a zero point).
 * @param data row-major, of `rows` rows
 * @example
 * quantizeRows(Float32Array.of(1, -2, 0, 0), 2); // values [64, -127, 0, 0], scales [2 / 127, 0]
 */
export function quantizeRows(data: Float32Array, rows: number, limit = 127): Int8Rows {
  const columns = data.length / rows;
  const values = new Int8Array(data.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const begin = row * columns;
    let largest = 0;
    for (let i = begin; i < begin + columns; i++) largest = Math.max(largest, Math.abs(data[i]));
    scales[row] = largest / limit;
    if (scales[row] === 0) continue;
    for (let i = begin; i < begin + columns; i++) values[i] = Math.round(data[i] / scales[row]);
  }
  return { values, scales };
}

/**
 * `quantizeRows` for a file that has values and scales at different places: the matrix is fetched
 * and rounded once; what is not asked for yet is kept until it is.
 */
export function quantizedParts(
  data: () => Promise<Float32Array>,
  rows: number,
  limit?: number,
): { [K in keyof Int8Rows]: () => Promise<Int8Rows[K]> } {
  let kept: Partial<Int8Rows> = {};
  const take = async <K extends keyof Int8Rows>(part: K): Promise<Int8Rows[K]> => {
    const found = kept[part] ? kept : quantizeRows(await data(), rows, limit);
    kept = { ...found, [part]: undefined };
    return found[part]!;
  };
  return { values: () => take('values'), scales: () => take('scales') };
}

/** The values of a matrix in 8 bits as float32, row-major. */
export function dequantizeRows({ values, scales }: Int8Rows): Float32Array {
  const columns = values.length / scales.length;
  const data = new Float32Array(values.length);
  for (let row = 0; row < scales.length; row++)
    for (let i = row * columns; i < (row + 1) * columns; i++) data[i] = values[i] * scales[row];
  return data;
}
