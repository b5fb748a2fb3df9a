import type { Device } from '../device/device.ts';
import { ArgumentError } from '../platform/errors.ts';
import { snakeCase } from '../platform/format.ts';
import { checkOptions } from '../platform/options.ts';
import { guardValue } from '../tensor/captureGuard.ts';
import type { RemovableHandle } from '../tensor/gradientHooks.ts';
import { keep, Tensor } from '../tensor/index.ts';
import { moveToDevice } from '../tensor/moveToDevice.ts';
import {
  addHook,
  type BackwardHook,
  type ForwardHook,
  type ForwardPreHook,
} from './moduleHooks.ts';
import * as states from './stateDicts.ts';

export type { IncompatibleKeys, StateValue } from './stateDicts.ts';

/**
 * A part of a model, as PyTorch's `nn.Module`. Parameters are the tensors requiring a gradient that
 * no operation made; children are modules. Both are found in fields, and in arrays and maps there;
 * what is in `#private` fields has to be registered. Names in `stateDict` are Hugging Face's:
 * fields in snake_case.
 * @example
 * class Net extends Module {
 *   readonly hidden = new Linear(2, 8);
 *   readonly output = new Linear(8, 1);
 *   forward = (x: Tensor) => this.output.forward(this.hidden.forward(x, 'tanh'));
 * }
 */
export abstract class Module {
  #training = true;
  #frozen = false;
  readonly #registered = new Map<string, Tensor | Module>();
  readonly #buffers = new Map<string, Tensor>();

