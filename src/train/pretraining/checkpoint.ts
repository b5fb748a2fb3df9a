import * as v from 'valibot';
import { addWeightsFromFile } from '../../bert/checkpoint.ts';
import { parseSchema } from '../../formats/parseSchema.ts';
import { streamSafetensors } from '../../formats/safetensors/file.ts';
import { recoverWrites } from '../../platform/atomicWrite.ts';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, readJson } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { Tensor } from '../../tensor/index.ts';
import { parsePretrainHistory } from './history.ts';
import type { PretrainModel } from './objective.ts';
import type { PretrainState } from './pretrain.ts';

const STATE = 'training.json';
const MOMENTS = 'optimizer.safetensors';
const HISTORY = 'history.json';

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
  position: v.object({
    epoch: nonNegativeInteger,
    pool: nonNegativeInteger,
    batch: nonNegativeInteger,
  }),
  optimizer: v.object({
    /** Steps of each parameter, in the order of the groups. */
    steps: v.array(nonNegativeInteger),
    paramGroups: v.array(groupSchema),
  }),
});

/**
 * Writes a folder that Hugging Face's `from_pretrained` loads, with all that it takes to go on: moments in
 * optimizer.safetensors, the rest in training.json and history.json. A crash leaves the old folder or the new one.
 * @throws UsageError when the folder cannot be written to.
 */
export async function savePretraining(
  dir: string,
  model: PretrainModel,
  { step, position, history, optimizer }: PretrainState<Tensor>,
  settings: Record<string, unknown>,
  tokenizerFiles: Record<string, string>,
): Promise<void> {
  const { state, paramGroups } = optimizer;
  const moments = state.flatMap(({ buffers }, i) =>
    Object.entries(buffers).map(([name, tensor]) => {
      const data = () => tensor.data() as Promise<Float32Array>;
      return [`${i}.${name}`, { dtype: 'F32', shape: tensor.shape, data }] as const;
    }),
  );
  const written: v.InferInput<typeof stateSchema> = {
    settings,
    step,
    position: { ...position },
    optimizer: {
      steps: state.map((of) => of.step),
      paramGroups: paramGroups.map((group) => ({ ...group, betas: [...group.betas] })),
    },
  };
  await model.savePretrained(dir, {
    ...tokenizerFiles,
    [STATE]: `${JSON.stringify(written, undefined, 1)}\n`,
    [HISTORY]: `${JSON.stringify(history, undefined, 1)}\n`,
    [MOMENTS]: streamSafetensors(moments),
  });
}

/** Whether a folder holds a run to go on with. */
export async function hasPretraining(dir: string): Promise<boolean> {
  await recoverWrites(dir);
  return fileExists(joinPath(dir, STATE));
}

/**
 * What `savePretraining` wrote, but for the model and its tokenizer; moments are read when they are asked for.
 * @throws UsageError when there is none, or it is broken.
 */
export async function readPretraining(
  dir: string,
): Promise<{ state: PretrainState<{ data: Float32Array }>; settings: Record<string, unknown> }> {
  if (!(await hasPretraining(dir)))
    throw new UsageError(`${dir} has no ${STATE}: there is no pre-training to go on with`);
  const path = joinPath(dir, STATE);
  const { settings, step, position, optimizer } = parseSchema(
    stateSchema,
    await readJson(path),
    path,
    'a state of pre-training',
  );
  const history = parsePretrainHistory(
    await readJson(joinPath(dir, HISTORY)),
    joinPath(dir, HISTORY),
  );
  if (history.steps.length !== step)
    throw new UsageError(
      `${dir}: ${HISTORY} has ${history.steps.length} steps, ${STATE} ${step}; they are of two runs`,
    );
  const moments = new Map<string, { data: Float32Array }>();
  await addWeightsFromFile(moments as Parameters<typeof addWeightsFromFile>[0], dir, MOMENTS);
  const buffersOf = (i: number) => {
    const own = [...moments].filter(([name]) => name.startsWith(`${i}.`));
    return Object.fromEntries(own.map(([name, buffer]) => [name.slice(`${i}.`.length), buffer]));
  };
  return {
    settings,
    state: {
      step,
      position,
      history,
      optimizer: {
        state: optimizer.steps.map((steps, i) => ({ step: steps, buffers: buffersOf(i) })),
        paramGroups: optimizer.paramGroups,
      },
    },
  };
}
