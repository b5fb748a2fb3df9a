import { ArgumentError } from '../platform/errors.ts';
import { snakeCase } from '../platform/format.ts';
import { Tensor } from '../tensor/index.ts';

/**
 * A part of a model, as PyTorch's `nn.Module`. Fields that are tensors requiring a gradient are its parameters (and stay so
 * when frozen), fields that are modules (or arrays of them) its children. Names in `stateDict` are Hugging Face's: fields
 * in snake_case.
 */
export abstract class Module {
  training = true;
  /** Those of its own parameters that `freeze` has taken out of training; undefined: it was not frozen. */
  #frozen?: Set<Tensor>;

  /** Parameters with their dotted names, in the order of the fields. One that occurs twice is listed once. */
  namedParameters(): [string, Tensor][] {
    const seen = new Set<Tensor>();
    return [...this.#prefixedParameters('')].filter(
      ([, tensor]) => !seen.has(tensor) && seen.add(tensor),
    );
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, tensor]) => tensor);
  }

  /** This module and all below it, each once. */
  *modules(seen = new Set<Module>()): Generator<Module> {
    if (seen.has(this)) return;
    seen.add(this);
    yield this;
    for (const [, child] of this.#children()) yield* child.modules(seen);
  }

  /** The parameters by name. */
  stateDict(): Map<string, Tensor> {
    return new Map(this.namedParameters());
  }

  /**
   * Copies values into the parameters of the same names.
   * @throws ArgumentError listing every name that is missing, unexpected or of another shape.
   */
  loadStateDict(
    state: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>,
  ): void {
    const own = this.stateDict();
    const problems: string[] = [];
    for (const [name, tensor] of own) {
      const source = state.get(name);
      if (!source) problems.push(`${name} is missing`);
      else if (source.shape.join() !== tensor.shape.join()) {
        problems.push(
          `${name} has shape [${source.shape.join(', ')}], [${tensor.shape.join(', ')}] was expected`,
        );
      }
    }
    for (const name of state.keys()) if (!own.has(name)) problems.push(`${name} is not expected`);
    if (problems.length > 0) throw new ArgumentError(`loadStateDict: ${problems.join('; ')}`);
    for (const [name, tensor] of own) tensor.copy_(state.get(name)!.data);
  }

  /** Switches dropout on, here and below, save where frozen. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode && !module.#frozen;
    return this;
  }

  /**
   * Takes what is here and below out of training: parameters require no gradient any more (PyTorch's
   * `requires_grad_(False)`), and dropout stays off, so that outputs are the same for the same inputs.
   */
  freeze(): this {
    for (const module of this.modules()) {
      module.#frozen ??= new Set(
        module.#ownParameters().map(([, tensor]) => tensor.requiresGrad_(false)),
      );
      module.training = false;
    }
    return this;
  }

  /** Switches dropout off, here and below. */
  eval(): this {
    return this.train(false);
  }

  /** Drops the parameters' gradients. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** Gives the parameters' memory back. */
  dispose(): void {
    this.zeroGrad();
    for (const parameter of this.parameters()) parameter.dispose();
  }

  /** Number of parameters, elements counted. */
  get numParameters(): number {
    return this.parameters().reduce((sum, { size }) => sum + size, 0);
  }

  *#prefixedParameters(prefix: string): Generator<[string, Tensor]> {
    for (const [field, tensor] of this.#ownParameters()) yield [prefix + snakeCase(field), tensor];
    for (const [name, child] of this.#children())
      yield* child.#prefixedParameters(`${prefix}${name}.`);
  }

  #ownParameters(): [field: string, Tensor][] {
    return Object.entries(this).filter(([, value]) => {
      return value instanceof Tensor && (value.requiresGrad || this.#frozen?.has(value));
    });
  }

  *#children(): Generator<[string, Module]> {
    for (const [field, value] of Object.entries(this)) {
      const name = snakeCase(field);
      if (value instanceof Module) yield [name, value];
      else if (Array.isArray(value)) {
        for (const [i, item] of value.entries())
          if (item instanceof Module) yield [`${name}.${i}`, item];
      }
    }
  }
}
