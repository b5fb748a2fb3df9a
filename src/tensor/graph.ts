import { StateError } from '../platform/errors.ts';
import { describe } from './print.ts';
import type { Tensor } from './tensor.ts';

/** Walks over the recorded operations. */

/** Whether a tensor was made, by an operation or as a leaf, after a point in time (`tick`). */
export const isMadeSince = (tensor: Tensor, start: number): boolean =>
  (tensor.gradFn?.id ?? tensor.storage.createdAt) > start;

/** All tensors made since `start` that `roots` depend on, each before its inputs. */
export function topologicalOrder(roots: readonly Tensor[], start = 0): Tensor[] {
  const seen = new Set<Tensor>(roots.filter((root) => isMadeSince(root, start)));
  const leaves: Tensor[] = [];
  const inner: Tensor[] = [];
  const stack = [...seen];
  for (let tensor = stack.pop(); tensor; tensor = stack.pop()) {
    if (!tensor.gradFn) {
      leaves.push(tensor);
      continue;
    }
    inner.push(tensor);
    for (const input of tensor.gradFn.inputs) {
      if (!input.requiresGrad || seen.has(input) || !isMadeSince(input, start)) continue;
      if (input.isDisposed)
        throw new StateError(
          `backward: ${describe(input)}, an input of ${tensor.gradFn.name}, was disposed: ` +
            `keep it (\`keep\`)`,
        );
      seen.add(input);
      stack.push(input);
    }
  }
  inner.sort((a, b) => b.gradFn!.id - a.gradFn!.id);
  return [...inner, ...leaves];
}

/** Tensors made before `start` that require a gradient and that `roots` depend on. */
export function externalInputs(roots: readonly Tensor[], start: number): Tensor[] {
  const found = new Set<Tensor>();
  for (const { gradFn } of topologicalOrder(roots, start))
    for (const input of gradFn?.inputs ?? [])
      if (input.requiresGrad && !isMadeSince(input, start)) found.add(input);
  return [...found];
}
