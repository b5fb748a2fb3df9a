import type { Module } from '../../nn/module.ts';

/** How many works use a model in evaluation mode at the moment, and what it was in before. */
const uses = new WeakMap<Module, { count: number; wasTraining: boolean }>();

/**
 * Switches a model to evaluation mode. The function that it returns ends that: when the last of
 * several works at a time has called its own, the model is in the mode in which the first found it.
 * @example
 * const leave = enterEvaluation(model);
 * try {
 *   model.forward(inputs);
 * } finally {
 *   leave();
 * }
 */
export function enterEvaluation(model: Module): () => void {
  const use = uses.get(model) ?? { count: 0, wasTraining: model.training };
  uses.set(model, use);
  use.count++;
  model.eval();
  return () => {
    use.count--;
    if (use.count > 0) return;
    uses.delete(model);
    model.train(use.wasTraining);
  };
}
