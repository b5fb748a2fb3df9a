import { add, copy } from '../kernels/elementwise/arithmetic.ts';
import { zeroTouchedRows } from '../kernels/indexing/embedding.ts';
import { accumulate } from '../kernels/memory.ts';
import { ArgumentError, StateError } from '../platform/errors.ts';
import { guardGradient, guardUse } from './captureGuard.ts';
import { fillMemory } from './create.ts';
import { gradBufferOf, touchedRowsOf } from './gradBuffer.ts';
import { isDenseAtOrigin, launch, launchMap, tensorOver } from './launch.ts';
import { describe } from './print.ts';
import { whileReading } from './savedTensors.ts';
import { keep, scope } from './scope.ts';
import { formatShape, sameShape } from './shape.ts';
import { tick } from './storage.ts';
import { empty, type Node, type SparseRowGradient, Tensor } from './tensor.ts';

/**
 * Reverse-mode differentiation. Each operation on a tensor that requires a gradient records a node:
 * its inputs, and a function from the gradient of its result to those of its inputs. `backward`
 * walks the nodes from a result back to the leaves (parameters), in reverse order of their making.
 * It sums what arrives at each tensor, and leaves the sum in the `grad` of leaves.
 */

let gradEnabled = true;
const gradBuffersInUse = new WeakSet<Tensor>();

/**
 * Runs `body` without recording anything for `backward` (PyTorch's `no_grad`). `body` must not be
 * async: what follows an `await` in it is recorded.
 */
export function noGrad<T>(body: () => T): T {
  const before = gradEnabled;
  gradEnabled = false;
  try {
    return body();
  } finally {
    gradEnabled = before;
  }
}

/** Whether an operation on these tensors would be recorded. */
export const needsGrad = (inputs: readonly Tensor[]): boolean =>
  gradEnabled && inputs.some((t) => t.requiresGrad);

/**
 * Records how `result` was made, and returns it. `backward` maps the gradient of the result to
 * those of the inputs, in order; null for an input without one. It runs without recording, in a
 * scope of its own.
 */
export function record(
  name: string,
  result: Tensor,
  inputs: readonly Tensor[],
  backward: Node['backward'],
): Tensor {
  for (const input of inputs) guardUse(input);
  if (!needsGrad(inputs)) return result;
  result.requiresGrad = true;
  result.gradFn = { id: tick(), name, inputs, backward };
  return result;
}

/**
 * Memory for the gradient of `input`: its gradient buffer if that is free, otherwise new memory.
 * Using it saves a copy; an operation may return any other tensor as well.
 */
export function emptyGrad(input: Tensor): Tensor {
  const buffer = gradBufferOf(input);
  if (!buffer || input.gradFn || input.grad || !input.requiresGrad || gradBuffersInUse.has(input)) {
    return empty(input.shape, 'float32', input.device);
  }
  gradBuffersInUse.add(input);
  return tensorOver(buffer, input.shape);
}

/**
 * Adds the gradient of `root` with respect to each leaf to the leaf's `grad` (PyTorch's
 * `backward`).
 * @param gradient of what is differentiated with respect to `root`, of the same shape; 1 for a
 *   scalar
 * @param retainGraph allows another backward through the same operations
 * @throws ArgumentError if `root` is not a scalar and `gradient` is missing or of another shape;
 *   StateError if `root` depends on nothing that requires a gradient, or the graph was used before.
 */
export function backward(root: Tensor, gradient?: Tensor, retainGraph = false): void {
  if (!root.requiresGrad)
    throw new StateError('backward: the tensor depends on nothing that requires a gradient');
  if (!gradient && root.size !== 1) {
    throw new ArgumentError(
      `backward: expected a gradient for a tensor of shape ${formatShape(root.shape)}, got none`,
    );
  }
  if (gradient && !sameShape(gradient.shape, root.shape)) {
    throw new ArgumentError(
      `backward: expected a gradient of shape ${formatShape(root.shape)}, ` +
        `got ${formatShape(gradient.shape)}`,
    );
  }
  noGrad(() =>
    scope(() => {
      const pending = new Map<Tensor, PendingGradient>();
      const start = gradient?.detach() ?? empty(root.shape, 'float32', root.device).copy_([1]);
      pending.set(root, { dense: start, sparse: [] });
      for (const tensor of topologicalOrder(root)) {
        const given = pending.get(tensor);
        if (!given) continue;
        pending.delete(tensor);
        if (tensor.gradFn) propagate(tensor.gradFn, densify(tensor, given), pending, retainGraph);
        else accumulateGrad(tensor, given);
      }
    }),
  );
}

