import { guardUse } from './captureGuard.ts';
import { constantWatch } from './constantWatch.ts';
import { gradBufferOf } from './gradBuffer.ts';
import { tensorOver } from './launch.ts';
import { recordObserver } from './recordObserver.ts';
import { tick } from './storage.ts';
import { type Backward, empty, type Node, type Tensor } from './tensor.ts';

/**
 * Reverse-mode differentiation, the recording half. Each operation on a tensor that requires a
 * gradient records a node: its inputs, and a function from the gradient of its result to those of
 * its inputs. `backward` (backward.ts) walks the nodes from a result back to the leaves.
 */

let gradEnabled = true;
/** Parameters whose gradient buffer the running backward has handed out. */
const gradBuffersInUse = new Set<Tensor>();
let mayUseGradBuffers = true;

/**
 * Whether operations are recorded for `backward` (PyTorch's `is_grad_enabled`).
 * @example
 * noGrad(() => isGradEnabled()); // false
 */
export const isGradEnabled = (): boolean => gradEnabled;

/**
 * Turns recording on or off from here on (PyTorch's `set_grad_enabled`). `noGrad` and `enableGrad`
 * do so for one function.
 * @example
 * setGradEnabled(false); // until setGradEnabled(true)
 */
export function setGradEnabled(mode: boolean): void {
  gradEnabled = mode;
}

function withGradMode<T>(mode: boolean, body: () => T): T {
  const before = gradEnabled;
  gradEnabled = mode;
  try {
    return body();
  } finally {
    gradEnabled = before;
  }
}

/**
 * Runs `body` without recording anything for `backward` (PyTorch's `no_grad`). `body` must not be
 * async: what follows an `await` in it is recorded.
 * @example
 * noGrad(() => ones([2], { requiresGrad: true }).mul(2)).requiresGrad; // false
 */
export const noGrad = <T>(body: () => T): T => withGradMode(false, body);

/**
 * Runs `body` with recording on, inside `noGrad` (PyTorch's `enable_grad`).
 * @example
 * noGrad(() => enableGrad(() => x.mul(2))); // recorded
 */
export const enableGrad = <T>(body: () => T): T => withGradMode(true, body);

/**
 * As `noGrad`, under the name that PyTorch programs use for predictions (`inference_mode`).
 * @example
 * const logits = inferenceMode(() => model.forward(x));
 */
export const inferenceMode = noGrad;

/** Whether an operation on these tensors would be recorded. */
export const needsGrad = (inputs: readonly Tensor[]): boolean =>
  gradEnabled && inputs.some((t) => t.requiresGrad);

/**
 * Records how `result` was made, and returns it. `backward` maps the gradient of the result to
 * those of the inputs, in order; null for an input without one. It runs without recording, in a
 * scope of its own; with recording for second derivatives. If it launches kernels that are not
 * recorded, these need `composed`: the same result by other operations on the same inputs.
 */
export function record(
  name: string,
  result: Tensor,
  inputs: readonly Tensor[],
  backward: Backward,
  composed?: () => Tensor,
): Tensor {
  for (const input of inputs) guardUse(input);
  recordObserver()?.onResult(name, [result], inputs);
  constantWatch()?.onRecord([result], inputs);
  if (!needsGrad(inputs)) return result;
  result.requiresGrad = true;
  result.gradFn = { id: tick(), name, inputs, outputs: undefined, backward, composed };
  return result;
}

/**
 * As `record`, for an operation of several results. Where a result got no gradient, `backward` is
 * given zeros. Results that are not `differentiable` do not require a gradient.
 */
export function recordAll(
  name: string,
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  backward: Node['backward'],
  differentiable = outputs,
): void {
  for (const input of inputs) guardUse(input);
  recordObserver()?.onResult(name, outputs, inputs);
  constantWatch()?.onRecord(outputs, inputs);
  if (!needsGrad(inputs)) return;
  const node: Node = { id: tick(), name, inputs, outputs, backward, composed: undefined };
  for (const output of differentiable) {
    output.requiresGrad = true;
    output.gradFn = node;
  }
}

/**
 * Memory for the gradient of `input`: its gradient buffer if that is free, otherwise new memory.
 * Using it saves a copy; an operation may return any other tensor as well.
 */
export function emptyGrad(input: Tensor): Tensor {
  const buffer = mayUseGradBuffers ? gradBufferOf(input) : undefined;
  if (!buffer || input.gradFn || input.grad || !input.requiresGrad || gradBuffersInUse.has(input)) {
    return empty(input.shape, 'float32', input.device);
  }
  gradBuffersInUse.add(input);
  return tensorOver(buffer, input.shape);
}

/** Says that the gradient of a parameter has arrived. */
export const releaseGradBuffer = (parameter: Tensor): void => {
  gradBuffersInUse.delete(parameter);
};

/** Takes back all gradient buffers that were handed out; returns their parameters. */
export function recallGradBuffers(): Tensor[] {
  const parameters = [...gradBuffersInUse];
  gradBuffersInUse.clear();
  return parameters;
}

/** Runs `body`, whose gradients are not those that optimisers read. */
export function withoutGradBuffers<T>(body: () => T): T {
  const before = mayUseGradBuffers;
  mayUseGradBuffers = false;
  try {
    return body();
  } finally {
    mayUseGradBuffers = before;
  }
}