  /** Whether dropout and the like are on here; `train` and `eval` set it for all modules below. */
  get training(): boolean {
    guardValue(this, () => this.#training);
    return this.#training;
  }

  set training(mode: boolean) {
    this.#training = mode;
  }

  /**
   * Makes a tensor in a `#private` field a parameter under a name of the state dict. It outlives
   * scopes. Returns it.
   * @throws ArgumentError if the name is taken.
   */
  registerParameter(name: string, tensor: Tensor): Tensor {
    return this.#register(this.#registered, name, keep(tensor).requiresGrad_());
  }

  /**
   * Makes a module in a `#private` field a child under a name of the state dict. Returns it.
   * @throws ArgumentError if the name is taken.
   */
  registerModule<M extends Module>(name: string, module: M): M {
    return this.#register(this.#registered, name, module);
  }

  /**
   * Adds a tensor to the state dict that is not a parameter, such as a running mean. Returns it.
   * @throws ArgumentError if the name is taken.
   */
  registerBuffer(name: string, tensor: Tensor): Tensor {
    return this.#register(this.#buffers, name, keep(tensor));
  }

  #register<T extends Tensor | Module>(
    into: Map<string, Tensor | Module>,
    name: string,
    value: T,
  ): T {
    if (this.#registered.has(name) || this.#buffers.has(name))
      throw new ArgumentError(`${name}: expected a name that is free, got one registered before`);
    into.set(name, value);
    return value;
  }

  /**
   * Parameters with their dotted names, in the order of the fields; each is listed once.
   * @throws ArgumentError if two have the same name.
   */
  namedParameters(): [string, Tensor][] {
    return states.unique(this.#prefixed('', (module) => module.#ownParameters()));
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, tensor]) => tensor);
  }

  /** What `registerBuffer` made part of the state, with dotted names. */
  namedBuffers(): [string, Tensor][] {
    return states.unique(this.#prefixed('', (module) => module.#buffers));
  }

  /** This module, named '', and all modules below it with their dotted names, each once. */
  namedModules(): [string, Module][] {
    const names = new Map<Module, string>();
    const walk = (module: Module, name: string) => {
      if (names.has(module)) return;
      names.set(module, name);
      for (const [key, child] of module.namedChildren()) walk(child, name ? `${name}.${key}` : key);
    };
    walk(this, '');
    return Array.from(names, ([module, name]) => [name, module]);
  }

  /** Modules directly below this one. */
  children(): Module[] {
    return Array.from(this.namedChildren(), ([, child]) => child);
  }

  /**
   * Calls `f` with each module below this one, then with this one; returns it.
   * @example
   * model.apply((m) => m instanceof nn.Linear && nn.init.xavierUniform_(m.weight));
   */
  apply(f: (module: Module) => unknown): this {
    for (const child of this.children()) child.apply(f);
    f(this);
    return this;
  }

  /** This module and all modules below it, each once. */
  *modules(seen = new Set<Module>()): Generator<Module> {
    if (seen.has(this)) return;
    seen.add(this);
    yield this;
    for (const [, child] of this.namedChildren()) yield* child.modules(seen);
  }

  /**
   * The parameters and buffers by name. A tied parameter has its first name.
   * @throws ArgumentError if two have the same name.
   */
  stateDict(): Map<string, Tensor> {
    return new Map(states.unique([...this.namedParameters(), ...this.namedBuffers()]));
  }

  /**
   * Copies values into the parameters and buffers of the same names. A tied one may come under any
   * of its names; if several come, the first counts. Without `strict`, names that are missing or
   * unexpected are only returned.
   * @throws ArgumentError listing each name that is missing or unexpected or whose shape differs.
   * @example
   * copy.loadStateDict(model.stateDict());
   */
  loadStateDict(
    state: ReadonlyMap<string, states.StateValue>,
    options: { strict?: boolean } = {},
  ): states.IncompatibleKeys {
    checkOptions('loadStateDict', options, ['strict']);
    const parameters = this.#prefixed('', (module) => module.#ownParameters());
    const buffers = this.#prefixed('', (module) => module.#buffers);
    return states.loadState(state, [...parameters, ...buffers], options.strict ?? true);
  }

  /**
   * Calls `hook(module, args)` before each forward of this module (PyTorch's
   * `register_forward_pre_hook`); arguments that it returns take the place of those given. In
   * captured steps, hooks run while the step is captured. Layers that fuse a module's work into
   * their own (BERT does so with layer normalisation) do not call its forward, nor its hooks.
   * @throws ArgumentError if this module has no forward.
   */
  registerForwardPreHook<M extends Module>(this: M, hook: ForwardPreHook<M>): RemovableHandle {
    return addHook(this, 'pre', hook as ForwardPreHook<object>);
  }

  /**
   * Calls `hook(module, args, result)` after each forward; what it returns takes the place of the
   * result (PyTorch's `register_forward_hook`). Otherwise as `registerForwardPreHook`.
   */
  registerForwardHook<M extends Module>(this: M, hook: ForwardHook<M>): RemovableHandle {
    return addHook(this, 'post', hook as ForwardHook<object>);
  }

  /**
   * Calls `hook(module, gradInput, gradOutput)` when backward has gone through this module, with
   * the gradients of the tensors among the arguments and among the results (PyTorch's
   * `register_full_backward_hook`). A list that it returns takes the place of `gradInput`. The
   * gradients are freed after the call: `keep` a copy (`clone`) to hold on to one.
   */
  registerFullBackwardHook<M extends Module>(this: M, hook: BackwardHook<M>): RemovableHandle {
    return addHook(this, 'backward', hook as BackwardHook<object>);
  }

  /** Switches dropout on here and below, except in frozen modules. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode && !module.#frozen;
    return this;
  }

  /**
   * Takes this module and all below it out of training: parameters no longer require a gradient
   * (PyTorch's `requires_grad_(False)`), and dropout stays off, so that equal inputs give equal
   * outputs.
   */
  freeze(): this {
    this.requiresGrad_(false);
    for (const module of this.modules()) {
      module.#frozen = true;
      module.training = false;
    }
    return this;
  }

  /**
   * Says whether the parameters here and below require a gradient (PyTorch's `requires_grad_`);
   * dropout stays as it is. `true` undoes `freeze`.
   */
  requiresGrad_(requiresGrad = true): this {
    if (requiresGrad) for (const module of this.modules()) module.#frozen = false;
    for (const parameter of this.parameters()) parameter.requiresGrad_(requiresGrad);
    return this;
  }

  /** Switches dropout off here and below. */
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

  /**
   * Moves the parameters, their gradients and the buffers to a device, as PyTorch's `to(device)`;
   * returns the module. Await it: values travel asynchronously. Make optimisers after it.
   * @example
   * const model = await new Linear(2, 1).toDevice(await openDevice('webgpu'));
   */
  async toDevice(device: Device): Promise<this> {
    await moveToDevice([...this.stateDict().values()], device);
    return this;
  }

  /** Frees the memory of the parameters and buffers. */
  dispose(): void {
    this.zeroGrad();
    for (const tensor of this.stateDict().values()) tensor.dispose();
  }

  /** Total number of elements of all parameters. */
  get parameterCount(): number {
    return this.parameters().reduce((sum, { size }) => sum + size, 0);
  }

  /** Tensors of this module and those below, with dotted names; `above` are modules on the way. */
  *#prefixed(
    prefix: string,
    tensorsOf: (module: Module) => Iterable<[string, Tensor]>,
    above: readonly Module[] = [],
  ): Generator<[string, Tensor]> {
    for (const [name, tensor] of tensorsOf(this)) yield [prefix + name, tensor];
    for (const [name, child] of this.namedChildren())
      if (!above.includes(child) && child !== this)
        yield* child.#prefixed(`${prefix}${name}.`, tensorsOf, [...above, this]);
  }

  *#ownParameters(): Generator<[name: string, Tensor]> {
    for (const [name, value] of this.#members())
      if (value instanceof Tensor && value.isVariable) yield [name, value];
  }

  /** Modules directly below this one, by their names in `stateDict`. */
  *namedChildren(): Generator<[string, Module]> {
    for (const [name, value] of this.#members()) if (value instanceof Module) yield [name, value];
  }

  /** Tensors and modules of this module, by their names in `stateDict`. */
  *#members(): Generator<[string, Tensor | Module]> {
    for (const [field, value] of Object.entries(this))
      yield* states.membersOf(snakeCase(field), value, isMember);
    yield* this.#registered;
  }
}

const isMember = (value: unknown): value is Tensor | Module =>
  value instanceof Tensor || value instanceof Module;
