import { rmsprop, rmspropRow } from '../../kernels/adaptiveOptimizers.ts';
import { withDefaults } from '../../platform/defaults.ts';
import type { Tensor } from '../../tensor/index.ts';
import { launch } from '../../tensor/launch.ts';
import type { Arena } from './arena.ts';
import { Optimizer, type ParamGroup } from './optimizer.ts';
import { checkNonNegative } from './options.ts';

/** Options of `RMSprop`. */
export interface RmspropOptions {
  lr: number;
  /** Decay of the mean of squares. */
  alpha: number;
  eps: number;
  weightDecay: number;
  momentum: number;
  /** Whether the mean gradient is taken from the squares: they estimate the variance then. */
  centered: boolean;
}

const defaults: RmspropOptions = {
  lr: 1e-2,
  alpha: 0.99,
  eps: 1e-8,
  weightDecay: 0,
  momentum: 0,
  centered: false,
};

/**
 * RMSprop (Hinton 2012, lecture 6e) with the formulas and defaults of PyTorch's `RMSprop`.
 * @example
 * const optimizer = new RMSprop(model.parameters(), { lr: 1e-3, momentum: 0.9 });
 */
export class RMSprop extends Optimizer<RmspropOptions> {
  readonly #states: Record<'squareAvg' | 'gradAvg' | 'velocity', Tensor>[] = [];

  constructor(
    params:
      | readonly Tensor[]
      | readonly (Partial<RmspropOptions> & { params: readonly Tensor[] })[],
    options: Partial<RmspropOptions> = {},
  ) {
    super(params, withDefaults(defaults, options), ({ lr, alpha, eps, weightDecay, momentum }) =>
      checkNonNegative({ lr, alpha, eps, weightDecay, momentum }),
    );
    this.addState(this.arenas);
  }

  protected override addState(arenas: readonly Arena[]): void {
    for (const arena of arenas)
      this.#states.push({
        squareAvg: arena.allocate(),
        gradAvg: arena.allocate(),
        velocity: arena.allocate(),
      });
  }

  protected override hyperparameterRow(group: ParamGroup<RmspropOptions>): number[] {
    return rmspropRow(group);
  }

  protected override launchUpdate(arena: Arena, hyper: Tensor, rows: number): void {
    const state = this.#states[this.arenas.indexOf(arena)];
    const { owners, grad, param, blocks } = arena;
    launch(rmsprop, { owners, hyper, grad, param, ...state }, { blocks, first: 0, rows });
  }

  protected override buffers(): Record<string, Tensor>[] {
    return this.#states.map(({ squareAvg, gradAvg, velocity }) => ({
      squareAvg,
      gradAvg,
      momentumBuffer: velocity,
    }));
  }

  override dispose(): void {
    super.dispose();
    for (const state of this.#states) for (const tensor of Object.values(state)) tensor.dispose();
  }
}
