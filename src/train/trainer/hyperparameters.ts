import type { Module } from '../../nn/index.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { checkKeys } from '../../platform/usage.ts';
import { type Reduction, reductionNames } from '../distributed/exchange.ts';
import { getWorldSize } from '../distributed/processGroup.ts';
import type { Metric } from '../tasks/metric.ts';
import type { LossOptions } from './trainingLoss.ts';

/** Schedules of the learning rate (Hugging Face's `lr_scheduler_type`). */
export const lrSchedulerNames = ['linear', 'cosine', 'constant', 'polynomial'] as const;

export type LrSchedulerName = (typeof lrSchedulerNames)[number];

/** What becomes of a step that is not finite. */
export const onNanNames = ['stop', 'skip'] as const;

export type OnNan = (typeof onNanNames)[number];

/** Where a polynomial schedule ends, as in Hugging Face. */
const POLYNOMIAL_END = 1e-7;

/** How the weights move, in fine-tuning and in pre-training. */
export interface Hyperparameters {
  /** Highest learning rate: it rises to it during warm-up, then follows `lrScheduler`. */
  learningRate: number;
  /**
   * How it goes on after the warm-up: down to 0 in a line (the default) or half a cosine, down to
   * 1e-7 along a polynomial of degree 1, or constant.
   */
  lrScheduler?: LrSchedulerName;
  /** Share of the steps used for warm-up, 0 to 1; their number is rounded up. */
  warmupRatio: number;
  /** Number of the steps used for warm-up; takes the place of `warmupRatio`. */
  warmupSteps?: number;
  /**
   * Parts of an optimizer step's batch: a step sees this many times `batchSize` examples, and its
   * loss is the mean over all of their labels. Default: the number of processes that train
   * together, which share the parts; their number does not change the results.
   */
  gradientAccumulationSteps?: number;
  /**
   * How several processes add up their gradients: `tree` (the default), in an order that gives the
   * same bits whatever their number, or `fast`, in the order of the MPI library.
   */
  reduction?: Reduction;
  /** Decoupled weight decay, on all parameters except biases and LayerNorm. */
  weightDecay: number;
  /** All gradients together are clipped to this norm. */
  maxGradNorm: number;
  /** Keeps only the inputs of each layer and computes the rest again: same bits, less memory. */
  gradientCheckpointing?: boolean;
  /**
   * What becomes of a step whose loss or gradients are not finite: `stop` (the default), or `skip`,
   * which leaves its update out, at most ten times in a row.
   */
  onNan?: OnNan;
  /** Looks at the result and the gradients of each operation, which is slow (`detectAnomaly`). */
  detectAnomaly?: boolean;
  /** Seed of the order of the data, of dropout and of whatever else is random. */
  seed: number;
}

/** Hyperparameters of fine-tuning. */
export interface FitOptions extends Hyperparameters, LossOptions {
  epochs: number;
  /** Stops after this many steps, however many epochs these are (Hugging Face's `max_steps`). */
  maxSteps?: number;
  batchSize: number;
  /** Steps between evaluations. Default: an epoch. */
  evalEvery?: number;
  /**
   * The validation metric to watch: one of the task's monitored ones (default: the first), or
   * `loss`.
   */
  metric?: Metric;
  /** Evaluations without a better validation metric before training stops. */
  patience: number;
  /** Factor of the learning rate from a layer to the one below it, above 0 to 1. Default 1. */
  layerDecay?: number;
  /** Batches of texts of similar length: less padding. */
  groupByLength: boolean;
  /** Steps between checkpoints. Default: one after each epoch. */
  saveEvery?: number;
  /**
   * Steps between the hashes of the weights that checkpoints and `onHash` are given. Default: none;
   * in `fineTune`, `saveEvery`.
   */
  hashEvery?: number;
}

/** The compiler sees to it that none is missing. */
const fitOptions = Object.keys({
  ...{ learningRate: 1, lrScheduler: 1, warmupRatio: 1, warmupSteps: 1, weightDecay: 1 },
  ...{ gradientAccumulationSteps: 1, reduction: 1, maxGradNorm: 1, gradientCheckpointing: 1 },
  ...{ onNan: 1, detectAnomaly: 1, seed: 1, epochs: 1, maxSteps: 1, batchSize: 1, evalEvery: 1 },
  ...{ metric: 1, patience: 1, layerDecay: 1, groupByLength: 1, saveEvery: 1, hashEvery: 1 },
  ...{ labelSmoothing: 1, classWeights: 1, focalLoss: 1, loss: 1 },
} satisfies Record<keyof FitOptions, 1>);

