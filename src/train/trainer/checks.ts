import type { Module } from '../../nn/index.ts';
import { totalNorm } from '../../nn/optim/clip.ts';
import { NotFiniteError } from '../../platform/errors.ts';
import { noGrad, scope } from '../../tensor/index.ts';

/**
 * Looks at a model before it is saved, with one small reading.
 * @throws Error when its weights are no finite numbers, or too large to compute with.
 */
export async function checkFiniteWeights(model: Module, step: number): Promise<void> {
  const norm = noGrad(() => scope(() => totalNorm(model.parameters())));
  const value = await norm.item();
  norm.dispose();
  if (!Number.isFinite(value))
    throw new NotFiniteError(
      `the norm of the weights after step ${step} is ${value}: lower the learning rate; what was saved before is kept`,
    );
}

/** @throws Error when outputs of a model are no finite numbers. */
export function checkFiniteOutputs(values: Float32Array): void {
  if (!values.every(Number.isFinite))
    throw new NotFiniteError(
      'the outputs are no finite numbers: the weights of the model are broken',
    );
}
