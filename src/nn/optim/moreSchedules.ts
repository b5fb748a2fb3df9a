import { ArgumentError } from '../../platform/errors.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { checkOptions } from '../../platform/options.ts';
import {
  LRScheduler,
  type LrLambda,
  lambdaOfEach,
  type SchedulableOptimizer,
} from './schedules.ts';

/**
 * Multiplies the rate by a factor that depends on the step, at each step (PyTorch's
 * `MultiplicativeLR`): by one function, or by one for each group.
 * @example
 * const schedule = new MultiplicativeLR(optimizer, () => 0.95);
 */
export class MultiplicativeLR extends LRScheduler {
  readonly #lambdas: readonly LrLambda[];
  /** The product of a group's factors up to a step, so that a step costs one factor. */
  readonly #latest: { step: number; product: number }[];

  /** @throws ArgumentError unless there is a function, or one for each group. */
  constructor(optimizer: SchedulableOptimizer, lrLambda: LrLambda | readonly LrLambda[]) {
    super(optimizer);
    this.#lambdas = lambdaOfEach('MultiplicativeLR', optimizer, lrLambda);
    this.#latest = this.#lambdas.map(() => ({ step: 0, product: 1 }));
    this.apply();
  }

  protected lrAt(step: number, baseLr: number, group: number): number {
    const latest = this.#latest[group];
    let { step: at, product } = latest.step <= step ? latest : { step: 0, product: 1 };
    while (at < step) product *= this.#lambdas[group](++at);
    this.#latest[group] = { step, product };
    return baseLr * product;
  }
}

/** Options of `CyclicLR`. */
export interface CyclicOptions {
  /** Steps from the low rate to the high one. Default: 2000. */
  stepSizeUp?: number;
  /** Steps back. Default: as many as up. */
  stepSizeDown?: number;
  /**
   * Cycles of one height, each half as high as the one before, or by `gamma` to the power of the
   * step. Default: triangular.
   */
  mode?: 'triangular' | 'triangular2' | 'exp_range';
  /** Default: 1. */
  gamma?: number;
}

/**
 * Up and down between two rates along lines (Smith 2017, arXiv 1506.01186), PyTorch's `CyclicLR`.
 * The momentum stays as it is, as with PyTorch's `cycle_momentum=False`.
 * @example
 * const schedule = new CyclicLR(optimizer, 1e-4, 1e-2, { stepSizeUp: 500 });
 */
export class CyclicLR extends LRScheduler {
  readonly baseLr: number;
  readonly maxLr: number;
  readonly options: Required<CyclicOptions>;

  /** @throws ArgumentError unless `stepSizeUp` and `stepSizeDown` are > 0, and for another mode. */
  constructor(
    optimizer: SchedulableOptimizer,
    baseLr: number,
    maxLr: number,
    options: CyclicOptions = {},
  ) {
    super(optimizer);
    checkOptions('CyclicLR', options, ['stepSizeUp', 'stepSizeDown', 'mode', 'gamma']);
    const { stepSizeUp = 2000, stepSizeDown = stepSizeUp } = options;
    const { mode = 'triangular', gamma = 1 } = options;
    if (!(stepSizeUp > 0 && stepSizeDown > 0))
      throw new ArgumentError(
        'CyclicLR: expected `stepSizeUp` and `stepSizeDown` as numbers > 0, ' +
          `got ${stepSizeUp} and ${stepSizeDown}`,
      );
    requireOneOf(mode, ['triangular', 'triangular2', 'exp_range'], 'CyclicLR: `mode`');
    this.baseLr = baseLr;
    this.maxLr = maxLr;
    this.options = { stepSizeUp, stepSizeDown, mode, gamma };
    this.apply();
  }

  protected lrAt(step: number): number {
    const { stepSizeUp, stepSizeDown, mode, gamma } = this.options;
    const length = stepSizeUp + stepSizeDown;
    const at = step % length;
    const share = at <= stepSizeUp ? at / stepSizeUp : (length - at) / stepSizeDown;
    const scale = {
      triangular: 1,
      triangular2: 0.5 ** Math.floor(step / length),
      exp_range: gamma ** step,
    }[mode];
    return this.baseLr + (this.maxLr - this.baseLr) * share * scale;
  }
}

/**
 * Several schedules at once (PyTorch's `ChainedScheduler`): each changes the rate that those before
 * it give.
 * @example
 * const warmUp = new ConstantLR(optimizer, { factor: 0.1, totalIters: 2 });
 * const schedule = new ChainedScheduler([warmUp, new ExponentialLR(optimizer, 0.9)]);
 */
export class ChainedScheduler extends LRScheduler {
  readonly #schedulers: readonly LRScheduler[];

  /** @throws ArgumentError unless there are schedules, all of one optimiser. */
  constructor(schedulers: readonly LRScheduler[]) {
    const [first] = schedulers;
    if (!first || schedulers.some(({ optimizer }) => optimizer !== first.optimizer))
      throw new ArgumentError('ChainedScheduler: expected schedules of one optimizer');
    super(first.optimizer);
    this.#schedulers = schedulers;
    this.apply();
  }

  protected lrAt(step: number, baseLr: number, group: number): number {
    return LRScheduler.chainedLr(this.#schedulers, step, baseLr, group);
  }
}
