import { ArgumentError, StateError } from '../platform/errors.ts';
import { enableGrad, noGrad, withoutGradBuffers } from './autograd.ts';
import { BackwardPass, type Start } from './backwardPass.ts';
import { abandonGradBuffers } from './pendingGradient.ts';
import { describe } from './print.ts';
import { recordedGradients } from './recordedPass.ts';
import { scope } from './scope.ts';
import { formatShape, sameShape } from './shape.ts';
import { empty, type Tensor } from './tensor.ts';

/**
 * Adds the gradient of `root` with respect to each leaf to the leaf's `grad` (PyTorch's
 * `backward`).
 * @param gradient of what is differentiated with respect to `root`, of the same shape; 1 for a
 *   scalar
 * @param retainGraph allows another backward through the same operations
 * @param createGraph must be false: second derivatives go through `grad`
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
  if (createGraph)
    throw new ArgumentError(
      'backward: `createGraph`: expected false, got true: use `grad` with `createGraph`, which ' +
        'returns gradients that can be differentiated again',
    );
  checkStart('backward', root, gradient);
  try {
    noGrad(() =>
      scope(() => {
        const pass = new BackwardPass(retainGraph);
        pass.run([startOf(root, gradient?.detach())]);
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
  /**
   * Makes gradients that can be differentiated again, for gradient penalties and products with
   * second derivatives; the graph stays. Default: false.
   */
  createGraph?: boolean;
}

/**
 * The gradients of the sum of `outputs` with respect to `inputs`, in order (PyTorch's
 * `autograd.grad`). The `grad` of leaves stays as it is, and only what leads to `inputs` is
 * computed.
 * @param inputs leaves, or tensors that operations made
 * @throws ArgumentError for an input that the outputs do not depend on, and as `backward`;
 *   StateError with `createGraph`, if an operation between has no second derivatives.
 * @example
 * const [dx] = grad(loss, x);
 * const [dh, dw] = grad([a, b], [hidden, weight], { gradOutputs: [da, db] });
 * const [slope] = grad(score.sum(), x, { createGraph: true });
 * slope.norm(1).sub(1).square().mean().backward(); // a gradient penalty
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
  const found = withoutGradBuffers(() =>
    createGraph
      ? recordedPass(roots, targets, given)
      : noGrad(() => scope(() => unrecordedPass(roots, targets, given, retainGraph))),
  );
  const unused = found.indexOf(null);
  if (unused >= 0 && !allowUnused)
    throw new ArgumentError(
      `grad: the outputs do not depend on input ${unused}, ${targets[unused]}: ` +
        'set `allowUnused` to get null for it',
    );
  return found;
}

function unrecordedPass(
  roots: readonly Tensor[],
  targets: readonly Tensor[],
  given: readonly (Tensor | null)[],
  retainGraph: boolean,
): (Tensor | null)[] {
  const pass = new BackwardPass(retainGraph, new Set(targets));
  pass.run(roots.map((root, i) => startOf(root, given[i]?.detach())));
  return targets.map((target) => pass.found.get(target) ?? null);
}

function recordedPass(
  roots: readonly Tensor[],
  targets: readonly Tensor[],
  given: readonly (Tensor | null)[],
): (Tensor | null)[] {
  const starts = roots.map((root, i) => startOf(root, given[i] ?? undefined));
  const found = enableGrad(() => recordedGradients(starts, targets));
  return targets.map((target) => found.get(target) ?? null);
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
  gradient: gradient ?? empty(tensor.shape, 'float32', tensor.device).upload([1]),
});
