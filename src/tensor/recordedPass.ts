import { StateError } from '../platform/errors.ts';
import type { Start } from './backwardPass.ts';
import { notTwice, watchingConstants } from './constantWatch.ts';
import { zeros } from './create.ts';
import { runHooks } from './gradientHooks.ts';
import { topologicalOrder } from './graph.ts';
import { add } from './ops/elementwise.ts';
import { whileReading } from './savedTensors.ts';
import { tick } from './storage.ts';
import { type Node, Tensor } from './tensor.ts';

/**
 * Gradients that can be differentiated again (PyTorch's `create_graph`): a walk as that of
 * `BackwardPass`, of recorded operations. It frees nothing, since what it makes may be needed.
 */
export function recordedGradients(
  starts: readonly Start[],
  targets: readonly Tensor[],
): Map<Tensor, Tensor> {
  const pass = new RecordedPass(targets, runHooks);
  pass.run(starts, 0);
  return pass.found;
}

class RecordedPass {
  readonly found = new Map<Tensor, Tensor>();
  readonly #targets: ReadonlySet<Tensor>;
  /** Tensors that lead to targets. */
  readonly #needed: Set<Tensor>;
  readonly #pending = new Map<Tensor, Tensor>();
  readonly #hooked: typeof runHooks;

  /** @param hooked gives what the hooks of a tensor make of its gradient */
  constructor(targets: readonly Tensor[], hooked: typeof runHooks) {
    this.#hooked = hooked;
    this.#targets = new Set(targets);
    this.#needed = new Set(targets);
  }

  /** @param since only what was made after this point in time is walked through */
  run(starts: readonly Start[], since: number): void {
    const order = topologicalOrder(
      starts.map(({ tensor }) => tensor),
      since,
    );
    for (const tensor of order.toReversed())
      if (tensor.gradFn?.inputs.some((input) => this.#needed.has(input))) this.#needed.add(tensor);
    for (const { tensor, gradient } of starts) this.#give(tensor, gradient);
    for (const tensor of order) this.#visit(tensor);
    for (const target of this.#targets) this.#take(target);
  }

  #visit(tensor: Tensor): void {
    const node = tensor.gradFn;
    const outputs = node?.outputs ?? [tensor];
    const gradients = outputs.map((output) => this.#take(output));
    if (!node?.inputs.some((input) => this.#needed.has(input))) return;
    if (gradients.every((gradient) => gradient === undefined)) return;
    const dys = gradients.map((gradient, i) => gradient ?? zerosFor(outputs[i]));
    differentiate(node, outputs, dys).forEach((gradient, i) => {
      if (gradient) this.#give(node.inputs[i], gradient);
    });
  }

  #give(tensor: Tensor, gradient: Tensor): void {
    if (!this.#needed.has(tensor)) return;
    const before = this.#pending.get(tensor);
    this.#pending.set(tensor, before ? add(before, gradient) : gradient);
  }

  #take(tensor: Tensor): Tensor | undefined {
    const given = this.#pending.get(tensor);
    if (!given) return undefined;
    this.#pending.delete(tensor);
    const gradient = this.#hooked(tensor, given);
    if (this.#targets.has(tensor)) this.found.set(tensor, gradient);
    return gradient;
  }
}

/** The gradient of an output that none arrived at. */
const zerosFor = ({ shape, device }: Tensor): Tensor => zeros(shape, { device });

/** The gradients of a node's inputs, recorded. */
function differentiate(
  node: Node,
  outputs: readonly Tensor[],
  dys: readonly Tensor[],
): readonly (Tensor | null | undefined)[] {
  const { name, inputs, backward, composed } = node;
  if (!backward)
    throw new StateError(
      `grad: the graph through ${name} was used before: set \`retainGraph\` the first time`,
    );
  if (composed) return differentiateComposed(node, composed, dys[0]);
  if (typeof backward !== 'function') throw notTwice(name);
  const gradients = watchingConstants(node, [...inputs, ...outputs, ...dys], () =>
    whileReading(node, () => backward(...dys), dys),
  );
  return gradients.map((gradient) => {
    if (gradient === null || gradient instanceof Tensor) return gradient;
    throw notTwice(name);
  });
}

/** Through the operations that `composed` computes the result by, whose inputs are the node's. */
function differentiateComposed(
  node: Node,
  composed: () => Tensor,
  gradient: Tensor,
): (Tensor | undefined)[] {
  const start = tick();
  const tensor = whileReading(node, composed);
  // The hooks of the inputs run in the outer walk, which has all of their gradients.
  const pass = new RecordedPass(node.inputs, (_, given) => given);
  pass.run([{ tensor, gradient }], start);
  // What is an input twice gets its whole gradient once.
  return node.inputs.map((input, i) =>
    node.inputs.indexOf(input) === i ? pass.found.get(input) : undefined,
  );
}
