import { StateError } from '../platform/errors.ts';
import type { Start } from './backwardPass.ts';
import { notTwice, watchingConstants } from './constantWatch.ts';
import { runHooks } from './gradientHooks.ts';
import { topologicalOrder } from './graph.ts';
import { add } from './ops/elementwise.ts';
import { whileReading } from './savedTensors.ts';
import { tick } from './storage.ts';
import { type Node, Tensor } from './tensor.ts';

/**
 * Gradients that can be differentiated again (PyTorch's `create_graph`): a walk as that of
 * `BackwardPass`, of recorded operations. It frees nothing, since what it makes may be needed.
 * @param since only what was made after this point in time is walked through
 */
export function recordedGradients(
  starts: readonly Start[],
  targets: readonly Tensor[],
  since = 0,
): Map<Tensor, Tensor> {
  const pass = new RecordedPass(targets);
  pass.run(starts, since);
  return pass.found;
}

class RecordedPass {
  readonly found = new Map<Tensor, Tensor>();
  readonly #targets: ReadonlySet<Tensor>;
  /** Tensors that lead to targets. */
  readonly #needed: Set<Tensor>;
  readonly #pending = new Map<Tensor, Tensor>();

  constructor(targets: readonly Tensor[]) {
    this.#targets = new Set(targets);
    this.#needed = new Set(targets);
  }

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
    const dys = gradients.map((gradient, i) => gradient ?? outputs[i].detach().mul(0));
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
    const gradient = runHooks(tensor, given);
    if (this.#targets.has(tensor)) this.found.set(tensor, gradient);
    return gradient;
  }
}

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
  if (composed) {
    const start = tick();
    const result = whileReading(node, composed);
    const found = recordedGradients([{ tensor: result, gradient: dys[0] }], inputs, start);
    return inputs.map((input) => found.get(input));
  }
  if (typeof backward !== 'function') throw notTwice(name);
  const gradients = watchingConstants(node, [...inputs, ...outputs, ...dys], () =>
    whileReading(node, () => backward(...dys), dys),
  );
  return gradients.map((gradient) => {
    if (gradient === null || gradient instanceof Tensor) return gradient;
    throw notTwice(name);
  });
}
