/**
 * A checkpoint is a Hugging Face folder with more files: training.json (settings, step, position,
 * random state), optimizer.safetensors (AdamW's moments), history.json, and manifest.json with the
 * checksums of all.
 */
import * as v from 'valibot';
import { addWeightsFromFile } from '../../bert/checkpoint/read.ts';
import { parseSchema } from '../../formats/parseSchema.ts';
import { streamSafetensors } from '../../formats/safetensors/file.ts';
import type { FileContent } from '../../platform/atomicWrite.ts';
import { writeFolder } from '../../platform/checkedFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, readJson } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { SavedState, TrainerState } from './trainer.ts';
import type { TrainingLog } from './trainingTask.ts';

export const STATE = 'training.json';
const MOMENTS = 'optimizer.safetensors';
export const HISTORY = 'history.json';

const nonNegativeInteger = v.pipe(v.number(), v.integer(), v.minValue(0));

const groupSchema = v.object({
  lr: v.number(),
  initialLr: v.optional(v.number()),
  betas: v.tuple([v.number(), v.number()]),
  eps: v.number(),
  weightDecay: v.number(),
  amsgrad: v.boolean(),
  params: v.array(nonNegativeInteger),
});

const stateSchema = v.object({
  /** What the run was asked for. */
  settings: v.record(v.string(), v.unknown()),
  step: nonNegativeInteger,
  /** By kind of training: epoch, pool, batch. */
  position: v.record(v.string(), nonNegativeInteger),
  optimizer: v.object({
    /** Steps of each parameter, in the order of the groups. */
    steps: v.array(nonNegativeInteger),
    paramGroups: v.array(groupSchema),
  }),
  random: v.optional(v.record(v.string(), v.unknown())),
  /** Examples of a part of a batch, once memory has run out. */
  microBatchSize: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** SHA-256 of the weights of the run's best model so far, which lies in its folder. */
  bestModel: v.optional(v.string()),
  /** That of the model which a stop left there before the run had a best one. */
  interimModel: v.optional(v.string()),
  /** Hashes of the weights, for the receipt. */
  hashes: v.optional(v.array(v.object({ step: nonNegativeInteger, sha256: v.string() }))),
});

/** What a folder needs besides the state of the training. */
export interface CheckpointContent {
  /** A model or an adapter. Absent before the first step, where the settings tell the weights. */
  model?: { fileContents(): Record<string, FileContent> };
  /** What the run was asked for, as plain JSON. */
  settings: Record<string, unknown>;
  /** Files by name. */
  tokenizerFiles: Record<string, string>;
  /** As history.json holds it. */
  history: unknown;
  /** SHA-256 of the weights of the best model so far. */
  bestModel?: string;
  /** That of the model which a stop left before there was a best one. */
  interimModel?: string;
}

export type TrainingState = Omit<TrainerState<object, unknown, unknown, Tensor>, 'log'>;

/**
 * Writes a checkpoint. A crash leaves the old folder or the new one.
 * @throws UsageError if the folder cannot be written to; WriteError, telling how much is needed, if
 * the disk is full.
 */
export async function saveTrainingState(
  dir: string,
  state: TrainingState,
  { model, tokenizerFiles, ...about }: CheckpointContent,
): Promise<void> {
  if (!model) return writeFolder(dir, { ...tokenizerFiles, ...stateFiles(state, about) });
  const moments = state.optimizer.state.flatMap(({ buffers }, i) =>
    Object.entries(buffers).map(([name, tensor]) => {
      const data = () => tensor.data() as Promise<Float32Array>;
      return [`${i}.${name}`, { dtype: 'F32', shape: tensor.shape, data }] as const;
    }),
  );
  await writeFolder(dir, {
    ...tokenizerFiles,
    ...stateFiles(state, about),
    ...model.fileContents(),
    [MOMENTS]: streamSafetensors(moments),
  });
}

function stateFiles(
  { step, position, optimizer, random, microBatchSize, hashes }: TrainingState,
  {
    settings,
    history,
    bestModel,
    interimModel,
  }: Omit<CheckpointContent, 'model' | 'tokenizerFiles'>,
): Record<string, string> {
  const { state, paramGroups } = optimizer;
  const written: v.InferInput<typeof stateSchema> = {
    settings,
    step,
    position: { ...position },
    optimizer: {
      steps: state.map((of) => of.step),
      paramGroups: paramGroups.map((group) => ({ ...group, betas: [...group.betas] })),
    },
    ...(random && { random: { ...random } }),
    ...(microBatchSize !== undefined && { microBatchSize }),
    ...(bestModel !== undefined && { bestModel }),
    ...(interimModel !== undefined && { interimModel }),
    ...(hashes && { hashes: [...hashes] }),
  };
  return {
    [STATE]: `${JSON.stringify(written, undefined, 1)}\n`,
    [HISTORY]: `${JSON.stringify(history, undefined, 1)}\n`,
  };
}

/**
 * True if a folder is a checkpoint.
 * @example
 * if (await hasTrainingState('out/model/checkpoint-500')) await fineTune({ resume: 'out/model' });
 */
export const hasTrainingState = (dir: string): Promise<boolean> => fileExists(joinPath(dir, STATE));

/**
 * Reads what `saveTrainingState` wrote, except for the model and its tokenizer. Moments are read
 * when they are asked for.
 * @param parseHistory reads history.json into the log of the training
 * @throws UsageError if it is no checkpoint, or broken.
 */
export async function readTrainingState<P, S, E>(
  dir: string,
  parseHistory: (value: unknown, name: string) => TrainingLog<S, E>,
): Promise<{
  state: SavedState<P, S, E>;
  settings: Record<string, unknown>;
  bestModel?: string;
  interimModel?: string;
}> {
  const path = joinPath(dir, STATE);
  const { settings, bestModel, interimModel, ...read } = parseSchema(
    stateSchema,
    await readJson(path),
    path,
    'the state of a training',
  );
  const { step, position, optimizer, random, microBatchSize, hashes } = read;
  const historyPath = joinPath(dir, HISTORY);
  const log = parseHistory(await readJson(historyPath), historyPath);
  if (log.steps.length !== step)
    throw new UsageError(
      `${dir}: ${HISTORY} has ${log.steps.length} steps, but ${STATE} has ${step}; ` +
        'they belong to different runs',
    );
  const state = optimizer.steps.map((steps) => ({
    step: steps,
    buffers: {} as Record<string, { data: Float32Array }>,
  }));
  const hasMoments = await fileExists(joinPath(dir, MOMENTS));
  for (const [name, buffer] of hasMoments ? await readMoments(dir) : []) {
    const dot = name.indexOf('.');
    const own = state[Number(name.slice(0, dot))];
    if (own) own.buffers[name.slice(dot + 1)] = buffer;
  }
  return {
    settings,
    bestModel,
    interimModel,
    state: {
      step,
      position: position as P,
      log,
      optimizer: { state, paramGroups: optimizer.paramGroups },
      microBatchSize,
      hashes,
      random: random as unknown as SavedState<P, S, E>['random'],
    },
  };
}

async function readMoments(dir: string): Promise<Map<string, { data: Float32Array }>> {
  const moments: Parameters<typeof addWeightsFromFile>[0] = new Map();
  await addWeightsFromFile(moments, dir, MOMENTS);
  return moments as Map<string, { data: Float32Array }>;
}
