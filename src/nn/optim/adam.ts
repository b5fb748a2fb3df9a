import { adam, adamAmsgrad, adamRow } from '../../kernels/optimizers.ts';
import { withDefaults } from '../../platform/defaults.ts';
import { ArgumentError } from '../../platform/errors.ts';
import type { Tensor } from '../../tensor/index.ts';
import { launch } from '../../tensor/launch.ts';
import type { Arena } from './arena.ts';
import { Optimizer, type ParamGroup } from './optimizer.ts';
import { checkBetas, checkNonNegative, withKnown } from './options.ts';

/** Options of `Adam` and `AdamW`. */
export interface AdamOptions {
  lr: number;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
  amsgrad: boolean;
}
type ParamsOrGroups =
  | readonly Tensor[]
  | readonly (Partial<AdamOptions> & { params: readonly Tensor[] })[];

const defaults: AdamOptions = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
};

function checkOptions(
  { lr, betas, eps, weightDecay, amsgrad }: AdamOptions,
  resolved: AdamOptions,
): void {
  checkNonNegative({ lr, eps, weightDecay });
  checkBetas(betas);
  if (amsgrad !== resolved.amsgrad)
    throw new ArgumentError(
      'optimizer: `amsgrad` applies to the whole optimizer: pass it in the options, not per group',
    );
}

/**
 * Adam (Kingma & Ba 2015, arXiv 1412.6980) with PyTorch's defaults. `weightDecay` times the
 * parameter is added to the gradient (L2). `amsgrad`: Reddi, Kale & Kumar 2018.
 * @example
 * const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
 * loss.backward();
 * optimizer.step();
 * optimizer.zeroGrad();
 */
export class Adam extends Optimizer<AdamOptions> {
  readonly #states: { m: Tensor; v: Tensor; vMax?: Tensor }[] = [];
  readonly #amsgrad: boolean;
  protected decoupledWeightDecay = false;

  constructor(params: ParamsOrGroups, options: Partial<AdamOptions> = {}) {
    const resolved = withKnown(defaults, options);
    super(params, resolved, (group) => checkOptions(group, resolved));
    this.#amsgrad = resolved.amsgrad;
    this.addState(this.arenas);
  }

  protected override addState(arenas: readonly Arena[]): void {
    for (const arena of arenas)
      this.#states.push({
        m: arena.allocate(),
        v: arena.allocate(),
        ...(this.#amsgrad && { vMax: arena.allocate() }),
      });
  }

  protected override hyperparameterRow(group: ParamGroup<AdamOptions>, step: number): number[] {
    return adamRow(group, step, this.decoupledWeightDecay);
  }

  protected override launchUpdate(arena: Arena, hyper: Tensor, rows: number): void {
    const { m, v, vMax } = this.#states[this.arenas.indexOf(arena)];
    const { owners, grad, param, blocks } = arena;
    const buffers = { owners, hyper, grad, param, m, v };
    if (vMax) launch(adamAmsgrad, { ...buffers, vMax }, { blocks, first: 0, rows });
    else launch(adam, buffers, { blocks, first: 0, rows });
  }

  protected override buffers(): Record<string, Tensor>[] {
    return this.#states.map(({ m, v, vMax }) => ({
      expAvg: m,
      expAvgSq: v,
      ...(vMax && { maxExpAvgSq: vMax }),
    }));
  }

  override dispose(): void {
    super.dispose();
    for (const state of this.#states) for (const tensor of Object.values(state)) tensor.dispose();
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101): in each step,
 * parameters shrink by the factor 1 - lr · weightDecay. Default `weightDecay`: 0.01.
 * @example
 * const optimizer = new AdamW(model.parameters(), { lr: 5e-5, weightDecay: 0.01 });
 * loss.backward();
 * optimizer.step();
 * optimizer.zeroGrad();
 */
export class AdamW extends Adam {
  protected override decoupledWeightDecay = true;

  constructor(params: ParamsOrGroups, options: Partial<AdamOptions> = {}) {
    super(params, withDefaults({ weightDecay: 0.01 }, options));
  }
}
