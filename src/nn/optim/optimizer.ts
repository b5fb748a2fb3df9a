import { HYPER } from '../../kernels/optimizers.ts';
import { keep, scope, type Tensor, zeros } from '../../tensor/index.ts';
import { type Arena, packArenas } from './arena.ts';

/** Parameters that share hyperparameters; `lr` and the others may be changed between steps. */
export type ParamGroup<O> = O & { params: Tensor[] };

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

  /** Updates every parameter that has a gradient. */
  step(): void {
    const active = this.arenas.map(({ params }) => params.map((param) => param.grad !== null));
    if (!active.flat().includes(true)) return;
    this.arenas[0].param.device.eachStep(() => this.#advance(active));
    for (const arena of this.arenas) scope(() => this.launch(arena, this.#hyper, this.#hyper.size / HYPER));
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

  /** Frees gradients and state; parameters stay usable. */
  dispose(): void {
    for (const arena of this.arenas) arena.dispose();
    this.#hyper.dispose();
  }
}
