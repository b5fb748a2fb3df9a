import { HYPER_SIZE } from '../../kernels/optimizers.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { guardGradient } from '../../tensor/captureGuard.ts';
import { keep, scope, type Tensor, zeros } from '../../tensor/index.ts';
import { type Arena, packArenas } from './arena.ts';
import { withDefaults } from './options.ts';

/** Parameters that share hyperparameters; `lr` and the others may be changed between steps. Schedules set `initialLr`. */
export type ParamGroup<O> = O & { params: Tensor[]; initialLr?: number };

/** What an optimiser needs to go on where another stopped (PyTorch's `state_dict`); `T` holds an array of numbers. */
export interface OptimizerState<O, T> {
  /** Of each parameter, counted through the groups: its steps so far, and what is kept for each of its elements. */
  state: { step: number; buffers: Record<string, T> }[];
  /** The hyperparameters, the numbers of the parameters with them. */
  paramGroups: (O & { params: number[]; initialLr?: number })[];
}

/**
 * What optimisers share: parameters lie in arenas, hyperparameters go up as one small table a step.
 * A parameter without a gradient is left alone, and its count of steps stands still, as in PyTorch.
 */
export abstract class Optimizer<O extends { lr: number }> {
  readonly paramGroups: ParamGroup<O>[];
  protected readonly arenas: Arena[];
  readonly #groupIndex = new Map<Tensor, number>();
  readonly #stepCounts = new Map<Tensor, number>();
  /** A row of hyperparameters for each parameter. */
  readonly #hyperparameters: Tensor;

  /** `check` throws ArgumentError where an option is out of its range: of the defaults, and of each group. */
  constructor(
    params: readonly Tensor[] | readonly (Partial<O> & { params: readonly Tensor[] })[],
    defaults: O,
    check: (options: O) => void,
  ) {
    const groups =
      params.length > 0 && 'params' in params[0]
        ? (params as (Partial<O> & { params: Tensor[] })[])
        : [{ params: params as Tensor[] }];
    this.paramGroups = groups.map((group) => ({
      ...withDefaults(defaults, group),
      params: [...group.params],
    }));
    for (const options of [defaults, ...this.paramGroups]) check(options);
    this.paramGroups.forEach((group, i) => {
      for (const param of group.params) {
        if (!param.requiresGrad || param.gradFn)
          throw new ArgumentError(
            `optimizer: ${param} is no parameter: it must require a gradient and be made by no operation`,
          );
        if (this.#groupIndex.has(param))
          throw new ArgumentError(`optimizer: ${param} occurs twice`);
        this.#groupIndex.set(param, i);
      }
    });
    if (this.#groupIndex.size === 0) throw new ArgumentError('optimizer: no parameters were given');
    this.arenas = packArenas([...this.#groupIndex.keys()]);
    this.#hyperparameters = keep(
      zeros([this.#groupIndex.size * HYPER_SIZE], { device: this.arenas[0].param.device }),
    );
  }

  /** A row of the kernel's hyperparameters, for parameters at their `step`-th step (from 1). */
  protected abstract hyperparameterRow(group: ParamGroup<O>, step: number): number[];
  protected abstract launchUpdate(arena: Arena, hyper: Tensor, rows: number): void;
  /** What is kept for each element of each arena's parameters, by PyTorch's names. */
  protected abstract buffers(): Record<string, Tensor>[];

  /** Updates every parameter that has a gradient, be it of a backward or set by hand. */
  step(): void {
    for (const param of this.#groupIndex.keys()) guardGradient(param, true);
    const active = new Set([...this.#groupIndex.keys()].filter(({ grad }) => grad !== null));
    if (active.size === 0) return;
    for (const arena of this.arenas) scope(() => arena.copyInGradients());
    this.#hyperparameters.device.onReplay(
      () => {
        this.#advanceSteps(active, 1);
        this.#uploadHyperparameters(active);
      },
      () => this.#advanceSteps(active, -1),
    );
    for (const arena of this.arenas)
      scope(() => this.launchUpdate(arena, this.#hyperparameters, this.#groupIndex.size));
  }

  #advanceSteps(active: ReadonlySet<Tensor>, steps: number): void {
    for (const param of active)
      this.#stepCounts.set(param, (this.#stepCounts.get(param) ?? 0) + steps);
  }

  /** Sends a row for each parameter; those of zeros leave theirs alone. */
  #uploadHyperparameters(active: ReadonlySet<Tensor>): void {
    const table = new Float32Array(this.#hyperparameters.size);
    const rows = new Map<string, number[]>();
    for (const [i, [param, group]] of [...this.#groupIndex].entries()) {
      if (!active.has(param)) continue;
      const step = this.#stepCounts.get(param)!;
      const key = `${group},${step}`;
      if (!rows.has(key)) rows.set(key, this.hyperparameterRow(this.paramGroups[group], step));
      table.set(rows.get(key)!, i * HYPER_SIZE);
      table[(i + 1) * HYPER_SIZE - 1] = 1;
    }
    this.#hyperparameters.copy_(table);
  }

  /** Drops the gradients; the next backward writes them anew. */
  zeroGrad(): void {
    for (const param of this.#groupIndex.keys()) {
      param.grad?.dispose();
      param.grad = null;
    }
  }

  /** The state as it stands; its tensors are views, which later steps change. */
  stateDict(): OptimizerState<O, Tensor> {
    const paramIndex = new Map(Array.from(this.#groupIndex.keys(), (param, i) => [param, i]));
    const views = new Map<Tensor, Record<string, Tensor>>();
    this.arenas.forEach((arena, a) => {
      for (const param of arena.params) {
        const own = Object.entries(this.buffers()[a]).map(([name, buffer]) => [
          name,
          arena.part(buffer, param),
        ]);
        views.set(param, Object.fromEntries(own));
      }
    });
    return {
      state: Array.from(paramIndex.keys(), (param) => ({
        step: this.#stepCounts.get(param) ?? 0,
        buffers: views.get(param)!,
      })),
      paramGroups: this.paramGroups.map((group) => ({
        ...group,
        params: group.params.map((param) => paramIndex.get(param)!),
      })),
    };
  }

  /**
   * Takes a state over.
   * @throws ArgumentError when it is of other groups, parameters or buffers.
   */
  loadStateDict({ state, paramGroups }: OptimizerState<O, { data: Float32Array }>): void {
    const own = this.stateDict();
    const layout = (groups: readonly { params: readonly number[] }[]) =>
      groups.map(({ params }) => params.join()).join(' ');
    if (layout(paramGroups) !== layout(own.paramGroups) || state.length !== own.state.length)
      throw new ArgumentError('loadStateDict: the state is of other groups of parameters');
    for (const [i, { buffers }] of own.state.entries()) {
      const given = Object.keys(state[i].buffers).sort().join();
      const expected = Object.keys(buffers).sort().join();
      if (given !== expected)
        throw new ArgumentError(
          `loadStateDict: parameter ${i} has ${given}; ${expected} was expected`,
        );
    }
    const params = [...this.#groupIndex.keys()];
    for (const [i, { buffers }] of own.state.entries()) {
      this.#stepCounts.set(params[i], state[i].step);
      for (const [name, tensor] of Object.entries(buffers))
        tensor.copy_(state[i].buffers[name].data);
    }
    for (const [i, { params: _numbers, ...hyper }] of paramGroups.entries())
      Object.assign(this.paramGroups[i], hyper);
  }

  /** Frees gradients and state; parameters stay usable. */
  dispose(): void {
    for (const arena of this.arenas) arena.dispose();
    this.#hyperparameters.dispose();
  }
}
