import { modelFiles } from '../../formats/modelFiles.ts';
import type { ModelFolder } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { listFolder, pathExists } from '../../platform/readFiles.ts';
import { isSamePath } from '../../platform/samePath.ts';
import { checkpointFolder, checkpointSteps } from '../trainer/checkpoints.ts';

export interface OutOptions {
  /** Folder that a run writes to. */
  out: string;
  /** The model that it starts from. */
  model?: string;
  /** Whether a model or run that `out` holds may be replaced. Default false. */
  overwrite?: boolean;
}

/**
 * @throws UsageError if the folder that a run writes to, or a checkpoint in it, is the model that
 * the run starts from.
 */
export async function checkNotModel({ out, model }: OutOptions): Promise<void> {
  if (model === undefined) return;
  const checkpoints = (await checkpointSteps(out)).map((step) => checkpointFolder(out, step));
  for (const folder of [out, ...checkpoints])
    if (await isSamePath(folder, model))
      throw new UsageError(
        `\`out\`: ${out} would replace the model that the run starts from, ${model}; ` +
          'choose another `out`',
      );
}

/** @throws UsageError if `out` is the folder of the model that is read, or of its base model. */
export async function checkOtherFolder(
  out: string,
  { dir, adapter }: Pick<ModelFolder, 'dir' | 'adapter'>,
): Promise<void> {
  for (const each of [dir, adapter?.base.dir])
    if (each !== undefined && (await isSamePath(out, each)))
      throw new UsageError(`\`out\`: expected another folder than that of the model, got ${out}`);
}

/** @throws UsageError if `out` is something else than a folder. */
export async function checkIsFolder({ out }: OutOptions): Promise<void> {
  if (!(await pathExists(out))) return;
  await listFolder(out).catch((error) => {
    throw new UsageError(`\`out\`: expected a folder, got ${out}: ${error.message}`);
  });
}

/** Files of weights, in the formats of all frameworks. */
const isWeights = (name: string): boolean =>
  /\.(?:safetensors|bin|pt|h5|msgpack)$|\.ckpt/.test(name);

/** The first such file in a folder; undefined also if there is no folder. */
async function findFile(
  dir: string,
  isWanted: (name: string) => boolean,
): Promise<string | undefined> {
  if (!(await pathExists(dir))) return undefined;
  return (await listFolder(dir).catch(() => null))?.find(isWanted);
}

/** @throws UsageError if `out` holds a model, unless it may be replaced. */
export async function checkNoModel({ out, overwrite }: OutOptions): Promise<void> {
  if (overwrite) return;
  const found = await findFile(out, (name) => name === modelFiles.config || isWeights(name));
  if (found !== undefined) throw replaceError(out, `a model (${found})`);
}

/** @throws UsageError if `out` holds weights, whose configuration would be replaced. */
export async function checkNoWeights(out: string): Promise<void> {
  const found = await findFile(out, isWeights);
  if (found !== undefined)
    throw new UsageError(`${out} holds a model (${found}): choose another \`out\``);
}

/** The error of a run whose folder holds something that it would replace. */
export const replaceError = (out: string, what: string): UsageError =>
  new UsageError(
    `${out} already holds ${what}: choose another \`out\`, ` +
      'or set `overwrite: true` to replace it',
  );
