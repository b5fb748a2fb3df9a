import { adagrad, adagradRow } from '../../kernels/adaptiveOptimizers.ts';
import { noGrad, scope, type Tensor } from '../../tensor/index.ts';
import { launch } from '../../tensor/launch.ts';
import type { Arena } from './arena.ts';
import { Optimizer, type ParamGroup } from './optimizer.ts';
import { checkNonNegative, withKnown } from './options.ts';

/** Options of `Adagrad`. */
export interface AdagradOptions {
  lr: number;
  /** The rate at step t is lr / (1 + (t - 1) lrDecay). */
  lrDecay: number;
  weightDecay: number;
  /** What the sums of squares start from. */
  initialAccumulatorValue: number;
  eps: number;
}

const defaults: AdagradOptions = {
  lr: 1e-2,
  lrDecay: 0,
  weightDecay: 0,
  initialAccumulatorValue: 0,
  eps: 1e-10,
};

/**
 * Adagrad (Duchi, Hazan & Singer 2011) with the formulas and defaults of PyTorch's `Adagrad`.
 * @example
 * const optimizer = new Adagrad(model.parameters(), { lr: 0.1 });
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  readonly #sums: Tensor[] = [];

  constructor(
    params:
      | readonly Tensor[]
      | readonly (Partial<AdagradOptions> & { params: readonly Tensor[] })[],
    options: Partial<AdagradOptions> = {},
  ) {
    super(
      params,
      withKnown(defaults, options),
      ({ lr, lrDecay, weightDecay, initialAccumulatorValue, eps }) =>
        checkNonNegative({ lr, lrDecay, weightDecay, initialAccumulatorValue, eps }),
    );
    this.addState(this.arenas);
  }

  protected override addState(arenas: readonly Arena[]): void {
    for (const arena of arenas) {
      const sum = arena.allocate();
      this.#sums.push(sum);
      const startAt = (param: Tensor, value: number) =>
        noGrad(() => scope(() => void arena.part(sum, param).fill_(value)));
      for (const { params, initialAccumulatorValue } of this.paramGroups)
        for (const param of params)
          if (initialAccumulatorValue > 0 && arena.params.includes(param))
            startAt(param, initialAccumulatorValue);
    }
  }

  protected override hyperparameterRow(group: ParamGroup<AdagradOptions>, step: number): number[] {
    return adagradRow(group, step);
  }

  protected override launchUpdate(arena: Arena, hyper: Tensor, rows: number): void {
    const sum = this.#sums[this.arenas.indexOf(arena)];
    const { owners, grad, param, blocks } = arena;
    launch(adagrad, { owners, hyper, grad, param, sum }, { blocks, first: 0, rows });
  }

  protected override buffers(): Record<string, Tensor>[] {
    return this.#sums.map((sum) => ({ sum }));
  }

  override dispose(): void {
    super.dispose();
    for (const tensor of this.#sums) tensor.dispose();
  }
}
