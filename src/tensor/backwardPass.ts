import { add } from '../kernels/elementwise/arithmetic.ts';
import { StateError } from '../platform/errors.ts';
import { enableGrad } from './autograd.ts';
import { fillMemory } from './create.ts';
import { applyHooks, hasHooks, retainsGrad } from './gradientHooks.ts';
import { externalInputs, topologicalOrder } from './graph.ts';
import { launchMap } from './launch.ts';
import {
  accumulateGrad,
  densify,
  ownedCopy,
  type PendingGradient,
  sumInPlace,
} from './pendingGradient.ts';
import { describe } from './print.ts';
import { observeRecords } from './recordObserver.ts';
import { whileReading } from './savedTensors.ts';
import { scope } from './scope.ts';
import { tick } from './storage.ts';
import { empty, type Node, type Recomputation, type SparseRowGradient, Tensor } from './tensor.ts';

/** Where a pass begins: a tensor and the gradient with respect to it. */
export interface Start {
  tensor: Tensor;
  gradient: Tensor;
}

/**
 * One walk from results back to leaves, in reverse order of making. What arrives at each tensor is
 * summed before it goes further. Runs in a scope, without recording.
 */
export class BackwardPass {
  /** Gradients of the targets. */
  readonly found = new Map<Tensor, Tensor>();
  /** Gradients that were left at tensors which operations made. */
  readonly retained: Tensor[] = [];
  readonly #retainGraph: boolean;
  readonly #targets: ReadonlySet<Tensor> | undefined;
  /** Tensors that lead to targets. */
  readonly #needed = new Set<Tensor>();
  readonly #pending = new Map<Tensor, PendingGradient>();

  /** @param targets whose gradients are wanted; default: leaves accumulate theirs in `grad` */
  constructor(retainGraph: boolean, targets?: ReadonlySet<Tensor>) {
    this.#retainGraph = retainGraph;
    this.#targets = targets;
  }

  run(starts: readonly Start[]): void {
    const order = topologicalOrder(starts.map(({ tensor }) => tensor));
    this.#findNeeded(order);
    for (const { tensor, gradient } of starts) this.#addDense(tensor, gradient);
    for (const tensor of order) this.#visit(tensor);
  }

  /** `order`: each tensor before its inputs. */
  #findNeeded(order: readonly Tensor[]): void {
    if (!this.#targets) return;
    for (const tensor of order.toReversed()) {
      const leads = tensor.gradFn && this.#leadsToTargets(tensor.gradFn);
      if (leads || this.#targets.has(tensor)) this.#needed.add(tensor);
    }
  }

  /** Where a node leads that was used before is forgotten: it is visited, and throws. */
  #leadsToTargets({ inputs, backward }: Node): boolean {
    return !this.#targets || !backward || inputs.some((input) => this.#needed.has(input));
  }

