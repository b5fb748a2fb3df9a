import { StateError } from '../platform/errors.ts';
import { type Storage, tick } from './storage.ts';
import type { Node, Tensor } from './tensor.ts';

/** What is thrown for an operation without second derivatives. */
export const notTwice = (operation: string): StateError =>
  new StateError(
    `grad: \`createGraph\`: the gradient of ${operation} cannot be differentiated again: compose ` +
      'it of other operations, or leave `createGraph` out',
  );

/**
 * A gradient that is differentiated again must be made by recorded operations. The watch follows
 * the backward of a node and finds gradients of which a kernel made a part that nothing recorded:
 * they would count as constants, and second derivatives would be wrong.
 */
class ConstantWatch {
  readonly #startedAt = tick();
  /** Tensors that are constants, and their memory unless a variable shares it. */
  readonly #constants = new WeakSet<Tensor>();
  readonly #constantMemory = new WeakSet<Storage>();
  /** Memory that the backward computed from variables. */
  readonly #computed = new WeakSet<Storage>();
  /** Recorded results that depend on what nothing recorded. */
  readonly #incomplete = new WeakSet<Tensor>();

  constructor(known: readonly Tensor[]) {
    const variables = new Set(known.filter((t) => t.requiresGrad).map(({ storage }) => storage));
    for (const tensor of known) {
      if (tensor.requiresGrad) continue;
      this.#constants.add(tensor);
      if (!variables.has(tensor.storage)) this.#constantMemory.add(tensor.storage);
    }
  }

  /** Whether values depend on variables: what was made before the backward may. */
  #varies(tensor: Tensor): boolean {
    const { storage, dtype } = tensor;
    if (dtype !== 'float32' || this.#constants.has(tensor) || this.#constantMemory.has(storage))
      return false;
    return this.#computed.has(storage) || storage.createdAt < this.#startedAt;
  }

  #isIncomplete(tensor: Tensor): boolean {
    return this.#incomplete.has(tensor) || (!tensor.requiresGrad && this.#varies(tensor));
  }

  onLaunch(read: readonly Tensor[], written: readonly Tensor[]): void {
    if (read.some((tensor) => this.#varies(tensor)))
      for (const { storage } of written) this.#computed.add(storage);
  }

  onRecord(results: readonly Tensor[], inputs: readonly Tensor[]): void {
    const isConstant = !inputs.some((input) => input.requiresGrad || this.#isIncomplete(input));
    for (const result of results) {
      if (isConstant) this.#constants.add(result);
      else if (inputs.some((input) => this.#isIncomplete(input))) this.#incomplete.add(result);
    }
  }

  check({ name, inputs }: Node, gradients: readonly unknown[]): void {
    inputs.forEach((input, i) => {
      if (input.requiresGrad && gradients[i] && this.#isIncomplete(gradients[i] as Tensor))
        throw notTwice(name);
    });
  }
}

let watch: ConstantWatch | undefined;

/**
 * Runs the backward of a node, whose operations are recorded.
 * @param known the tensors that it may use: inputs, results and their gradients
 * @throws StateError if a gradient that it returns cannot be differentiated again.
 */
export function watchingConstants<T extends readonly unknown[]>(
  node: Node,
  known: readonly Tensor[],
  body: () => T,
): T {
  const before = watch;
  watch = new ConstantWatch(known);
  try {
    const gradients = body();
    watch.check(node, gradients);
    return gradients;
  } finally {
    watch = before;
  }
}

/** The watch over the running backward, if its operations are recorded. */
export const constantWatch = (): ConstantWatch | undefined => watch;
