/**
 * Checks of the settings in a run's training.json, which people may edit: a wrong type is an error
 * that names the field. What numbers may be is checked where they are used.
 */
import * as v from 'valibot';
import { parseSchema } from '../../formats/parseSchema.ts';
import { joinPath } from '../../platform/runtime.ts';
import { checkKeys } from '../../platform/usage.ts';
import { objectiveNames, taskNames } from '../defaults.ts';
import { reductionNames } from '../distributed/exchange.ts';
import { similarityLosses } from '../tasks/lossNames.ts';
import { metrics } from '../tasks/metric.ts';
import { STATE } from '../trainer/checkpoint.ts';
import { lrSchedulerNames, onNanNames } from '../trainer/hyperparameters.ts';

const integer = v.pipe(v.number(), v.integer());
const text = v.optional(v.string());
const flag = v.optional(v.boolean());
const count = v.optional(integer);

const shared = {
  model: text,
  vocab: text,
  config: text,
  cased: flag,
  valid: text,
  validSplit: v.number(),
  maxLength: integer,
  textColumn: text,
  pairColumn: text,
  format: text,
  encoding: text,
  batchSize: integer,
  learningRate: v.number(),
  lrScheduler: v.optional(v.picklist(lrSchedulerNames)),
  warmupRatio: v.number(),
  warmupSteps: count,
  gradientAccumulationSteps: count,
  reduction: v.optional(v.picklist(reductionNames)),
  weightDecay: v.number(),
  maxGradNorm: v.number(),
  gradientCheckpointing: flag,
  onNan: v.optional(v.picklist(onNanNames)),
  detectAnomaly: flag,
  seed: integer,
  saveEvery: count,
  hashEvery: count,
  keep: count,
  tensorboard: v.optional(v.union([v.string(), v.boolean()])),
  command: text,
  version: text,
  device: v.string(),
  precision: text,
  bytes: v.array(integer),
  hashes: v.optional(v.array(v.string())),
};

const fineTuneSchema = v.looseObject({
  ...shared,
  data: v.union([v.string(), v.array(v.string())]),
  task: v.optional(v.picklist(taskNames)),
  labelColumn: text,
  labelColumns: v.optional(v.array(v.string())),
  labelSeparator: text,
  replaceHead: flag,
  folds: count,
  fold: count,
  balance: flag,
  stride: count,
  freeze: v.optional(v.union([integer, v.literal('all')])),
  epochs: integer,
  maxSteps: count,
  totalSteps: count,
  evalEvery: count,
  metric: v.optional(v.picklist(metrics)),
  patience: integer,
  groupByLength: v.boolean(),
  labelSmoothing: v.optional(v.number()),
  classWeights: v.optional(v.union([v.literal('balanced'), v.array(v.number())])),
  focalLoss: v.optional(v.number()),
  loss: v.optional(v.picklist(similarityLosses)),
  layerDecay: v.optional(v.number()),
  lora: count,
  loraAlpha: v.optional(v.number()),
  loraDropout: v.optional(v.number()),
  loraTarget: v.optional(v.union([v.string(), v.array(v.string())])),
});

const pretrainSchema = v.looseObject({
  ...shared,
  files: v.array(v.string()),
  objective: v.picklist(objectiveNames),
  mlmProbability: v.number(),
  wholeWordMask: v.boolean(),
  evalEvery: integer,
  steps: count,
  epochs: count,
  totalSteps: integer,
  layers: count,
  hiddenSize: count,
  heads: count,
  intermediateSize: count,
});

/** What a run keeps besides its options. */
const kept: readonly string[] = ['device', 'precision', 'bytes', 'hashes', 'totalSteps'];
/** Options that say where a run is. */
const places: readonly string[] = ['out', 'overwrite', 'resume'];
const optionsOf = ({ entries }: { entries: object }): string[] =>
  [...Object.keys(entries), ...places].filter((name) => !kept.includes(name));

/** @throws UsageError for an option that `fineTune` does not have. */
export const checkFineTuneOptions = (options: object): void =>
  checkKeys(options, optionsOf(fineTuneSchema), 'option of fineTune');

/** @throws UsageError for an option that `pretrain` does not have. */
export const checkPretrainOptions = (options: object): void =>
  checkKeys(options, optionsOf(pretrainSchema), 'option of pretrain');

const checker = (schema: v.GenericSchema, what: string) => (settings: unknown, dir: string) => {
  parseSchema(schema, { settings }, joinPath(dir, STATE), what);
};

/** @throws UsageError when settings of a fine-tuning are of another type. */
export const checkFineTuneSettings = checker(
  v.object({ settings: fineTuneSchema }),
  'the state of a fine-tuning',
);

/** @throws UsageError when settings of a pre-training are of another type. */
export const checkPretrainSettings = checker(
  v.object({ settings: pretrainSchema }),
  'the state of a pre-training',
);
