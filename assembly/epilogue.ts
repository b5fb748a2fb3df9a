/** What follows a product's sums: a bias and an activation. */
import { gelu, geluTanh, tanh } from './math';
import { addRow } from './sums';

/** Numbers of the activations, in the order of `activations` in src/kernels/matmul/wasm.ts. */
const GELU: u32 = 1;
const GELU_TANH: u32 = 2;
const RELU: u32 = 3;
const TANH: u32 = 4;

/** Rows of y, `stride` bytes apart; `bias` and `preActivation` are 0 where there is none. */
export function applyEpilogue(
  y: usize,
  bias: usize,
  preActivation: usize,
  rows: u32,
  cols: u32,
  stride: usize,
  activation: u32,
): void {
  const whole = cols & ~3;
  for (let i: u32 = 0; i < rows; i++) {
    // The common ones have loops without branches, out of which V8 keeps constants.
    const isGelu = activation == GELU && bias != 0 && whole > 0;
    const isPlain = activation == 0 && whole > 0;
    if (isGelu) geluRow(y, bias, preActivation, whole);
    else if (isPlain) addRow(y, bias, whole);
    const first = isGelu || isPlain ? whole : 0;
    for (let j = first; j < whole; j += 4) {
      const at = j << 2;
      let z = v128.load(y + at);
      if (bias) z = f32x4.add(z, v128.load(bias + at));
      if (preActivation) v128.store(preActivation + at, z);
      v128.store(y + at, activate(z, activation));
    }
    for (let j = whole; j < cols; j++) {
      const at = j << 2;
      let z = load<f32>(y + at);
      if (bias) z += load<f32>(bias + at);
      if (preActivation) store<f32>(preActivation + at, z);
      store<f32>(y + at, f32x4.extract_lane(activate(f32x4.splat(z), activation), 0));
    }
    y += stride;
    if (preActivation) preActivation += stride;
  }
}

/** z = y + bias, and y = GELU(z), for whole vectors. */
function geluRow(y: usize, bias: usize, z: usize, cols: u32): void {
  const end = y + (<usize>cols << 2);
  do {
    const sum = f32x4.add(v128.load(y), v128.load(bias));
    v128.store(z, sum);
    v128.store(y, gelu(sum));
    y += 16;
    bias += 16;
    z += 16;
  } while (y < end);
}

// @ts-ignore: decorator
@inline
function activate(z: v128, activation: u32): v128 {
  if (activation == GELU) return gelu(z);
  if (activation == GELU_TANH) return geluTanh(z);
  // A NaN stays one: it is not below 0.
  if (activation == RELU) return v128.andnot(z, f32x4.lt(z, f32x4.splat(0)));
  if (activation == TANH) return tanh(z);
  return z;
}
