import { HYPER_SIZE } from '../../kernels/optimizers.ts';
import { withDefaults } from '../../platform/defaults.ts';
import { ArgumentError, StateError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { checkOptions } from '../../platform/options.ts';
import { guardGradient, guardValue, noteWrite } from '../../tensor/captureGuard.ts';
import { keep, noGrad, scope, Tensor, zeros } from '../../tensor/index.ts';
import { describe } from '../../tensor/print.ts';
import { type Arena, packArenas } from './arena.ts';
import { checkState, type OptimizerState, type StateValue } from './optimizerState.ts';
import { checkNonNegative, listParams } from './options.ts';

/**
 * Parameters that share hyperparameters. `lr` and the others may change between steps; schedules
 * set `initialLr`.
 */
export type ParamGroup<O> = O & { params: Tensor[]; initialLr?: number };

/**
 * Base of optimisers. It moves parameters into arenas and sends hyperparameters as one small table
 * in each step. A parameter without a gradient, such as a frozen one, stays as it is, and so does
 * its count of steps, as in PyTorch.
 *
 * An optimiser of plain operations overrides `step` and writes its parameters in `noGrad`; state of
 * its own belongs in a map by parameter, and into `stateDict` if it should be saved.
 *
 * A fused one is a kernel, such as those in `kernels/optimizers.ts`, and four methods:
 * - `hyperparameterRow`: what the kernel reads for a parameter at a step,
 * - `addState`: makes the state buffers of arenas; the constructor calls it with `this.arenas`,
 * - `launchUpdate`: launches the kernel on an arena, whose layout its state buffers share
 *   (`arena.allocate()`),
 * - `buffers`: the state buffers of each arena, for `stateDict`.
 * @example
 * class SignSGD extends Optimizer<{ lr: number }> {
 *   override step() {
 *     noGrad(() => {
 *       for (const { params, lr } of this.paramGroups)
 *         for (const p of params) if (p.grad) p.sub_(p.grad.sign().mul(lr));
 *     });
 *   }
 * }
 * const optimizer = new SignSGD(model.parameters(), { lr: 1e-3 });
 */
export abstract class Optimizer<O extends { lr: number }> {
  readonly paramGroups: ParamGroup<O>[] = [];
  protected readonly arenas: Arena[] = [];
  readonly #groupIndex = new Map<Tensor, number>();
  readonly #stepCounts = new Map<Tensor, number>();
  /** A row of hyperparameters for each parameter. */
  #hyperparameters!: Tensor;
  readonly #options: { defaults: O; check(options: O): void };

  /**
   * @param params tensors, or groups of them with hyperparameters of their own
   * @param defaults a value for each option; groups may have no others
   * @param check throws ArgumentError if an option is out of range; called for the defaults and for
   *   each group
   * @throws ArgumentError if there are no parameters or no list of them, or as `addParamGroup`.
   */
  constructor(
    params: readonly Tensor[] | readonly (Partial<O> & { params: readonly Tensor[] })[],
    defaults: O,
    check: (options: O) => void = ({ lr }) => checkNonNegative({ lr }),
  ) {
    const list = listParams<object>('optimizer', params);
    const groups = list.length > 0 && 'params' in list[0] ? list : [{ params: list }];
    this.#options = { defaults, check };
    check(defaults);
    this.#adopt(groups as (Partial<O> & { params: readonly Tensor[] })[]);
  }

  /**
   * Adds parameters with hyperparameters of their own, as PyTorch's `add_param_group`; options that
   * are not given are those of the optimiser. Schedules leave the group's rate as it is unless they
   * are made after it. Captured steps are traced again.
   * @throws ArgumentError if the group has no parameters, one occurs twice or is a result of
   *   operations, or an option is unknown or out of range.
   * @example
   * optimizer.addParamGroup({ params: head.parameters(), lr: 1e-3 });
   */
  addParamGroup(group: Partial<O> & { params: readonly Tensor[] }): void {
    this.addState(this.#adopt([group]));
  }

  #checkKnown(group: object): void {
    const known = [...Object.keys(this.#options.defaults), 'params', 'initialLr'];
    checkOptions('optimizer', group, known);
  }

  /** Takes groups in; returns their arenas. */
  #adopt(given: readonly (Partial<O> & { params: readonly Tensor[] })[]): Arena[] {
    const { defaults } = this.#options;
    for (const group of given) this.#checkKnown(group);
    const groups = given.map((group) => ({
      ...withDefaults(defaults, group),
      params: listParams('optimizer', group.params),
    }));
    for (const group of groups) this.#options.check(group);
    const params = groups.flatMap((group) => group.params);
    if (params.length === 0) throw new ArgumentError('optimizer: expected parameters, got none');
    const seen = new Set(this.#groupIndex.keys());
    for (const param of params) {
      if (!(param instanceof Tensor) || param.gradFn || param.dtype !== 'float32')
        throw new ArgumentError(
          'optimizer: expected parameters, which are float32 and no results of operations, ' +
            `got ${param instanceof Tensor ? describe(param) : formatValue(param)}`,
        );
      if (seen.has(param)) throw new ArgumentError(`optimizer: ${describe(param)} occurs twice`);
      seen.add(param);
    }
    const arenas = packArenas(params, this.#groupIndex.size);
    for (const group of groups) {
      const index = this.paramGroups.push(group) - 1;
      for (const param of group.params) this.#groupIndex.set(param, index);
    }
    this.arenas.push(...arenas);
    this.#hyperparameters?.dispose();
    this.#hyperparameters = keep(
      zeros([this.#groupIndex.size * HYPER_SIZE], { device: this.arenas[0].param.device }),
    );
    return arenas;
  }

  /**
   * The row of hyperparameters that the kernel reads for a parameter at its `step`-th step (from
   * 1): fewer than `HYPER_SIZE` numbers.
   */
  protected hyperparameterRow(_group: ParamGroup<O>, _step: number): number[] {
    throw new StateError(`${this.constructor.name}: expected a \`step\` of its own, got none`);
  }
  /** Makes the state buffers of these arenas. */
  protected addState(_arenas: readonly Arena[]): void {}
  /** Launches the kernel on an arena. `hyper`: [rows, HYPER_SIZE], a row for each parameter. */
  protected launchUpdate(_arena: Arena, _hyper: Tensor, _rows: number): void {}
  /** The state buffers of each arena, by PyTorch's names in camelCase. */
  protected buffers(): Record<string, Tensor>[] {
    return this.arenas.map(() => ({}));
  }

  /**
   * Updates every parameter that has a gradient, from `backward` or set by hand.
   * @param enabled a number on the device, [1]: where it is 0, parameters and state stay as they
   *   are, and only steps are counted; so a step of gradients that are not finite can be left out
   *   without waiting for them
   * @throws ArgumentError for anything else, such as PyTorch's closure.
   */
  step(enabled?: Tensor): void {
    if (enabled !== undefined && !(enabled instanceof Tensor))
      throw new ArgumentError(
        `optimizer.step: expected nothing or a tensor, got ${formatValue(enabled)}`,
      );
    // A step that was captured before a group came does not know it.
    guardValue(this, () => this.paramGroups.length);
    const active = new Set<Tensor>();
    for (const param of this.#groupIndex.keys()) {
      guardGradient(param, true);
      if (param.grad) active.add(param);
    }
    if (active.size === 0) return;
    for (const arena of this.arenas) scope(() => arena.copyInGradients());
    this.#hyperparameters.device.onReplay(
      () => {
        this.#advanceSteps(active, 1);
        this.#uploadHyperparameters(active);
      },
      () => this.#advanceSteps(active, -1),
    );
    // The last word of a row tells its kernel whether there is anything to do.
    if (enabled) noGrad(() => scope(() => void this.#hyperparameters.mul_(enabled)));
    for (const arena of this.arenas) {
      scope(() => this.launchUpdate(arena, this.#hyperparameters, this.#groupIndex.size));
      noteWrite(arena.param, 'optimizer.step');
    }
  }

  #advanceSteps(active: ReadonlySet<Tensor>, steps: number): void {
    for (const param of active)
      this.#stepCounts.set(param, (this.#stepCounts.get(param) ?? 0) + steps);
  }

  /** Sends a row for each parameter; a row of zeros leaves its parameter as it is. */
  #uploadHyperparameters(active: ReadonlySet<Tensor>): void {
    const table = new Float32Array(this.#hyperparameters.size);
    let at = 0;
    let latest: { group: number; step: number; row: number[] } | undefined;
    for (const [param, group] of this.#groupIndex) {
      if (active.has(param)) {
        const step = this.#stepCounts.get(param)!;
        // Neighbours mostly share a row.
        if (latest?.group !== group || latest.step !== step)
          latest = { group, step, row: this.hyperparameterRow(this.paramGroups[group], step) };
        table.set(latest.row, at);
        table[at + HYPER_SIZE - 1] = 1;
      }
      at += HYPER_SIZE;
    }
    this.#hyperparameters.copy_(table);
  }

  /** Drops the gradients; the next backward overwrites them. */
  zeroGrad(): void {
    guardValue(this, () => this.paramGroups.length);
    for (const param of this.#groupIndex.keys()) {
      param.grad?.dispose();
      param.grad = null;
    }
  }

  /** The current state. Its tensors are views: later steps change them. */
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
   * Continues from a state: of `stateDict`, or with the numbers of each tensor on the host.
   * @throws ArgumentError, with nothing changed, if its groups, parameters or buffers differ from
   *   those here, or an option is unknown or out of range.
   */
  loadStateDict(given: OptimizerState<O, StateValue>): void {
    const own = this.stateDict();
    checkState(given, own);
    const { state, paramGroups } = given;
    const hypers = paramGroups.map(({ params: _numbers, ...hyper }) => hyper);
    for (const [i, hyper] of hypers.entries()) {
      this.#checkKnown(hyper);
      this.#options.check({ ...this.paramGroups[i], ...hyper });
    }
    const params = [...this.#groupIndex.keys()];
    for (const [i, { buffers }] of own.state.entries()) {
      this.#stepCounts.set(params[i], state[i].step);
      for (const [name, tensor] of Object.entries(buffers)) {
        const value = state[i].buffers[name];
        tensor.copy_(value instanceof Tensor ? value : value.data);
      }
    }
    for (const [i, hyper] of hypers.entries()) Object.assign(this.paramGroups[i], hyper);
  }

  /** Frees gradients and state; parameters stay usable. */
  dispose(): void {
    for (const arena of this.arenas) arena.dispose();
    this.#hyperparameters.dispose();
  }
}
