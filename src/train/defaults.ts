/**
 * Defaults of the recipes and the names that their options take, for programs that show them
 * without the engine: this file loads nothing else.
 */
import type { TaskName } from '../bert/registry.ts';
import type { loraDefaults } from '../nn/lora/loraConfig.ts';
import type { FeatureOptions } from './pipelines/featureExtraction.ts';
import type { Objective } from './pretraining/objective.ts';
import type { PretrainOptions } from './pretraining/pretrainOptions.ts';
import type { FitOptions } from './trainer/hyperparameters.ts';

/** The tasks of the registry. */
export const taskNames = [
  'classification',
  'multi-label',
  'regression',
  'token-classification',
  'question-answering',
  'multiple-choice',
  'similarity',
] as const satisfies readonly TaskName[];

/** The objectives of the registry that pre-train BERT. */
export const objectiveNames = ['mlm', 'nsp', 'mlm+nsp'] as const satisfies readonly Objective[];

/** Batch 32, 3 epochs, and Hugging Face's defaults for the rest. */
export const fitDefaults = {
  epochs: 3,
  batchSize: 32,
  learningRate: 5e-5,
  warmupRatio: 0.1,
  weightDecay: 0.01,
  maxGradNorm: 1,
  patience: 2,
  groupByLength: false,
  seed: 42,
} as const satisfies FitOptions;

/** One checkpoint more than is needed, for when one is damaged. */
const checkpointDefaults = { keep: 2 } as const;

/** Defaults of an adapter, where one is asked for: those of `LoraConfig`. */
export const loraOptionDefaults = {
  loraAlpha: 8,
  loraDropout: 0,
  loraTarget: ['query', 'value'],
} as const satisfies {
  loraAlpha: (typeof loraDefaults)['loraAlpha'];
  loraDropout: (typeof loraDefaults)['loraDropout'];
  loraTarget: (typeof loraDefaults)['targetModules'];
};

/** Defaults of `fineTune`. */
export const fineTuneDefaults = {
  ...fitDefaults,
  ...checkpointDefaults,
  /** The usual study of NSMC. */
  maxLength: 39,
  validSplit: 0.2,
} as const;

/** Longest text of a task: of questions and choices as in Hugging Face's run_qa and run_swag. */
export const maxLengthOf = (task: TaskName | undefined): number =>
  ({ 'question-answering': 384, 'multiple-choice': 128 })[task as string] ??
  fineTuneDefaults.maxLength;

/** Defaults of `fineTune` for a task. */
export const fineTuneDefaultsOf = (task: TaskName | undefined) => ({
  ...fineTuneDefaults,
  maxLength: maxLengthOf(task),
});

/** Tokens that windows of a context share, as in Hugging Face's pipeline. */
export const defaultStride = (maxLength: number): number =>
  Math.min(128, Math.floor(maxLength / 2));

/** Devlin et al. 2019, appendix A.2, except for steps, batch size, evaluations and checkpoints. */
export const pretrainDefaults = {
  objective: 'mlm',
  maxLength: 128,
  batchSize: 32,
  mlmProbability: 0.15,
  wholeWordMask: false,
  learningRate: 1e-4,
  warmupRatio: 0.01,
  weightDecay: 0.01,
  maxGradNorm: 1,
  seed: 42,
  evalEvery: 500,
  saveEvery: 500,
} as const satisfies Omit<PretrainOptions, 'totalSteps'>;

/** The share of the texts that is held out, besides the defaults of `pretrainModel`. */
export const pretrainRecipeDefaults = {
  ...pretrainDefaults,
  ...checkpointDefaults,
  validSplit: 0.05,
} as const;

/** Defaults of `evaluate`. */
export const evaluateDefaults = { batchSize: 64 } as const;

/** Defaults of `predict`. */
export const predictDefaults = { batchSize: 32, threshold: 0.5 } as const;

/** Defaults of `embed`. */
export const embedDefaults: Required<Omit<FeatureOptions, 'pooling'>> & { batchSize: number } = {
  batchSize: 32,
  layers: [-1],
  combine: 'concat',
};
