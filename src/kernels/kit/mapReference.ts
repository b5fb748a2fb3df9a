/** What a map reads: an element for each index, through strides. */
export interface ReferenceOperand {
  data: ArrayLike<number>;
  strides: readonly number[];
  offset: number;
}

/**
 * out[i] = f(a[i], b[i], …) over a row-major shape: the oracle of element-by-element kernels. Rows
 * (the last dimension) are plain loops, one for each number of operands.
 */
export function mapReference(
  f: (...values: number[]) => number,
  operands: readonly ReferenceOperand[],
  out: Float32Array,
  rank: number,
  shape: readonly number[],
): void {
  const last = rank - 1;
  const length = rank > 0 ? shape[last] : 1;
  let count = 1;
  for (let d = 0; d < rank; d++) count *= shape[d];
  const steps = operands.map(({ strides }) => (rank > 0 ? strides[last] : 0));
  const at = operands.map(({ offset }) => offset);
  const index = new Array<number>(rank).fill(0);
  for (let first = 0; first < count; first += length) {
    mapRow(f, operands, steps, at, out, first, length);
    for (let d = last - 1; d >= 0; d--) {
      const isWhole = ++index[d] === shape[d];
      if (isWhole) index[d] = 0;
      const places = isWhole ? 1 - shape[d] : 1;
      for (let i = 0; i < at.length; i++) at[i] += operands[i].strides[d] * places;
      if (!isWhole) break;
    }
  }
}

/** One row; `at` holds where each operand's begins. */
function mapRow(
  f: (...values: number[]) => number,
  operands: readonly ReferenceOperand[],
  steps: readonly number[],
  at: readonly number[],
  out: Float32Array,
  first: number,
  length: number,
): void {
  const end = first + length;
  const [a, b, c] = operands;
  let [aAt, bAt, cAt] = at;
  const [aStep, bStep, cStep] = steps;
  switch (operands.length) {
    case 1:
      for (let i = first; i < end; i++, aAt += aStep) out[i] = f(a.data[aAt]);
      return;
    case 2:
      for (let i = first; i < end; i++, aAt += aStep, bAt += bStep)
        out[i] = f(a.data[aAt], b.data[bAt]);
      return;
    case 3:
      for (let i = first; i < end; i++, aAt += aStep, bAt += bStep, cAt += cStep)
        out[i] = f(a.data[aAt], b.data[bAt], c.data[cAt]);
      return;
    default: {
      const values = [...at];
      for (let i = 0; i < length; i++) {
        for (let o = 0; o < values.length; o++) values[o] = operands[o].data[at[o] + i * steps[o]];
        out[first + i] = f(...values);
      }
    }
  }
}
