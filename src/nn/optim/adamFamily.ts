import {
  adamax,
  adamaxRow,
  lion,
  lionRow,
  nadam,
  nadamRow,
  radam,
  radamRow,
} from '../../kernels/adamFamily.ts';
import type { Tensor } from '../../tensor/index.ts';
import { launch } from '../../tensor/launch.ts';
import { KernelOptimizer, type UpdateBuffers, type UpdateSizes } from './kernelOptimizer.ts';
import type { ParamGroup } from './optimizer.ts';
import { checkBetas, checkNonNegative, withKnown } from './options.ts';

type ParamsOrGroups<O> =
  | readonly Tensor[]
  | readonly (Partial<O> & { params: readonly Tensor[] })[];
type Buffers<S extends string> = UpdateBuffers & Record<S, Tensor>;

/** Options of `Adamax`, and those that its relatives share. */
export interface AdamaxOptions {
  lr: number;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
}
/** Options of `RAdam`. */
export interface RAdamOptions extends AdamaxOptions {
  /** Whether `weightDecay` shrinks the parameters as in `AdamW`, instead of L2. Default: false. */
  decoupledWeightDecay: boolean;
}
/** Options of `NAdam`. */
export interface NAdamOptions extends RAdamOptions {
  /** How fast the momentum grows. Default: 4e-3. */
  momentumDecay: number;
}
/** Options of `Lion`. */
export type LionOptions = Omit<AdamaxOptions, 'eps'>;

const defaults = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 } as const;

function check({ lr, betas, eps, weightDecay }: AdamaxOptions): void {
  checkNonNegative({ lr, eps, weightDecay });
  checkBetas(betas);
}

/**
 * Adam with Nesterov's momentum (Dozat 2016), with the formulas and defaults of PyTorch's `NAdam`.
 * @example
 * const optimizer = new NAdam(model.parameters(), { lr: 2e-3 });
 */
export class NAdam extends KernelOptimizer<NAdamOptions, 'expAvg' | 'expAvgSq'> {
  constructor(params: ParamsOrGroups<NAdamOptions>, options: Partial<NAdamOptions> = {}) {
    const own = { ...defaults, lr: 2e-3, momentumDecay: 4e-3, decoupledWeightDecay: false };
    super(
      params,
      withKnown(own, options),
      (group) => {
        check(group);
        checkNonNegative({ momentumDecay: group.momentumDecay });
      },
      ['expAvg', 'expAvgSq'],
    );
  }

  protected override hyperparameterRow(group: ParamGroup<NAdamOptions>, step: number): number[] {
    return nadamRow(group, step);
  }

  protected override update(buffers: Buffers<'expAvg' | 'expAvgSq'>, sizes: UpdateSizes): void {
    launch(nadam, buffers, sizes);
  }
}

/**
 * Adam with a rectified variance, which needs no warm-up (Liu et al. 2020, arXiv 1908.03265), with
 * the formulas and defaults of PyTorch's `RAdam`.
 * @example
 * const optimizer = new RAdam(model.parameters(), { lr: 1e-3 });
 */
export class RAdam extends KernelOptimizer<RAdamOptions, 'expAvg' | 'expAvgSq'> {
  constructor(params: ParamsOrGroups<RAdamOptions>, options: Partial<RAdamOptions> = {}) {
    const own = { ...defaults, lr: 1e-3, decoupledWeightDecay: false };
    super(params, withKnown(own, options), check, ['expAvg', 'expAvgSq']);
  }

  protected override hyperparameterRow(group: ParamGroup<RAdamOptions>, step: number): number[] {
    return radamRow(group, step);
  }

  protected override update(buffers: Buffers<'expAvg' | 'expAvgSq'>, sizes: UpdateSizes): void {
    launch(radam, buffers, sizes);
  }
}

/**
 * Adam by the largest gradient instead of the mean square (Kingma & Ba 2015, arXiv 1412.6980,
 * §7.1), with the formulas and defaults of PyTorch's `Adamax`.
 * @example
 * const optimizer = new Adamax(model.parameters(), { lr: 2e-3 });
 */
export class Adamax extends KernelOptimizer<AdamaxOptions, 'expAvg' | 'expInf'> {
  constructor(params: ParamsOrGroups<AdamaxOptions>, options: Partial<AdamaxOptions> = {}) {
    const own = { ...defaults, lr: 2e-3 };
    super(params, withKnown(own, options), check, ['expAvg', 'expInf']);
  }

  protected override hyperparameterRow(group: ParamGroup<AdamaxOptions>, step: number): number[] {
    return adamaxRow(group, step);
  }

  protected override update(buffers: Buffers<'expAvg' | 'expInf'>, sizes: UpdateSizes): void {
    launch(adamax, buffers, sizes);
  }
}

/**
 * Steps by the sign of the momentum, of one size for all elements, with decoupled weight decay
 * (Chen et al. 2023, arXiv 2302.06675, algorithm 2). Rates of 1/3 to 1/10 of AdamW's suit it, with
 * as many times its weight decay. Not in PyTorch.
 * @example
 * const optimizer = new Lion(model.parameters(), { lr: 1e-5, weightDecay: 0.1 });
 */
export class Lion extends KernelOptimizer<LionOptions, 'expAvg'> {
  constructor(params: ParamsOrGroups<LionOptions>, options: Partial<LionOptions> = {}) {
    const own = { lr: 1e-4, betas: [0.9, 0.99], weightDecay: 0 } as const;
    super(
      params,
      withKnown<LionOptions, Partial<LionOptions>>(own, options),
      ({ lr, betas, weightDecay }) => {
        checkNonNegative({ lr, weightDecay });
        checkBetas(betas);
      },
      ['expAvg'],
    );
  }

  protected override hyperparameterRow(group: ParamGroup<LionOptions>): number[] {
    return lionRow(group);
  }

  protected override update(buffers: Buffers<'expAvg'>, sizes: UpdateSizes): void {
    launch(lion, buffers, sizes);
  }
}
