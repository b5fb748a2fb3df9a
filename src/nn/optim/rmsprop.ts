import { rmsprop, rmspropRow } from '../../kernels/adaptiveOptimizers.ts';
import type { Tensor } from '../../tensor/index.ts';
import { launch } from '../../tensor/launch.ts';
import { KernelOptimizer, type UpdateBuffers, type UpdateSizes } from './kernelOptimizer.ts';
import type { ParamGroup } from './optimizer.ts';
import { checkNonNegative, withKnown } from './options.ts';

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

type State = 'squareAvg' | 'gradAvg' | 'momentumBuffer';

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
export class RMSprop extends KernelOptimizer<RmspropOptions, State> {
  constructor(
    params:
      | readonly Tensor[]
      | readonly (Partial<RmspropOptions> & { params: readonly Tensor[] })[],
    options: Partial<RmspropOptions> = {},
  ) {
    super(
      params,
      withKnown(defaults, options),
      ({ lr, alpha, eps, weightDecay, momentum }) =>
        checkNonNegative({ lr, alpha, eps, weightDecay, momentum }),
      ['squareAvg', 'gradAvg', 'momentumBuffer'],
    );
  }

  protected override hyperparameterRow(group: ParamGroup<RmspropOptions>): number[] {
    return rmspropRow(group);
  }

  protected override update(
    { momentumBuffer, ...buffers }: UpdateBuffers & Record<State, Tensor>,
    sizes: UpdateSizes,
  ): void {
    launch(rmsprop, { ...buffers, velocity: momentumBuffer }, sizes);
  }
}
