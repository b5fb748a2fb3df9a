import { ArgumentError, StateError } from '../platform/errors.ts';
import { grad } from './backward.ts';
import { tensor } from './create.ts';
import { describe } from './print.ts';
import { Philox } from './random.ts';
import { keep, scope } from './scope.ts';
import { formatShape } from './shape.ts';
import { Tensor } from './tensor.ts';

/** Options of `gradCheck`. */
export interface GradCheckOptions {
  /** Step of the differences; a second one, twice as long, cancels the curvature. */
  eps?: number;
  /** Largest absolute error. */
  atol?: number;
  /** Largest error relative to the slope. */
  rtol?: number;
  /** Seed of the directions. */
  seed?: number;
}

/**
 * Checks the gradients of a function against finite differences (PyTorch's `gradcheck` in its fast
 * mode). For each input that requires a gradient, it moves that input along a random direction,
 * weighs the results with random numbers, and compares the slope with what backward gives. Choose
 * inputs away from kinks, of magnitude about 1: float32 leaves three digits or so.
 * @param fn of the inputs, in order, to one tensor or several; the same each time it is called
 * @param inputs float32 tensors that require a gradient, and any others; all keep their values
 * @returns true
 * @throws StateError if a slope is off, naming the input; ArgumentError if no input requires a
 *   gradient, or `fn` returns other than float32 tensors.
 * @example
 * await gradCheck((x, w) => x.matmul(w).tanh(), [x, w]);
 */
export async function gradCheck(
  fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  { eps = 1e-2, atol = 1e-2, rtol = 1e-2, seed = 17 }: GradCheckOptions = {},
): Promise<true> {
  const checked = inputs.flatMap((input, i) => (input.requiresGrad ? [i] : []));
  if (checked.length === 0)
    throw new ArgumentError('gradCheck: expected an input that requires a gradient, got none');
  const random = new Philox(seed, inputs.length);
  const normal = (size: number) => Float32Array.from({ length: size }, () => random.normal());
  const directions = inputs.map(({ size }) => normal(size));
  const values = await Promise.all(inputs.map((input) => input.data()));
  const at = inputs.map((input, i) => tensor(values[i], placeOf(input)));
  for (const i of checked) at[i].requiresGrad_();
  const { weights, gradients } = scope(() => {
    const outputs = outputsOf(fn, at);
    const weights = outputs.map((output) => keep(tensor(normal(output.size), placeOf(output))));
    return { weights, gradients: gradientsOf(outputs, checked, at, weights) };
  });
  const host = await Promise.all(weights.map((weight) => weight.data()));
  for (const [k, i] of checked.entries()) {
    const gradient = gradients[k];
    const slope = gradient ? dot(await gradient.data(), directions[i]) : 0;
    const value = async (step: number) => {
      const moved = Float32Array.from(values[i], (v, n) => v + step * directions[i][n]);
      const outputs = scope(() =>
        outputsOf(
          fn,
          at.map((input, j) => (j === i ? tensor(moved, placeOf(input)) : input.detach())),
        ),
      );
      const results = await Promise.all(outputs.map((output) => output.data()));
      for (const output of outputs) if (!inputs.includes(output)) output.dispose();
      return results.reduce((sum, result, o) => sum + dot(result, host[o]), 0);
    };
    const difference = async (step: number) =>
      ((await value(step)) - (await value(-step))) / (2 * step);
    // Two steps combined, so that the curvature cancels (Richardson).
    const measured = (4 * (await difference(eps)) - (await difference(2 * eps))) / 3;
    if (!(Math.abs(measured - slope) <= atol + rtol * Math.abs(slope)))
      throw new StateError(
        `gradCheck: input ${i} of shape ${formatShape(inputs[i].shape)}: expected the slope ` +
          `${measured} that finite differences give, got ${slope} from backward`,
      );
  }
  for (const made of [...at, ...weights, ...gradients]) made?.dispose();
  return true;
}

const placeOf = ({ shape, dtype, device }: Tensor) => ({ shape, dtype, device });

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

function outputsOf(
  fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
): Tensor[] {
  const result = fn(...inputs);
  const outputs: readonly unknown[] = Array.isArray(result) ? result : [result];
  for (const output of outputs)
    if (!(output instanceof Tensor) || output.dtype !== 'float32')
      throw new ArgumentError(
        `gradCheck: expected the function to return float32 tensors, ` +
          `got ${output instanceof Tensor ? describe(output) : typeof output}`,
      );
  return outputs as Tensor[];
}

/** Gradients by backward; null for an input that no result depends on. */
function gradientsOf(
  outputs: readonly Tensor[],
  checked: readonly number[],
  inputs: readonly Tensor[],
  weights: readonly Tensor[],
): (Tensor | null)[] {
  const roots = outputs.flatMap((output, o) => (output.requiresGrad ? [o] : []));
  if (roots.length === 0) return checked.map(() => null);
  return grad(
    roots.map((o) => outputs[o]),
    checked.map((i) => inputs[i]),
    { gradOutputs: roots.map((o) => weights[o]), allowUnused: true },
  );
}
