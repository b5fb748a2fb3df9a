import type { MatmulParams } from './shape.ts';

interface MatmulArrays extends Record<'a' | 'b' | 'y', Float32Array> {
  bias?: Float32Array;
  preActivation?: Float32Array;
}
/** Stores a sum: row and column of y, and where that is in memory. */
type Finish = (at: number, column: number, sum: number) => void;

/** y = activation(a b + bias). Each sum is in float64, and in order of k. */
export function multiplyReference(
  { a, b, bias, preActivation, y }: MatmulArrays,
  p: MatmulParams,
  activation: (z: number) => number,
): void {
  const finish = (at: number, column: number, sum: number) => {
    const z = sum + (bias ? bias[column] : 0);
    if (preActivation) preActivation[at] = z;
    y[at] = activation(z);
  };
  for (let i = 0; i < p.batch0 * p.batch1; i++) {
    const [i0, i1] = [Math.floor(i / p.batch1), i % p.batch1];
    const aStart = p.aOffset + i0 * p.a0 + i1 * p.a1;
    const bStart = p.bOffset + i0 * p.b0 + i1 * p.b1;
    const yStart = p.yOffset + i0 * p.y0 + i1 * p.y1;
    for (let row = 0; row < p.m; row += 2)
      multiplyRows(
        a,
        b,
        p,
        aStart + row * p.aRow,
        bStart,
        yStart + row * p.yRow,
        p.m - row,
        finish,
      );
  }
}

/**
 * Two rows of the product (or the last one), four columns at a time: eight sums in registers for
 * six loads. `aAt` and `yAt` are the starts of the first row, of `rows` that are left.
 */
function multiplyRows(
  a: Float32Array,
  b: Float32Array,
  // Destructured, since compilers look an object's fields up in each pass of a loop.
  { n, k, aRow, aCol, bRow, bCol, yRow }: MatmulParams,
  aAt: number,
  bStart: number,
  yAt: number,
  rows: number,
  finish: Finish,
): void {
  const aStep = rows > 1 ? aRow : 0;
  let column = 0;
  for (; column + 3 < n; column += 4) {
    const [b1, b2, b3] = [bCol, 2 * bCol, 3 * bCol];
    let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
    let at = aAt;
    let from = bStart + column * bCol;
    for (let d = 0; d < k; d++) {
      const x0 = a[at];
      const x1 = a[at + aStep];
      let value = b[from];
      s00 += x0 * value;
      s10 += x1 * value;
      value = b[from + b1];
      s01 += x0 * value;
      s11 += x1 * value;
      value = b[from + b2];
      s02 += x0 * value;
      s12 += x1 * value;
      value = b[from + b3];
      s03 += x0 * value;
      s13 += x1 * value;
      at += aCol;
      from += bRow;
    }
    finishFour(finish, yAt + column, column, s00, s01, s02, s03);
    if (rows > 1) finishFour(finish, yAt + yRow + column, column, s10, s11, s12, s13);
  }
  for (; column < n; column++) {
    for (let row = 0; row < Math.min(rows, 2); row++) {
      let sum = 0;
      let [at, from] = [aAt + row * aRow, bStart + column * bCol];
      for (let d = 0; d < k; d++) {
        sum += a[at] * b[from];
        at += aCol;
        from += bRow;
      }
      finish(yAt + row * yRow + column, column, sum);
    }
  }
}

function finishFour(
  finish: Finish,
  at: number,
  column: number,
  s0: number,
  s1: number,
  s2: number,
  s3: number,
): void {
  finish(at, column, s0);
  finish(at + 1, column + 1, s1);
  finish(at + 2, column + 2, s2);
  finish(at + 3, column + 3, s3);
}
