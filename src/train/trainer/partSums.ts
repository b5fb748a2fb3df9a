/**
 * Scalars and gradients of the parts of a batch. They are added up as a tree (`SumTree`), so that
 * one process that computes all parts and several that share them end with the same bits.
 */

import { copy } from '../../kernels/elementwise/arithmetic.ts';
import { touchedRowsOf } from '../../tensor/gradBuffer.ts';
import { noGrad, scope, type Tensor } from '../../tensor/index.ts';
import { launchMap } from '../../tensor/launch.ts';
import { accumulateGrad } from '../../tensor/pendingGradient.ts';
import { SumTree } from '../distributed/sumTree.ts';
import type { splitParts } from './accumulation.ts';

/** Loss and further scalars, and a gradient for each parameter that has one. */
export interface PartSum {
  values: Tensor[];
  gradients: (PartGradient | null)[];
}

export interface PartGradient {
  dense: Tensor;
  /** Of the gradient of an embedding: 0 for rows of zeros. */
  touchedRows: Tensor | null;
}

/**
 * Runs the parts, one after the other: a tree of their sums, as far as they need no other parts.
 * @param parts with their numbers, from 0 in the whole batch
 * @param run leaves gradients at the parameters, and returns loss and scalars
 */
export function sumParts(
  parameters: readonly Tensor[],
  parts: ReturnType<typeof splitParts>,
  run: (part: number, inputs: Record<string, Tensor>) => Tensor[],
): SumTree<PartSum> {
  const tree = new SumTree(add);
  for (const { part, inputs } of parts) {
    // One part's activations are freed before the next one needs its own.
    const sum = scope(() => {
      const values = run(part, inputs);
      return { values, gradients: parameters.map(takeGradient) };
    });
    tree.push({ first: part, level: 0, sum });
  }
  return tree;
}

/** The sum of all parts; its gradients are left at the parameters. Returns loss and scalars. */
export function leaveTotal(parameters: readonly Tensor[], sums: SumTree<PartSum>): Tensor[] {
  const total = sums.total();
  leaveGradients(parameters, total);
  return total.values;
}

/** Makes the gradients of a sum those of the parameters, which have none. */
export function leaveGradients(parameters: readonly Tensor[], { gradients }: PartSum): void {
  for (const [i, gradient] of gradients.entries()) {
    if (!gradient) continue;
    const { dense, touchedRows } = gradient;
    noGrad(() => {
      accumulateGrad(parameters[i], { dense, sparse: [] });
      const flags = touchedRowsOf(parameters[i].grad!.storage);
      if (touchedRows && flags) launchMap(copy, [touchedRows], {}, flags);
    });
  }
}

function takeGradient(parameter: Tensor): PartGradient | null {
  const { grad } = parameter;
  if (!grad) return null;
  const flags = touchedRowsOf(grad.storage);
  const taken = noGrad(() => ({ dense: grad.clone(), touchedRows: flags?.clone() ?? null }));
  grad.dispose();
  parameter.grad = null;
  return taken;
}

const add = (a: PartSum, b: PartSum): PartSum => ({
  values: a.values.map((value, i) => addTo(value, b.values[i])!),
  gradients: a.gradients.map((gradient, i) => {
    const other = b.gradients[i];
    if (!gradient || !other) return gradient ?? other;
    return {
      dense: addTo(gradient.dense, other.dense)!,
      touchedRows: addTo(gradient.touchedRows, other.touchedRows),
    };
  }),
});

/** a + b in a's place, if there are both. */
function addTo(a: Tensor | null, b: Tensor | null): Tensor | null {
  if (!a || !b) return a ?? b;
  noGrad(() => a.add_(b));
  b.dispose();
  return a;
}
