import { defineKernel, main } from '../../device/kernel.ts';
import { isNanWgsl } from '../kit/mathFunctions.ts';
import { splitAlong } from '../kit/splitAxis.ts';

const params = { outer: 'u32', n: 'u32', inner: 'u32', sign: 'f32' } as const;

/** Of floats or of integers, which are compared as such. */
function defineArgmax<T extends 'f32' | 'i32'>(name: string, type: T) {
  const isBetter =
    type === 'f32'
      ? 'value * p.sign > best * p.sign || (isNan(value) && !isNan(best))'
      : '(p.sign > 0.0 && value > best) || (p.sign < 0.0 && value < best)';
  return defineKernel({
    name,
    params,
    buffers: {
      x: { type: type as 'f32' | 'i32', access: 'read', size: (p) => p.outer * p.n * p.inner },
      y: { type: 'i32', access: 'write', size: (p) => p.outer * p.inner },
    },
    launch: (p) => Math.ceil((p.outer * p.inner) / 64),
    splitAxes: (p, alignment) => [
      splitAlong(p, 'outer', { x: p.n * p.inner, y: p.inner }, alignment),
    ],
    wgsl: () =>
      (type === 'f32' ? isNanWgsl : '') +
      main(
        64,
        `  let column = group * 64u + lane;
  if (column >= p.outer * p.inner) { return; }
  let base = (column / p.inner) * p.n * p.inner + column % p.inner;
  var best = x[base];
  var place = 0u;
  for (var k = 1u; k < p.n; k++) {
    let value = x[base + k * p.inner];
    if (${isBetter}) { best = value; place = k; }
  }
  y[column] = i32(place);`,
      ),
    reference({ x, y }, { outer, n, inner, sign }) {
      for (let o = 0; o < outer; o++) {
        for (let j = 0; j < inner; j++) {
          let place = 0;
          const at = (k: number) => x[(o * n + k) * inner + j] * sign;
          for (let k = 1; k < n; k++) {
            if (at(k) > at(place) || (Number.isNaN(at(k)) && !Number.isNaN(at(place)))) place = k;
          }
          y[o * inner + j] = place;
        }
      }
    },
    cases: [
      { outer: 3, n: 17, inner: 1, sign: 1 },
      { outer: 2, n: 9, inner: 5, sign: -1 },
      { outer: 512, n: 256, inner: 1, sign: 1 },
    ],
  });
}

/**
 * Index of the first largest (sign 1) or smallest (sign -1) element along the middle axis, or of
 * its first NaN: [outer, n, inner] → [outer, inner].
 */
export const argmax = defineArgmax('argmax', 'f32');
export const argmaxIntegers = defineArgmax('argmaxIntegers', 'i32');