  #visit(tensor: Tensor): void {
    const node = tensor.gradFn;
    if (!node) {
      this.#visitLeaf(tensor);
      return;
    }
    const outputs = node.outputs ?? [tensor];
    const gradients = outputs.map((output) => this.#takeGradient(output));
    if (gradients.every((gradient) => gradient === undefined)) return;
    if (this.#leadsToTargets(node)) this.#propagate(node, outputs, gradients);
    for (const gradient of gradients) gradient?.dispose();
  }

  #visitLeaf(leaf: Tensor): void {
    const given = this.#pending.get(leaf);
    if (!this.#targets && given && !hasHooks(leaf)) {
      this.#pending.delete(leaf);
      accumulateGrad(leaf, given);
      return;
    }
    const gradient = this.#takeGradient(leaf);
    if (gradient && !this.#targets) accumulateGrad(leaf, { dense: gradient, sparse: [] });
    else gradient?.dispose();
  }

  /** The whole gradient of a tensor, after its hooks; undefined if nothing arrived. */
  #takeGradient(tensor: Tensor): Tensor | undefined {
    const given = this.#pending.get(tensor);
    if (!given) return undefined;
    this.#pending.delete(tensor);
    const gradient = applyHooks(tensor, densify(tensor, given));
    if (retainsGrad(tensor) && !this.#targets) {
      tensor.grad = tensor.grad ? launchMap(add, [tensor.grad, gradient]) : ownedCopy(gradient);
      this.retained.push(tensor.grad);
    }
    if (this.#targets?.has(tensor)) this.found.set(tensor, ownedCopy(gradient));
    return gradient;
  }

  #propagate(node: Node, outputs: readonly Tensor[], given: readonly (Tensor | undefined)[]): void {
    const { inputs, backward } = node;
    if (!backward)
      throw new StateError(
        `backward: the graph through ${node.name} was used before: ` +
          'set `retainGraph` the first time',
      );
    if (!this.#retainGraph)
      [node.inputs, node.backward, node.composed] = [[], undefined, undefined];
    const dys = outputs.map(
      ({ shape, device }, i) => given[i] ?? fillMemory(empty(shape, 'float32', device), 0),
    );
    if (typeof backward !== 'function') {
      scope(() => {
        this.#recompute(node, inputs, backward, dys);
        return this.#pendingTensors();
      });
      return;
    }
    // What a backward computes on the way is not seen, only what comes of it.
    const observer = observeRecords(undefined);
    let gradients: ReturnType<typeof backward>;
    try {
      gradients = scope(() => whileReading(node, () => backward(...dys), dys));
    } finally {
      observeRecords(observer);
    }
    observer?.onGradients(
      node.name,
      gradients.map((gradient) => (gradient instanceof Tensor ? gradient : undefined)),
      inputs,
    );
    inputs.forEach((input, i) => {
      const gradient = gradients[i];
      // A tensor object for each holder, so that each can dispose its own.
      if (gradient instanceof Tensor) this.#addDense(input, gradient.detach());
      else if (gradient) this.#addSparse(input, gradient, node);
    });
    for (const gradient of gradients)
      if (gradient instanceof Tensor && !dys.includes(gradient)) gradient.dispose();
    dys.forEach((dy, i) => {
      if (dy !== given[i]) dy.dispose();
    });
  }

  /**
   * Goes on through the nodes of a recomputation, at the place of its own: gradients are summed in
   * the same order as if the results had been recorded at once.
   */
  #recompute(
    node: Node,
    inputs: readonly Tensor[],
    { recompute }: Recomputation,
    dys: readonly Tensor[],
  ): void {
    const start = tick();
    const results = enableGrad(() => whileReading(node, recompute));
    for (const input of externalInputs(results, start))
      if (!inputs.includes(input))
        throw new StateError(
          `${node.name}: the function uses ${describe(input)} when it is run again, which ` +
            `it did not the ` +
            'first time: it must do the same each time',
        );
    const order = topologicalOrder(results, start);
    this.#findNeeded(order);
    results.forEach((result, i) => {
      this.#addDense(result, dys[i].detach());
    });
    for (const tensor of order) this.#visit(tensor);
  }

  #isWanted(input: Tensor): boolean {
    return input.requiresGrad && (!this.#targets || this.#needed.has(input));
  }

  #addDense(input: Tensor, contribution: Tensor): void {
    if (!this.#isWanted(input)) {
      contribution.dispose();
      return;
    }
    const { dense, sparse } = this.#pending.get(input) ?? { sparse: [] };
    this.#pending.set(input, {
      dense: dense ? sumInPlace(dense, contribution) : contribution,
      sparse,
    });
  }

  #addSparse(input: Tensor, gradient: SparseRowGradient, node: Node): void {
    if (!this.#isWanted(input)) return;
    const { dense, sparse } = this.#pending.get(input) ?? { sparse: [] };
    this.#pending.set(input, { dense, sparse: [...sparse, { gradient, node }] });
  }

  /** What must outlive the scope of a recomputation. */
  #pendingTensors(): Tensor[] {
    const pending = [...this.#pending.values()].flatMap(({ dense, sparse }) => [
      ...(dense ? [dense] : []),
      ...sparse.flatMap(({ gradient }) => gradient.keepAlive),
    ]);
    return [...pending, ...this.found.values(), ...this.retained];
  }
}
