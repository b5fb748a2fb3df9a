import { defineKernel, main, wgsl } from '../../device/kernel.ts';

/** Lanes of a workgroup that walk neighbouring rows; each adds up its own. */
const LANES = 64;

/**
 * Running sum along the middle axis: y[o, i, j] = Σ x[o, k, j] over k ≤ i, or over k ≥ i if
 * `reverse` is 1. x, y: [outer, n, inner]. The sum compensates its rounding error (Kahan 1965), so
 * that long axes lose no digits.
 */
export const cumsum = defineKernel({
  name: 'cumsum',
  params: { outer: 'u32', n: 'u32', inner: 'u32', reverse: 'u32' },
  buffers: {
    x: { type: 'f32', access: 'read', size: (p) => p.outer * p.n * p.inner },
    y: { type: 'f32', access: 'write', size: (p) => p.outer * p.n * p.inner },
  },
  launch: (p) => Math.ceil((p.outer * p.inner) / LANES),
  wgsl: () => wgsl`
// Compilers would take the rounding error for 0: they cannot know that the shifted bit is none.
fn opaque(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ (p.reverse >> 1u)); }
${main(
  LANES,
  `  let line = group * ${LANES}u + lane;
  if (line >= p.outer * p.inner) { return; }
  let start = (line / p.inner) * p.n * p.inner + line % p.inner;
  var total = 0.0;
  var lost = 0.0;
  for (var k = 0u; k < p.n; k++) {
    let at = start + select(k, p.n - 1u - k, p.reverse == 1u) * p.inner;
    let term = x[at] - lost;
    let next = opaque(total + term);
    // An infinite sum has lost nothing: infinity minus infinity is NaN.
    let isFinite = (bitcast<u32>(next) & 0x7fffffffu) < 0x7f800000u;
    lost = select(0.0, opaque(next - total) - term, isFinite);
    total = next;
    y[at] = total;
  }`,
)}`,
  reference({ x, y }, { outer, n, inner, reverse }) {
    for (let line = 0; line < outer * inner; line++) {
      const start = Math.floor(line / inner) * n * inner + (line % inner);
      let total = 0;
      for (let k = 0; k < n; k++) {
        const at = start + (reverse ? n - 1 - k : k) * inner;
        y[at] = total += x[at];
      }
    }
  },
  cases: [
    { outer: 3, n: 5, inner: 1, reverse: 0 },
    { outer: 2, n: 40, inner: 33, reverse: 1 },
    { outer: 1, n: 4001, inner: 1, reverse: 0 },
  ],
});
