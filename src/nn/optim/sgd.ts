import { sgd, sgdRow } from '../../kernels/optimizers.ts';
import { ArgumentError } from '../../platform/errors.ts';
import type { Tensor } from '../../tensor/index.ts';
import { launch } from '../../tensor/launch.ts';
import type { Arena } from './arena.ts';
import { Optimizer, type ParamGroup } from './optimizer.ts';
import { checkNonNegative, withKnown } from './options.ts';

/** Options of `SGD`. */
export interface SgdOptions {
  lr: number;
  momentum: number;
  dampening: number;
  weightDecay: number;
  nesterov: boolean;
}

const defaults: SgdOptions = {
  lr: 1e-3,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
};

function checkOptions({ lr, momentum, dampening, weightDecay, nesterov }: SgdOptions): void {
  checkNonNegative({ lr, momentum, weightDecay });
  if (nesterov && (momentum === 0 || dampening !== 0))
    throw new ArgumentError(
      'optimizer: `nesterov`: expected `momentum` > 0 and `dampening` 0, ' +
        `got ${momentum} and ${dampening}`,
    );
}

/**
 * Stochastic gradient descent with momentum, with the formulas of PyTorch's `SGD`.
 * @example
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
 */
export class SGD extends Optimizer<SgdOptions> {
  readonly #velocities: Tensor[] = [];

  constructor(
    params: readonly Tensor[] | readonly (Partial<SgdOptions> & { params: readonly Tensor[] })[],
    options: Partial<SgdOptions> = {},
  ) {
    super(params, withKnown(defaults, options), checkOptions);
    this.addState(this.arenas);
  }

  protected override addState(arenas: readonly Arena[]): void {
    this.#velocities.push(...arenas.map((arena) => arena.allocate()));
  }

  protected override hyperparameterRow(group: ParamGroup<SgdOptions>, step: number): number[] {
    return sgdRow(group, step);
  }

  protected override launchUpdate(arena: Arena, hyper: Tensor, rows: number): void {
    const velocity = this.#velocities[this.arenas.indexOf(arena)];
    const { owners, grad, param, blocks } = arena;
    launch(sgd, { owners, hyper, grad, param, velocity }, { blocks, first: 0, rows });
  }

  protected override buffers(): Record<string, Tensor>[] {
    return this.#velocities.map((momentumBuffer) => ({ momentumBuffer }));
  }

  override dispose(): void {
    super.dispose();
    for (const tensor of this.#velocities) tensor.dispose();
  }
}
