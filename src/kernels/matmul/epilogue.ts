import { geluReference, geluTanhReference, geluTanhWgsl, geluWgsl } from '../elementwise/gelu.ts';
import { tanhWgsl } from '../kit/mathFunctions.ts';

/** Applied to a matmul's sums before they are stored: a bias and an activation. */
export type Activation = 'none' | 'gelu' | 'geluTanh' | 'relu' | 'tanh';

export interface Epilogue {
  bias: boolean;
  activation: Activation;
}

const functions: Record<Activation, string> = {
  none: '',
  gelu: geluWgsl,
  geluTanh: geluTanhWgsl,
  relu: '',
  tanh: tanhWgsl,
};
const calls: Record<Activation, string> = {
  none: 'z',
  gelu: 'gelu_(z)',
  geluTanh: 'geluTanh_(z)',
  relu: 'select(z, V(0.0), z < V(0.0))',
  tanh: 'tanh_(z)',
};
const references: Record<Activation, (z: number) => number> = {
  none: (z) => z,
  gelu: geluReference,
  geluTanh: geluTanhReference,
  relu: (z) => Math.max(z, 0),
  tanh: Math.tanh,
};

/** GELU's gradient needs its argument; the gradients of the others follow from the result. */
export const savesPreActivation = (activation: Activation): boolean =>
  activation === 'gelu' || activation === 'geluTanh';

export const activationReference = (activation: Activation): ((z: number) => number) =>
  references[activation];

/**
 * WGSL `finish(at, biasValue, sum)`: stores one `V` of y; `biasValue` is `biasOf(column)`. `at` and
 * `column` count V's.
 */
export const finishWgsl = ({ bias, activation }: Epilogue): string => `${functions[activation]}
fn biasOf(column: u32) -> V { return ${bias ? 'bias[column]' : 'V(0.0)'}; }
fn finish(at: u32, biasValue: V, sum: V) {
  let z = sum${bias ? ' + biasValue' : ''};
  ${savesPreActivation(activation) ? 'preActivation[at] = z;' : ''}
  y[at] = ${calls[activation]};
}`;

/**
 * WGSL `storeFour(yStart, row, column, sums)`: stores those of four neighbours in a row that lie
 * inside y.
 */
export const storeFourWgsl = (width: number): string => `
fn storeFour(yStart: u32, row: u32, column: u32, sums: vec4<f32>) {
  if (row >= p.m) { return; }
  let at = yStart + row * p.yRow + column;
${
  width === 4
    ? '  if (column < p.n) { finish(at / 4u, biasOf(column / 4u), sums); }'
    : `  for (var i = 0u; i < 4u; i++) {
    if (column + i < p.n) { finish(at + i, biasOf(column + i), sums[i]); }
  }`
}
}`;
