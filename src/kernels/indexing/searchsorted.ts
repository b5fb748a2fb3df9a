import { defineKernel, wgsl } from '../../device/kernel.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from '../kit/perElement.ts';

const isBefore = {
  f32: wgsl`
fn isBefore(x: f32, value: f32) -> bool {
  let isNan = (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
  let ofNan = (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
  if (p.right != 0u) { return ofNan || (!isNan && x <= value); }
  return !isNan && (ofNan || x < value);
}`,
  i32: wgsl`
fn isBefore(x: i32, value: i32) -> bool {
  return select(x < value, x <= value, p.right != 0u);
}`,
};

/** Of floats or of integers, which are compared as such. */
function defineSearch<T extends 'f32' | 'i32'>(name: string, type: T) {
  return defineKernel({
    name,
    params: { rows: 'u32', n: 'u32', m: 'u32', oneRow: 'u32', right: 'u32' },
    buffers: {
      sorted: {
        type: type as 'f32' | 'i32',
        access: 'read',
        size: (p) => (p.oneRow ? p.n : p.rows * p.n),
      },
      values: { type: type as 'f32' | 'i32', access: 'read', size: (p) => p.rows * p.m },
      out: { type: 'i32', access: 'write', size: (p) => p.rows * p.m },
    },
    specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
    launch: (p, c) => perElementWorkgroups(p.rows * p.m, c),
    wgsl: (c) => wgsl`${isBefore[type]}
${perElementMain(
  c,
  'p.rows * p.m',
  `let start = select(i / p.m * p.n, 0u, p.oneRow != 0u);
    var low = 0u;
    var high = p.n;
    while (low < high) {
      let middle = (low + high) / 2u;
      if (isBefore(sorted[start + middle], values[i])) { low = middle + 1u; }
      else { high = middle; }
    }
    out[i] = i32(low);`,
)}`,
    reference({ sorted, values, out }, { rows, n, m, oneRow, right }) {
      const isBefore = (x: number, value: number) =>
        right
          ? Number.isNaN(value) || x <= value
          : !Number.isNaN(x) && (Number.isNaN(value) || x < value);
      for (let i = 0; i < rows * m; i++) {
        const start = oneRow ? 0 : Math.floor(i / m) * n;
        let [low, high] = [0, n];
        while (low < high) {
          const middle = (low + high) >> 1;
          if (isBefore(sorted[start + middle], values[i])) low = middle + 1;
          else high = middle;
        }
        out[i] = low;
      }
    },
    cases: [
      { rows: 3, n: 5, m: 4, oneRow: 0, right: 0 },
      { rows: 1, n: 100, m: 333, oneRow: 1, right: 1 },
    ],
  });
}

/**
 * The place of each value in a sorted row, by bisection: the number of elements below it, or not
 * above it if `right`. sorted: [rows, n], or [n] for all (`oneRow`); values, out: [rows, m]. NaN is
 * the greatest.
 */
export const searchsorted = defineSearch('searchsorted', 'f32');
export const searchsortedIntegers = defineSearch('searchsortedIntegers', 'i32');
