import { add, copy } from '../kernels/elementwise/arithmetic.ts';
import { zeroTouchedRows } from '../kernels/indexing/embedding.ts';
import { accumulate } from '../kernels/memory.ts';
import { emptyGrad, recallGradBuffers, releaseGradBuffer } from './autograd.ts';
import { guardGradient, noteWrite } from './captureGuard.ts';
import { fillMemory } from './create.ts';
import { gradBufferOf, touchAllRows, touchedRowsOf } from './gradBuffer.ts';
import { isDenseAtOrigin, launch, launchMap, tensorOver } from './launch.ts';
import { whileReading } from './savedTensors.ts';
import { keepWith } from './scope.ts';
import { isExpanded } from './shape.ts';
import { storeInto } from './storeStrided.ts';
import { empty, type Node, type SparseRowGradient, type Tensor } from './tensor.ts';

interface SparsePart {
  gradient: SparseRowGradient;
  /** The operation that it comes from. */
  node: Node;
}

/** The parts of a tensor's gradient that have arrived so far. */
export interface PendingGradient {
  dense?: Tensor;
  sparse: SparsePart[];
}

/** A tensor of the same values that is dense and shares its memory with no other. */
export const ownedCopy = (dy: Tensor): Tensor =>
  isDenseAtOrigin(dy) && dy.storage.isExclusive ? dy.detach() : launchMap(copy, [dy]);

/** a + b, in a's memory if no other tensor shares it. Disposes both. */
export function sumInPlace(a: Tensor, b: Tensor): Tensor {
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

/** The whole gradient of a tensor, as one. */
export function densify(tensor: Tensor, { dense, sparse }: PendingGradient): Tensor {
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

/** After a backward that failed: gradient buffers may hold a part of its gradients. */
export function abandonGradBuffers(): void {
  for (const parameter of recallGradBuffers()) {
    const buffer = gradBufferOf(parameter);
    if (buffer) touchAllRows(buffer);
  }
}

function accumulateSparse(sparse: readonly SparsePart[], gradient: Tensor): void {
  for (const { gradient: part, node } of sparse) {
    whileReading(node, () => part.accumulateInto(gradient, touchedRowsOf(gradient.storage)));
    for (const tensor of part.keepAlive) tensor.dispose();
  }
}

/** Adds what arrived at a leaf to its `grad`. */
export function accumulateGrad(leaf: Tensor, pending: PendingGradient): void {
  guardGradient(leaf, true);
  if (leaf.grad && !isDenseAtOrigin(leaf.grad)) {
    addToView(leaf, leaf.grad, densify(leaf, pending));
    return;
  }
  const { dense, sparse } = pending;
  if (dense) {
    accumulateDense(leaf, dense);
    touchAllRows(leaf.grad!.storage);
  } else if (!leaf.grad) {
    clearSparseGrad(leaf);
  }
  accumulateSparse(sparse, leaf.grad!);
}

/** Adds to a gradient that was set to a view of other memory, as PyTorch does: in its place. */
function addToView(leaf: Tensor, view: Tensor, gradient: Tensor): void {
  const sum = launchMap(add, [view, gradient]);
  gradient.dispose();
  if (isExpanded(view)) {
    leaf.grad = keepWith(sum, leaf);
    return;
  }
  noteWrite(view, 'backward');
  storeInto(view, sum);
  sum.dispose();
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
  clearGradBuffer(leaf);
  leaf.grad = keepWith(tensorOver(buffer, leaf.shape), leaf);
}

/** Zeroes the gradient buffer of a parameter, which has no gradient. */
export function clearGradBuffer(parameter: Tensor): void {
  const buffer = gradBufferOf(parameter)!;
  const touchedRows = touchedRowsOf(buffer);
  const y = tensorOver(buffer, parameter.shape);
  if (touchedRows) {
    const rows = touchedRows.size;
    launch(zeroTouchedRows, { touchedRows, y }, { rows, cols: y.size / rows });
  } else fillMemory(y, 0);
  y.dispose();
}

/** Makes what lies in the gradient buffer of a parameter its gradient. */
export function adoptGradBuffer(parameter: Tensor): void {
  guardGradient(parameter, true);
  const buffer = gradBufferOf(parameter)!;
  parameter.grad = keepWith(tensorOver(buffer, parameter.shape), parameter);
}

function accumulateDense(leaf: Tensor, dy: Tensor): void {
  releaseGradBuffer(leaf);
  const buffer = gradBufferOf(leaf);
  if (leaf.grad) {
    const contiguousDy = isDenseAtOrigin(dy) ? dy : launchMap(copy, [dy]);
    launch(accumulate, { x: contiguousDy, y: leaf.grad }, { count: leaf.size });
    if (contiguousDy !== dy) contiguousDy.dispose();
  } else if (buffer) {
    const grad = keepWith(tensorOver(buffer, leaf.shape), leaf);
    if (dy.storage !== buffer) launchMap(copy, [dy], {}, grad);
    leaf.grad = grad;
  } else {
    // A shared gradient, or a view of one, is copied, since later ones are added in place.
    leaf.grad = keepWith(ownedCopy(dy), leaf);
  }
  dy.dispose();
}
