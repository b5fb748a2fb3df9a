import { checkOptions } from '../platform/options.ts';
import {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  huberLoss,
  klDiv,
  l1Loss,
  mseLoss,
  nllLoss,
  type Reduction,
  smoothL1Loss,
  type Tensor,
} from '../tensor/index.ts';
import { Module } from './module.ts';

/**
 * A loss with options that stay the same. `options` are those of the function of the same name,
 * such as `crossEntropy` for `CrossEntropyLoss`.
 */
export abstract class Loss<Options extends object> extends Module {
  readonly options: Readonly<Options>;

  /** Names of the options. */
  protected static readonly known: readonly string[];

  /** @throws ArgumentError for an unknown option. */
  constructor(options: Options = {} as Options) {
    super();
    checkOptions(new.target.name, options, new.target.known);
    this.options = options;
  }
}

/**
 * `crossEntropy` as a module.
 * @example
 * const criterion = new nn.CrossEntropyLoss();
 * const loss = criterion.forward(logits, labels);
 */
export class CrossEntropyLoss extends Loss<CrossEntropyOptions> {
  protected static override readonly known = [
    'reduction',
    'ignoreIndex',
    'labelSmoothing',
    'weight',
  ];

  /** logits: [rows, classes, …], labels: [rows, …] (int32), or probabilities. */
  forward(logits: Tensor, labels: Tensor): Tensor {
    return crossEntropy(logits, labels, this.options);
  }
}

/**
 * `nllLoss` as a module.
 * @example
 * const criterion = new nn.NLLLoss();
 * const loss = criterion.forward(logProbabilities, labels);
 */
export class NLLLoss extends Loss<Omit<CrossEntropyOptions, 'labelSmoothing'>> {
  protected static override readonly known = ['reduction', 'ignoreIndex', 'weight'];

  /** logProbs: [rows, classes, …], labels: [rows, …] (int32). */
  forward(logProbs: Tensor, labels: Tensor): Tensor {
    return nllLoss(logProbs, labels, this.options);
  }
}

/**
 * `binaryCrossEntropyWithLogits` as a module.
 * @example
 * const criterion = new nn.BCEWithLogitsLoss();
 * const loss = criterion.forward(logits, targets);
 */
export class BCEWithLogitsLoss extends Loss<{
  reduction?: Reduction;
  weight?: Tensor | null;
  posWeight?: Tensor | null;
}> {
  protected static override readonly known = ['reduction', 'weight', 'posWeight'];

  /** logits, targets: one shape. */
  forward(logits: Tensor, targets: Tensor): Tensor {
    return binaryCrossEntropyWithLogits(logits, targets, this.options);
  }
}

/**
 * `binaryCrossEntropy` of probabilities, as a module.
 * @example
 * const criterion = new nn.BCELoss();
 * const loss = criterion.forward(probabilities, targets);
 */
export class BCELoss extends Loss<{ reduction?: Reduction; weight?: Tensor | null }> {
  protected static override readonly known = ['reduction', 'weight'];

  /** probabilities, targets: one shape. */
  forward(probabilities: Tensor, targets: Tensor): Tensor {
    return binaryCrossEntropy(probabilities, targets, this.options);
  }
}

/**
 * `mseLoss` as a module.
 * @example
 * const criterion = new nn.MSELoss();
 * const loss = criterion.forward(predictions, targets);
 */
export class MSELoss extends Loss<{ reduction?: Reduction }> {
  protected static override readonly known = ['reduction'];

  forward(x: Tensor, y: Tensor): Tensor {
    return mseLoss(x, y, this.options.reduction);
  }
}

/**
 * `l1Loss` as a module.
 * @example
 * const criterion = new nn.L1Loss();
 * const loss = criterion.forward(predictions, targets);
 */
export class L1Loss extends Loss<{ reduction?: Reduction }> {
  protected static override readonly known = ['reduction'];

  forward(x: Tensor, y: Tensor): Tensor {
    return l1Loss(x, y, this.options.reduction);
  }
}

/**
 * `smoothL1Loss` as a module.
 * @example
 * const criterion = new nn.SmoothL1Loss();
 * const loss = criterion.forward(predictions, targets);
 */
export class SmoothL1Loss extends Loss<{ reduction?: Reduction; beta?: number }> {
  protected static override readonly known = ['reduction', 'beta'];

  forward(x: Tensor, y: Tensor): Tensor {
    return smoothL1Loss(x, y, this.options);
  }
}

/**
 * `huberLoss` as a module.
 * @example
 * const criterion = new nn.HuberLoss();
 * const loss = criterion.forward(predictions, targets);
 */
export class HuberLoss extends Loss<{ reduction?: Reduction; delta?: number }> {
  protected static override readonly known = ['reduction', 'delta'];

  forward(x: Tensor, y: Tensor): Tensor {
    return huberLoss(x, y, this.options);
  }
}

/**
 * `klDiv` as a module.
 * @example
 * const criterion = new nn.KLDivLoss();
 * const loss = criterion.forward(logProbabilities, probabilities);
 */
export class KLDivLoss extends Loss<{ reduction?: Reduction | 'batchmean'; logTarget?: boolean }> {
  protected static override readonly known = ['reduction', 'logTarget'];

  /** logQ: log-probabilities, target: probabilities of the same shape. */
  forward(logQ: Tensor, target: Tensor): Tensor {
    return klDiv(logQ, target, this.options);
  }
}
