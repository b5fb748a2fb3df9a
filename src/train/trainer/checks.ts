import type { Module } from '../../nn/index.ts';
import { totalNorm } from '../../nn/optim/clip.ts';
import { NotFiniteError } from '../../platform/errors.ts';
import { noGrad, scope } from '../../tensor/index.ts';

/**
 * Checks a model before it is saved; reads back a single number.
 * @throws NotFiniteError when the norm of the weights is not finite.
 */
export async function checkFiniteWeights(model: Module, step: number): Promise<void> {
  const norm = noGrad(() => scope(() => totalNorm(model.parameters())));
  const value = await norm.item();
  norm.dispose();
  if (!Number.isFinite(value))
    throw new NotFiniteError(
      `weights after step ${step}: expected a finite norm, got ${value}; ` +
        'lower the learning rate (earlier checkpoints are kept)',
    );
}

/** @throws NotFiniteError when outputs of a model are not finite. */
export function checkFiniteOutputs(values: Float32Array): void {
  if (!values.every(Number.isFinite))
    throw new NotFiniteError(
      'outputs: expected finite numbers, got NaN or infinity; the weights of the model are broken',
    );
}
