import { expect, it } from 'vitest';
import { Philox } from '../../../src/tensor/random.ts';
import {
  fewRows,
  gatherRows,
  packRows,
  scatterRows,
  uniteRows,
} from '../../../src/train/distributed/touchedRows.ts';

it.each([1, 31, 32, 33, 200])('unites the flags of %i rows through their bits', (count) => {
  const random = new Philox(count);
  const flags = () => Float32Array.from({ length: count }, () => random.randint(3));
  const ranks = [[flags(), flags()], [flags()], []];
  const bits = ranks.map((of) => packRows(of, count));
  const expected = Array.from({ length: count }, (_, row) =>
    Number(ranks.flat().some((of) => of[row] !== 0)),
  );
  expect(Array.from(uniteRows(bits, count))).toEqual(expected);
});

it('names the rows where they are at most half of all', () => {
  expect(fewRows(Int32Array.of(0, 1, 0, 1))).toEqual([1, 3]);
  expect(fewRows(Int32Array.of(0, 1, 1, 1))).toBeUndefined();
  expect(fewRows(new Int32Array(3))).toEqual([]);
});

it('brings rows together and back', () => {
  const table = Float32Array.from({ length: 12 }, (_, i) => i);
  const rows = new Float32Array(6);
  gatherRows(table, 3, [3, 1], rows);
  expect(Array.from(rows)).toEqual([9, 10, 11, 3, 4, 5]);
  const back = new Float32Array(12).fill(-1);
  scatterRows(rows, 3, [3, 1], back);
  expect(Array.from(back)).toEqual([-1, -1, -1, 3, 4, 5, -1, -1, -1, 9, 10, 11]);
});
