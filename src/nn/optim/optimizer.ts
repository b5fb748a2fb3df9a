import { HYPER } from '../../kernels/optimizers.ts';
import { keep, scope, type Tensor, zeros } from '../../tensor/index.ts';
import { type Arena, packArenas } from './arena.ts';

/** Parameters that share hyperparameters; `lr` and the others may be changed between steps. */
export type ParamGroup<O> = O & { params: Tensor[] };

/** What an optimiser needs to go on where another stopped (PyTorch's `state_dict`); `T` holds an array of numbers. */
export interface OptimizerState<O, T> {
  /** Of each parameter, counted through the groups: its steps so far, and what is kept for each of its elements. */
  state: { step: number; buffers: Record<string, T> }[];
  /** The hyperparameters, the numbers of the parameters with them. */
  paramGroups: (O & { params: number[] })[];
}

/**
 * What optimisers share: parameters lie in arenas, hyperparameters go up as one small table a step.
 * A parameter without a gradient is left alone, and its count of steps stands still, as in PyTorch.
 */
export abstract class Optimizer<O extends { lr: number }> {
  readonly paramGroups: ParamGroup<O>[];
  protected readonly arenas: Arena[];
  readonly #groupOf = new Map<Tensor, number>();
  readonly #steps = new Map<Tensor, number>();
  /** Rows of hyperparameters: at most one for each parameter. */
  readonly #hyper: Tensor;

  constructor(params: readonly Tensor[] | readonly (Partial<O> & { params: readonly Tensor[] })[], defaults: O) {
    const groups =
      params.length > 0 && 'params' in params[0]
        ? (params as (Partial<O> & { params: Tensor[] })[])
        : [{ params: params as Tensor[] }];
    this.paramGroups = groups.map((group) => ({ ...defaults, ...group, params: [...group.params] }) as ParamGroup<O>);
    this.paramGroups.forEach((group, i) => {
      for (const param of group.params) {
        if (!param.requiresGrad || param.node)
          throw new TypeError(`optimizer: ${param} is no parameter: it must require a gradient and be made by no operation`);
        if (this.#groupOf.has(param)) throw new TypeError(`optimizer: ${param} occurs twice`);
        this.#groupOf.set(param, i);
      }
    });
    if (this.#groupOf.size === 0) throw new TypeError('optimizer: no parameters were given');
    this.arenas = packArenas([...this.#groupOf.keys()]);
    this.#hyper = keep(zeros([this.#groupOf.size * HYPER], { device: this.arenas[0].param.device }));
  }

  /** A row of the kernel's hyperparameters, for parameters at their `step`-th step (from 1). */
  protected abstract hyperRow(group: ParamGroup<O>, step: number): number[];
  protected abstract launch(arena: Arena, hyper: Tensor, rows: number): void;
  /** What is kept for each element of each arena's parameters, by PyTorch's names. */
  protected abstract buffers(): Record<string, Tensor>[];

  /** Updates every parameter that has a gradient, be it of a backward or set by hand. */
  step(): void {
    const active = this.arenas.map(({ params }) => params.map((param) => param.grad !== null));
    if (!active.flat().includes(true)) return;
    this.arenas[0].param.device.eachStep(() => this.#advance(active));
    for (const arena of this.arenas) {
      scope(() => {
        arena.takeGradients();
        this.launch(arena, this.#hyper, this.#hyper.size / HYPER);
      });
    }
  }

  /** Counts a step for each parameter that has a gradient, and says which hyperparameters it follows. */
  #advance(active: readonly boolean[][]): void {
    const rows: number[][] = [];
    const rowOf = new Map<string, number>();
    this.arenas.forEach((arena, a) => {
      const assignment = arena.params.map((param, i) => {
        if (!active[a][i]) return -1;
        const step = (this.#steps.get(param) ?? 0) + 1;
        this.#steps.set(param, step);
        const group = this.#groupOf.get(param)!;
        const key = `${group},${step}`;
        if (!rowOf.has(key)) rowOf.set(key, rows.push(this.hyperRow(this.paramGroups[group], step)) - 1);
        return rowOf.get(key)!;
      });
      arena.assign(assignment);
    });
    scope(() =>
      this.#hyper.slice([[0, rows.length * HYPER]]).copy_(rows.flatMap((row) => [...row, ...Array(HYPER - row.length).fill(0)])),
    );
  }

  /** Drops the gradients; the next backward writes them anew. */
  zeroGrad(): void {
    for (const param of this.#groupOf.keys()) {
      param.grad?.dispose();
      param.grad = null;
    }
  }

  /** The state as it stands; its tensors are views, which later steps change. */
  stateDict(): OptimizerState<O, Tensor> {
    const numbers = new Map(Array.from(this.#groupOf.keys(), (param, i) => [param, i]));
    const views = new Map<Tensor, Record<string, Tensor>>();
    this.arenas.forEach((arena, a) => {
      for (const param of arena.params) {
        const own = Object.entries(this.buffers()[a]).map(([name, buffer]) => [name, arena.part(buffer, param)]);
        views.set(param, Object.fromEntries(own));
      }
    });
    return {
      state: Array.from(numbers.keys(), (param) => ({ step: this.#steps.get(param) ?? 0, buffers: views.get(param)! })),
      paramGroups: this.paramGroups.map((group) => ({ ...group, params: group.params.map((param) => numbers.get(param)!) })),
    };
  }

  /**
   * Takes a state over. Make schedules first: they begin with the rates that they find.
   * @throws RangeError when it is of other groups, parameters or buffers.
   */
  loadStateDict({ state, paramGroups }: OptimizerState<O, { data: Float32Array }>): void {
    const own = this.stateDict();
    const layout = (groups: readonly { params: readonly number[] }[]) => groups.map(({ params }) => params.join()).join(' ');
    if (layout(paramGroups) !== layout(own.paramGroups) || state.length !== own.state.length)
      throw new RangeError('loadStateDict: the state is of other groups of parameters');
    for (const [i, { buffers }] of own.state.entries()) {
      const given = Object.keys(state[i].buffers).sort().join();
      const expected = Object.keys(buffers).sort().join();
      if (given !== expected) throw new RangeError(`loadStateDict: parameter ${i} has ${given}; ${expected} was expected`);
    }
    const params = [...this.#groupOf.keys()];
    for (const [i, { buffers }] of own.state.entries()) {
      this.#steps.set(params[i], state[i].step);
      for (const [name, tensor] of Object.entries(buffers)) tensor.copy_(state[i].buffers[name].data);
    }
    for (const [i, { params: _numbers, ...hyper }] of paramGroups.entries()) Object.assign(this.paramGroups[i], hyper);
  }

  /** Frees gradients and state; parameters stay usable. */
  dispose(): void {
    for (const arena of this.arenas) arena.dispose();
    this.#hyper.dispose();
  }
}
