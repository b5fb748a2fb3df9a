import { add, copy } from '../kernels/elementwise/arithmetic.ts';
import { clearRows } from '../kernels/indexing/embedding.ts';
import { accumulate } from '../kernels/memory.ts';
import { ArgumentError, StateError } from '../platform/errors.ts';
import { noteGradient, noteUse } from './captureGuard.ts';
import { fillWith } from './create.ts';
import { isWhole, map, overStorage, run } from './launch.ts';
import { keep, scope } from './scope.ts';
import { show } from './shape.ts';
import { empty, type Node, type RowGradient, Tensor } from './tensor.ts';

let recording = true;
let nextId = 1;
const slotsInUse = new WeakSet<Tensor>();

/** Runs `body` without recording anything for `backward`; what follows an `await` in it is recorded. */
export function noGrad<T>(body: () => T): T {
  const before = recording;
  recording = false;
  try {
    return body();
  } finally {
    recording = before;
  }
}

/** Whether an operation on these tensors would be recorded. */
export const records = (inputs: readonly Tensor[]): boolean =>
  recording && inputs.some((t) => t.requiresGrad);

/**
 * Notes how `result` was made. `backward` gets the gradient of the result and returns those of the inputs, in order;
 * null where an input has none. It runs without recording, in a scope of its own.
 */
export function record(
  name: string,
  result: Tensor,
  inputs: readonly Tensor[],
  backward: Node['backward'],
): Tensor {
  for (const input of inputs) noteUse(input);
  if (!records(inputs)) return result;
  result.requiresGrad = true;
  result.node = { id: nextId++, name, inputs, backward };
  return result;
}

/**
 * Where an operation should write the gradient of `input`: the optimiser's slot, if it is free, else new memory.
 * Saves a copy; whatever an operation returns instead is as right.
 */
export function emptyGrad(input: Tensor): Tensor {
  const slot = input.gradSlot;
  if (!slot || input.node || input.grad || !input.requiresGrad || slotsInUse.has(input)) {
    return empty(input.shape, 'float32', input.device);
  }
  slotsInUse.add(input);
  return overStorage(slot, input.shape);
}

/**
 * Adds to the `grad` of every leaf the gradient of `root` (PyTorch's `backward`).
 * @param gradient of `root`; a scalar's is 1
 * @param retainGraph allows another backward through the same operations
 * @throws ArgumentError when `root` is not a scalar and no gradient is given; Error when there is nothing to go back through.
 */
export function backward(root: Tensor, gradient?: Tensor, retainGraph = false): void {
  if (!root.requiresGrad)
    throw new StateError('backward: the tensor does not depend on any that requires a gradient');
  if (!gradient && root.size !== 1) {
    throw new ArgumentError(
      `backward: a gradient must be given for a tensor of shape ${show(root.shape)}`,
    );
  }
  if (gradient && show(gradient.shape) !== show(root.shape)) {
    throw new ArgumentError(
      `backward: the gradient's shape is ${show(gradient.shape)}, the tensor's ${show(root.shape)}`,
    );
  }
  noGrad(() =>
    scope(() => {
      const pending = new Map<Tensor, Pending>();
      const start = gradient?.detach() ?? empty(root.shape, 'float32', root.device).copy_([1]);
      pending.set(root, { whole: start, rows: [] });
      for (const tensor of reachable(root)) {
        const given = pending.get(tensor);
        if (!given) continue;
        pending.delete(tensor);
        if (tensor.node) sendOn(tensor.node, joined(tensor, given), pending, retainGraph);
        else addToLeaf(tensor, given);
      }
    }),
  );
}

/** Everything that `root` was made from, users before what they use. */
function reachable(root: Tensor): Tensor[] {
  const seen = new Set<Tensor>([root]);
  const leaves: Tensor[] = [];
  const inner: Tensor[] = [];
  const stack = [root];
  for (let tensor = stack.pop(); tensor; tensor = stack.pop()) {
    if (!tensor.node) {
      leaves.push(tensor);
      continue;
    }
    inner.push(tensor);
    for (const input of tensor.node.inputs) {
      if (!input.requiresGrad || seen.has(input)) continue;
      if (input.isDisposed)
        throw new StateError(
          `backward: ${input} was disposed, an input of ${tensor.node.name}: keep it until then`,
        );
      seen.add(input);
      stack.push(input);
    }
  }
  inner.sort((a, b) => b.node!.id - a.node!.id);
  return [...inner, ...leaves];
}

