import { ArgumentError, StateError } from '../platform/errors.ts';
import { noGrad, withoutGradBuffers } from './autograd.ts';
import { BackwardPass, type Start } from './backwardPass.ts';
import { abandonGradBuffers } from './pendingGradient.ts';
import { describe } from './print.ts';
import { scope } from './scope.ts';
import { formatShape, sameShape } from './shape.ts';
import { empty, type Tensor } from './tensor.ts';

/** Second derivatives are not supported: the backward of an operation is not recorded. */
function refuseCreateGraph(operation: string, createGraph: boolean): void {
  if (createGraph)
    throw new ArgumentError(
      `${operation}: \`createGraph\`: expected false, got true: second derivatives are not ` +
        'supported',
    );
}

/**
 * Adds the gradient of `root` with respect to each leaf to the leaf's `grad` (PyTorch's
 * `backward`).
 * @param gradient of what is differentiated with respect to `root`, of the same shape; 1 for a
 *   scalar
 * @param retainGraph allows another backward through the same operations
 * @param createGraph must be false: second derivatives are not supported
 * @throws ArgumentError if `root` is not a scalar and `gradient` is missing or of another shape;
 *   StateError if `root` depends on nothing that requires a gradient, the graph was used before, or
 *   a tensor that is needed was overwritten or disposed.
 * @example
 * const x = tensor([1.5, 2], { requiresGrad: true });
 * backward(x.square().sum());
 * await x.grad!.tolist(); // [3, 4]
 */
export function backward(
  root: Tensor,
  gradient?: Tensor,
  retainGraph = false,
  createGraph = false,
): void {
  refuseCreateGraph('backward', createGraph);
  checkStart('backward', root, gradient);
  try {
    noGrad(() =>
      scope(() => {
        const pass = new BackwardPass(retainGraph);
        pass.run([startOf(root, gradient)]);
        return pass.retained;
      }),
    );
  } catch (error) {
    abandonGradBuffers();
    throw error;
  }
}

/** Options of `grad`. */
export interface GradOptions {
  /** Gradients of what is differentiated with respect to each output; 1 for scalars. */
  gradOutputs?: Tensor | readonly (Tensor | null)[];
  /** Allows another backward through the same operations. */
  retainGraph?: boolean;
  /** Gives null for an input that the outputs do not depend on, instead of an error. */
  allowUnused?: boolean;
  /** Must be false: second derivatives are not supported. */
  createGraph?: boolean;
}

/**
 * The gradients of the sum of `outputs` with respect to `inputs`, in order (PyTorch's
 * `autograd.grad`). The `grad` of leaves stays as it is, and only what leads to `inputs` is
 * computed.
 * @param inputs leaves, or tensors that operations made
 * @throws ArgumentError for an input that the outputs do not depend on, and as `backward`.
 * @example
 * const [dx] = grad(loss, x);
 * const [dh, dw] = grad([a, b], [hidden, weight], { gradOutputs: [da, db] });
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions & { allowUnused: true },
): (Tensor | null)[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options?: GradOptions,
): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const { gradOutputs, retainGraph = false, allowUnused = false, createGraph = false } = options;
  refuseCreateGraph('grad', createGraph);
  const roots = listOf(outputs);
  const targets = listOf(inputs);
  const given = gradOutputs === undefined ? [] : listOf(gradOutputs);
  if (gradOutputs !== undefined && given.length !== roots.length)
    throw new ArgumentError(
      `grad: \`gradOutputs\`: expected ${roots.length}, one for each output, got ${given.length}`,
    );
  for (const [i, root] of roots.entries()) checkStart('grad', root, given[i] ?? undefined);
  for (const target of targets)
    if (!target.requiresGrad)
      throw new StateError(
        `grad: expected inputs that require a gradient, got ${describe(target)}`,
      );
  const found = noGrad(() =>
    withoutGradBuffers(() =>
      scope(() => {
        const pass = new BackwardPass(retainGraph, new Set(targets));
        pass.run(roots.map((root, i) => startOf(root, given[i] ?? undefined)));
        return targets.map((target) => pass.found.get(target) ?? null);
      }),
    ),
  );
  const unused = found.indexOf(null);
  if (unused >= 0 && !allowUnused)
    throw new ArgumentError(
      `grad: the outputs do not depend on input ${unused}, ${targets[unused]}: ` +
        'set `allowUnused` to get null for it',
    );
  return found;
}

const listOf = <T>(value: T | readonly T[]): readonly T[] =>
  Array.isArray(value) ? value : [value as T];

/** @throws as `backward`. */
function checkStart(operation: string, root: Tensor, gradient: Tensor | undefined): void {
  if (!root.requiresGrad)
    throw new StateError(`${operation}: the tensor depends on nothing that requires a gradient`);
  if (!gradient && root.size !== 1) {
    throw new ArgumentError(
      `${operation}: expected a gradient for a tensor of shape ${formatShape(root.shape)}, ` +
        'got none',
    );
  }
  if (gradient && !sameShape(gradient.shape, root.shape)) {
    throw new ArgumentError(
      `${operation}: expected a gradient of shape ${formatShape(root.shape)}, ` +
        `got ${formatShape(gradient.shape)}`,
    );
  }
}

const startOf = (tensor: Tensor, gradient: Tensor | undefined): Start => ({
  tensor,
  gradient: gradient?.detach() ?? empty(tensor.shape, 'float32', tensor.device).upload([1]),
});
