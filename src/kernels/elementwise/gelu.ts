import { normalFloat32 } from '../kit/float32.ts';
import { defineMap } from '../kit/map.ts';
import { clampKeepingNan, erfReference, normalCdfWgsl, tanhWgsl } from '../kit/mathFunctions.ts';

/**
 * Gaussian error linear units (Hendrycks & Gimpel 2016, arXiv 1606.08415): x Φ(x), exact by erf or
 * approximated by tanh.
 */

const SQRT_HALF = Math.SQRT1_2;
const INV_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);
const TANH_SCALE = Math.sqrt(2 / Math.PI);
const TANH_CUBE = 0.044715;
/** Beyond this, the slope of GELU by tanh is 1 or 0, but its formula overflows. */
const SATURATION = 10;

export const geluWgsl = `${normalCdfWgsl}
fn gelu_(x: V) -> V {
  let absX = cappedAbs(x);
  return x * normalCdf(x, absX, gaussian(absX));
}
`;
export const geluTanhWgsl = `${tanhWgsl}
fn geluTanh_(x: V) -> V { return 0.5 * x * (1.0 + tanh_(${TANH_SCALE} * (x + ${TANH_CUBE} * x * x
  * x))); }
`;

export const geluReference = (x: number): number => 0.5 * x * (1 + erfReference(x * SQRT_HALF));
export const geluTanhReference = (x: number): number =>
  0.5 * x * (1 + Math.tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x)));

export const gelu = defineMap({
  name: 'gelu',
  inputs: ['x'],
  wgsl: 'gelu_(x)',
  functions: geluWgsl,
  reference: geluReference,
});
export const geluTanh = defineMap({
  name: 'geluTanh',
  inputs: ['x'],
  wgsl: 'geluTanh_(x)',
  functions: geluTanhWgsl,
  reference: geluTanhReference,
});

/** d/dx x Φ(x) = Φ(x) + x φ(x). */
export const geluBackward = defineMap({
  name: 'geluBackward',
  inputs: ['dy', 'x'],
  wgsl: 'dy * geluDerivative(x)',
  functions: `${normalCdfWgsl}
fn geluDerivative(x: V) -> V {
  let absX = cappedAbs(x);
  let gauss = gaussian(absX);
  return normalCdf(x, absX, gauss) + x * (gauss * ${INV_SQRT_2PI});
}`,
  reference: (dy, x) =>
    dy *
    normalFloat32(
      0.5 * (1 + erfReference(x * SQRT_HALF)) + x * INV_SQRT_2PI * Math.exp(-0.5 * x * x),
    ),
});

export const geluTanhBackward = defineMap({
  name: 'geluTanhBackward',
  inputs: ['dy', 'x'],
  wgsl: 'dy * geluTanhDerivative(x)',
  functions: `${tanhWgsl}
fn geluTanhDerivative(v: V) -> V {
  let x = ${clampKeepingNan('v', SATURATION)};
  let t = tanh_(${TANH_SCALE} * (x + ${TANH_CUBE} * x * x * x));
  let inner = ${TANH_SCALE} * (1.0 + ${3 * TANH_CUBE} * x * x);
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner;
}`,
  reference: (dy, v) => {
    const x = v > SATURATION ? SATURATION : v < -SATURATION ? -SATURATION : v;
    const t = Math.tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x));
    const inner = TANH_SCALE * (1 + 3 * TANH_CUBE * x * x);
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner);
  },
});