/** All tensors that `root` depends on, each before its inputs. */
function topologicalOrder(root: Tensor): Tensor[] {
  const seen = new Set<Tensor>([root]);
  const leaves: Tensor[] = [];
  const inner: Tensor[] = [];
  const stack = [root];
  for (let tensor = stack.pop(); tensor; tensor = stack.pop()) {
    if (!tensor.gradFn) {
      leaves.push(tensor);
      continue;
    }
    inner.push(tensor);
    for (const input of tensor.gradFn.inputs) {
      if (!input.requiresGrad || seen.has(input)) continue;
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

interface SparsePart {
  gradient: SparseRowGradient;
  /** The operation that it comes from. */
  node: Node;
}

/** The parts of a tensor's gradient that have arrived so far. */
interface PendingGradient {
  dense?: Tensor;
  sparse: SparsePart[];
}

function propagate(
  node: Node,
  dy: Tensor,
  pending: Map<Tensor, PendingGradient>,
  retainGraph: boolean,
): void {
  const { inputs, backward: backwardFn } = node;
  if (!backwardFn)
    throw new StateError(
      `backward: the graph through ${node.name} was used before: ` +
        'set `retainGraph` the first time',
    );
  if (!retainGraph) [node.inputs, node.backward] = [[], undefined];
  const gradients = scope(() => whileReading(node, () => backwardFn(dy), dy));
  inputs.forEach((input, i) => {
    const given = gradients[i];
    if (!given || !input.requiresGrad) return;
    let { dense, sparse } = pending.get(input) ?? { sparse: [] };
    if (given instanceof Tensor) {
      // A tensor object for each holder, so that each can dispose its own.
      const contribution = given.detach();
      dense = dense ? sumInPlace(dense, contribution) : contribution;
    } else {
      sparse = [...sparse, { gradient: given, node }];
    }
    pending.set(input, { dense, sparse });
  });
  for (const given of gradients) if (given instanceof Tensor && given !== dy) given.dispose();
  dy.dispose();
}

/** a + b, in a's memory if no other tensor shares it. Disposes both. */
function sumInPlace(a: Tensor, b: Tensor): Tensor {
  // A launch may not write a buffer that it also reads elsewhere.
  const distinct = a.storage.binding.buffer !== b.storage.binding.buffer;
  if (a.storage.isExclusive && isDenseAtOrigin(a) && isDenseAtOrigin(b) && distinct) {
    launch(accumulate, { x: b, y: a }, { count: a.size });
    b.dispose();
    return a;
  }
  const total = launchMap(add, [a, b]);
  a.dispose();
  b.dispose();
  return total;
}

/** The whole gradient of a tensor that an operation made. */
function densify(tensor: Tensor, { dense, sparse }: PendingGradient): Tensor {
  if (dense && sparse.length === 0) return dense;
  const inPlace = dense && isDenseAtOrigin(dense) && dense.storage.isExclusive;
  const result = inPlace
    ? dense
    : dense
      ? launchMap(copy, [dense])
      : fillMemory(empty(tensor.shape, 'float32', tensor.device), 0);
  if (dense && !inPlace) dense.dispose();
  accumulateSparse(sparse, result);
  return result;
}

function accumulateSparse(sparse: readonly SparsePart[], gradient: Tensor): void {
  for (const { gradient: part, node } of sparse) {
    whileReading(node, () => part.accumulateInto(gradient, touchedRowsOf(gradient.storage)));
    for (const tensor of part.keepAlive) tensor.dispose();
  }
}

function accumulateGrad(leaf: Tensor, { dense, sparse }: PendingGradient): void {
  guardGradient(leaf, true);
  if (dense) {
    accumulateDense(leaf, dense);
    const touchedRows = touchedRowsOf(leaf.grad!.storage);
    if (touchedRows) fillMemory(touchedRows, 1);
  } else if (!leaf.grad) {
    clearSparseGrad(leaf);
  }
  accumulateSparse(sparse, leaf.grad!);
}

/**
 * Starts a gradient of zeros. If the buffer has row flags, only the rows touched before are zeroed.
 */
function clearSparseGrad(leaf: Tensor): void {
  const buffer = gradBufferOf(leaf);
  const touchedRows = buffer && touchedRowsOf(buffer);
  if (!touchedRows) {
    accumulateDense(leaf, fillMemory(emptyGrad(leaf), 0));
    return;
  }
  leaf.grad = keep(tensorOver(buffer, leaf.shape));
  launch(
    zeroTouchedRows,
    { touchedRows, y: leaf.grad },
    { rows: touchedRows.size, cols: leaf.size / touchedRows.size },
  );
}

function accumulateDense(leaf: Tensor, dy: Tensor): void {
  gradBuffersInUse.delete(leaf);
  const buffer = gradBufferOf(leaf);
  if (leaf.grad) {
    const contiguousDy = isDenseAtOrigin(dy) ? dy : launchMap(copy, [dy]);
    launch(accumulate, { x: contiguousDy, y: leaf.grad }, { count: leaf.size });
    if (contiguousDy !== dy) contiguousDy.dispose();
  } else if (buffer) {
    const grad = keep(tensorOver(buffer, leaf.shape));
    if (dy.storage !== buffer) launchMap(copy, [dy], {}, grad);
    leaf.grad = grad;
  } else {
    // A shared gradient, or a view of one, is copied, since later ones are added in place.
    leaf.grad = keep(
      isDenseAtOrigin(dy) && dy.storage.isExclusive ? dy.detach() : launchMap(copy, [dy]),
    );
  }
  dy.dispose();
}
