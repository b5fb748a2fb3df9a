/** The works in float64, in plain loops: the reference for every peer's numbers. */

/** The error function to 2e-15: a series near 0, a continued fraction beyond. */
function erf(x) {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let k = 1; k < 80; k++) {
      term *= (-a * a) / k;
      sum += term / (2 * k + 1);
    }
    return (Math.sign(x) * sum * 2) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 80; k > 0; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

export const geluOf = (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** One element of a [m, k] times b [k, n]. */
function matmulAt(a, b, k, n, row, column) {
  let sum = 0;
  for (let i = 0; i < k; i++) sum += a[row * k + i] * b[i * n + column];
  return sum;
}

/** a [m, k] times b [k, n]. */
export function matmulOf(a, b, m, k, n) {
  return Float64Array.from({ length: m * n }, (_, i) =>
    matmulAt(a, b, k, n, Math.floor(i / n), i % n),
  );
}

export function softmaxRow(x) {
  const largest = x.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Float64Array.from(x, (value) => Math.exp(value - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

export function layerNormRow(x, weight, bias, eps) {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return Float64Array.from(
    x,
    (value, i) => ((value - mean) / Math.sqrt(variance + eps)) * weight[i] + bias[i],
  );
}
