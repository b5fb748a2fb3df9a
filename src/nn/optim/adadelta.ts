import { adadelta, adadeltaRow } from '../../kernels/adaptiveOptimizers.ts';
import { ArgumentError } from '../../platform/errors.ts';
import type { Tensor } from '../../tensor/index.ts';
import { launch } from '../../tensor/launch.ts';
import { KernelOptimizer, type UpdateBuffers, type UpdateSizes } from './kernelOptimizer.ts';
import type { ParamGroup } from './optimizer.ts';
import { checkNonNegative, withKnown } from './options.ts';

/** Options of `Adadelta`. */
export interface AdadeltaOptions {
  lr: number;
  /** Decay of the means of squares. */
  rho: number;
  eps: number;
  weightDecay: number;
}
type State = 'squareAvg' | 'accDelta';

/**
 * Adadelta (Zeiler 2012, arXiv 1212.5701) with the formulas and defaults of PyTorch's `Adadelta`.
 * @example
 * const optimizer = new Adadelta(model.parameters(), { lr: 1 });
 */
export class Adadelta extends KernelOptimizer<AdadeltaOptions, State> {
  constructor(
    params:
      | readonly Tensor[]
      | readonly (Partial<AdadeltaOptions> & { params: readonly Tensor[] })[],
    options: Partial<AdadeltaOptions> = {},
  ) {
    super(
      params,
      withKnown({ lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0 }, options),
      ({ lr, rho, eps, weightDecay }) => {
        checkNonNegative({ lr, rho, eps, weightDecay });
        if (rho > 1)
          throw new ArgumentError(`optimizer: \`rho\`: expected a number from 0 to 1, got ${rho}`);
      },
      ['squareAvg', 'accDelta'],
    );
  }

  protected override hyperparameterRow(group: ParamGroup<AdadeltaOptions>): number[] {
    return adadeltaRow(group);
  }

  protected override update(
    buffers: UpdateBuffers & Record<State, Tensor>,
    sizes: UpdateSizes,
  ): void {
    launch(adadelta, buffers, sizes);
  }
}