/** Those of settings that `fit` takes. */
export const fitOptionsOf = <T extends FitOptions>(settings: T): FitOptions =>
  Object.fromEntries(
    Object.entries(settings).filter(([name]) => fitOptions.includes(name)),
  ) as unknown as FitOptions;

/** @throws UsageError for an option that `fit` does not have. */
export const checkFitOptions = (options: object): void =>
  checkKeys(options, fitOptions, 'option of fit');

/** @throws UsageError if a value is out of range; names the field. */
export function checkHyperparameters(options: Hyperparameters): void {
  const { learningRate, warmupRatio, weightDecay, maxGradNorm } = options;
  const { lrScheduler = 'linear', warmupSteps: steps = 0, onNan = 'stop' } = options;
  const { reduction = 'tree' } = options;
  const check = (name: keyof Hyperparameters, isValid: boolean, expected: string) => {
    if (!isValid)
      throw new UsageError(`\`${name}\`: expected ${expected}, got ${formatValue(options[name])}`);
  };
  check(
    'learningRate',
    Number.isFinite(learningRate) && learningRate > 0,
    'a finite number above 0',
  );
  check(
    'lrScheduler',
    lrSchedulerNames.includes(lrScheduler),
    `one of ${lrSchedulerNames.join(', ')}`,
  );
  check(
    'learningRate',
    lrScheduler !== 'polynomial' || learningRate > POLYNOMIAL_END,
    `a number above ${POLYNOMIAL_END}, where a polynomial schedule ends`,
  );
  check('warmupSteps', Number.isInteger(steps) && steps >= 0, 'an integer of at least 0');
  check('warmupRatio', warmupRatio >= 0 && warmupRatio <= 1, 'a number from 0 to 1');
  check(
    'weightDecay',
    Number.isFinite(weightDecay) && weightDecay >= 0,
    'a finite number of at least 0',
  );
  check('onNan', onNanNames.includes(onNan), `one of ${onNanNames.join(', ')}`);
  check('maxGradNorm', maxGradNorm > 0, 'a number above 0');
  check('reduction', reductionNames.includes(reduction), `one of ${reductionNames.join(', ')}`);
  const { gradientAccumulationSteps: parts = getWorldSize() } = options;
  checkCount('gradientAccumulationSteps', parts);
  check(
    'gradientAccumulationSteps',
    parts >= getWorldSize(),
    `at least ${getWorldSize()}, a part of each batch for each process`,
  );
  check('seed', Number.isSafeInteger(options.seed), 'an integer');
}

/** @throws UsageError if a count of epochs, steps and the like is not an integer ≥ 1. */
export function checkCount(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`\`${name}\`: expected an integer of at least 1, got ${value}`);
}

/** Examples that an optimizer step sees. */
export const examplesPerStep = ({
  batchSize,
  gradientAccumulationSteps = getWorldSize(),
}: Pick<FitOptions, 'batchSize' | 'gradientAccumulationSteps'>): number =>
  batchSize * gradientAccumulationSteps;

/** Steps in which the learning rate rises for a share, as Hugging Face's `get_warmup_steps`. */
export const warmupSteps = (totalSteps: number, warmupRatio: number): number =>
  Math.ceil(totalSteps * warmupRatio);

/** Names of what does not decay; recurrent layers have `bias_ih_l0` and `bias_hh_l0_reverse`. */
const exempt = /(bias|bias_[ih]h_l\d+(_reverse)?|LayerNorm\.weight)$/;

/**
 * Parameter groups for AdamW: no decay on biases and LayerNorm, as in BERT's own fine-tuning
 * (Devlin et al. 2019). Frozen parameters are in neither group.
 */
export function weightDecayGroups(model: Module, weightDecay: number) {
  const isExempt = (name: string) => exempt.test(name);
  const named = model.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
  const group = (exempt: boolean) =>
    named.filter(([name]) => isExempt(name) === exempt).map(([, parameter]) => parameter);
  return [
    { params: group(false), weightDecay },
    { params: group(true), weightDecay: 0 },
  ];
}