/** What has come together of a tensor's gradient so far. */
interface Pending {
  whole?: Tensor;
  rows: RowGradient[];
}

function sendOn(node: Node, dy: Tensor, pending: Map<Tensor, Pending>, retainGraph: boolean): void {
  const step = node.backward;
  if (!step)
    throw new StateError(
      `backward: the graph through ${node.name} was used before; pass retainGraph the first time`,
    );
  if (!retainGraph) node.backward = undefined;
  const gradients = scope(() => step(dy));
  node.inputs.forEach((input, i) => {
    const given = gradients[i];
    if (!given || !input.requiresGrad) return;
    let { whole, rows } = pending.get(input) ?? { rows: [] };
    if (given instanceof Tensor) {
      // One tensor object for each holder, so that disposing of one leaves the others.
      const mine = given.detach();
      whole = whole ? sum(whole, mine) : mine;
    } else {
      rows = [...rows, given];
    }
    pending.set(input, { whole, rows });
  });
  for (const given of gradients) if (given instanceof Tensor && given !== dy) given.dispose();
  dy.dispose();
}

/** a + b, into a's memory where nobody else sees it. Both are used up. */
function sum(a: Tensor, b: Tensor): Tensor {
  // A launch may not write a buffer that it also reads elsewhere.
  const apart = a.storage.binding.buffer !== b.storage.binding.buffer;
  if (a.storage.exclusive && isWhole(a) && isWhole(b) && apart) {
    run(accumulate, { x: b, y: a }, { count: a.size });
    b.dispose();
    return a;
  }
  const total = map(add, [a, b]);
  a.dispose();
  b.dispose();
  return total;
}

/** The gradient of a tensor that is no leaf, as one. */
function joined(tensor: Tensor, { whole, rows }: Pending): Tensor {
  if (whole && rows.length === 0) return whole;
  const own = whole && isWhole(whole) && whole.storage.exclusive;
  const all = own
    ? whole
    : whole
      ? map(copy, [whole])
      : fillWith(empty(tensor.shape, 'float32', tensor.device), 0);
  if (whole && !own) whole.dispose();
  addRows(rows, all);
  return all;
}

function addRows(rows: readonly RowGradient[], gradient: Tensor): void {
  for (const { addTo, holds } of rows) {
    addTo(gradient, gradient.storage.touched);
    for (const tensor of holds) tensor.dispose();
  }
}

function addToLeaf(leaf: Tensor, { whole, rows }: Pending): void {
  noteGradient(leaf, true);
  if (whole) {
    addWhole(leaf, whole);
    const { touched } = leaf.grad!.storage;
    if (touched) fillWith(touched, 1);
  } else if (!leaf.grad) {
    startWithZeros(leaf);
  }
  addRows(rows, leaf.grad!);
}

/** In a slot that keeps track of its rows, those of the gradient before are zeroed, and no others. */
function startWithZeros(leaf: Tensor): void {
  const touched = leaf.gradSlot?.touched;
  if (!touched) {
    addWhole(leaf, fillWith(emptyGrad(leaf), 0));
    return;
  }
  leaf.grad = keep(overStorage(leaf.gradSlot!, leaf.shape));
  run(clearRows, { touched, y: leaf.grad }, { rows: touched.size, cols: leaf.size / touched.size });
}

function addWhole(leaf: Tensor, dy: Tensor): void {
  slotsInUse.delete(leaf);
  if (leaf.grad) {
    const whole = isWhole(dy) ? dy : map(copy, [dy]);
    run(accumulate, { x: whole, y: leaf.grad }, { count: leaf.size });
    if (whole !== dy) whole.dispose();
  } else if (leaf.gradSlot) {
    const slot = keep(overStorage(leaf.gradSlot, leaf.shape));
    if (dy.storage !== leaf.gradSlot) map(copy, [dy], {}, slot);
    leaf.grad = slot;
  } else {
    // A gradient that others see as well, or a view of one, is copied: it will be added to.
    leaf.grad = keep(isWhole(dy) && dy.storage.exclusive ? dy.detach() : map(copy, [dy]));
  }
  dy.dispose();
}
