import type { Module } from '../../nn/index.ts';
import { totalNorm } from '../../nn/optim/clip.ts';
import { NotFiniteError } from '../../platform/errors.ts';
import { all, cat, isfinite, noGrad, scope, type Tensor } from '../../tensor/index.ts';

/** A step whose loss or gradients are not finite. */
export interface FailedStep {
  step: number;
  loss: number;
  /** Norm of all gradients. */
  gradNorm: number;
}

/** The first of some tensors that is not finite; reads back one number for each. */
async function firstNotFinite(named: readonly [string, Tensor][]): Promise<string | undefined> {
  if (named.length === 0) return undefined;
  const flags = noGrad(() =>
    scope(() => cat(named.map(([, values]) => all(isfinite(values)).toFloat().reshape([1])))),
  );
  const values = await flags.data();
  flags.dispose();
  return named[values.indexOf(0)]?.[0];
}

/**
 * Says what is not finite in a step: a weight that it began with, its loss, or a gradient.
 * @param backward makes the gradients once more
 */
export async function nameNotFinite(
  model: Module,
  { step, loss, gradNorm }: FailedStep,
  backward: () => void,
): Promise<string> {
  const parameters = model.namedParameters();
  const weight = await firstNotFinite(parameters);
  if (weight !== undefined)
    return `the weight ${weight} ${step > 1 ? `after step ${step - 1} ` : ''}is not finite`;
  if (!Number.isFinite(loss)) return `the loss at step ${step} is ${loss}`;
  scope(backward);
  const gradients = parameters.flatMap(([name, { grad }]) =>
    grad ? [[name, grad] as [string, Tensor]] : [],
  );
  const name = await firstNotFinite(gradients);
  for (const [, parameter] of parameters) {
    parameter.grad?.dispose();
    parameter.grad = null;
  }
  return name === undefined
    ? `the norm of the gradients at step ${step} is ${gradNorm}`
    : `the gradient of ${name} at step ${step} is not finite`;
}

/**
 * Checks a model before it is saved; reads back a single number.
 * @throws NotFiniteError, naming the first weight that is not finite.
 */
export async function checkFiniteWeights(model: Module, step: number): Promise<void> {
  const norm = noGrad(() => scope(() => totalNorm(model.parameters())));
  const value = await norm.item();
  norm.dispose();
  if (Number.isFinite(value)) return;
  const name = await firstNotFinite(model.namedParameters());
  const what = name === undefined ? 'the norm of the weights' : `the weight ${name}`;
  throw new NotFiniteError(
    `${what} after step ${step} is ${name === undefined ? value : 'not finite'}: ` +
      'lower the learning rate; what was saved before is kept',
  );
}

/** @throws NotFiniteError when outputs of a model are not finite. */
export function checkFiniteOutputs(values: Float32Array): void {
  if (!values.every(Number.isFinite))
    throw new NotFiniteError(
      'outputs: expected finite numbers, got NaN or infinity; the weights of the model are broken',
    );
}
