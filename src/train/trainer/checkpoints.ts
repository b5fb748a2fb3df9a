/**
 * The checkpoints of a run lie in its folder, as `checkpoint-STEP`, as Hugging Face's Trainer names
 * them. The latest ones are kept, so that there is another if one is damaged.
 */
import { findDamage, folderNames, removeFolder } from '../../platform/checkedFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { joinPath } from '../../platform/runtime.ts';
import { type CheckpointContent, saveTrainingState, type TrainingState } from './checkpoint.ts';

const NAME = /^checkpoint-(\d+)$/;

export const checkpointFolder = (out: string, step: number): string =>
  joinPath(out, `checkpoint-${step}`);

/** Steps that the run in a folder has checkpoints of, the latest first. */
export async function checkpointSteps(out: string): Promise<number[]> {
  const names = await folderNames(out);
  const steps = names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
  return steps.sort((a, b) => b - a);
}

/**
 * Saves a checkpoint; `keep` are kept, this one included. Those of later steps are damaged ones
 * that the run went back from: they go. Throws as `saveTrainingState`.
 */
export async function saveCheckpoint(
  out: string,
  state: TrainingState,
  content: CheckpointContent,
  keep: number,
): Promise<void> {
  await saveTrainingState(checkpointFolder(out, state.step), state, content);
  for (const step of await checkpointSteps(out))
    if (step > state.step) await removeFolder(checkpointFolder(out, step));
  await pruneCheckpoints(out, state.step, keep);
}

/** Of the checkpoints up to a step, removes all but the latest `keep`. */
export async function pruneCheckpoints(out: string, last: number, keep: number): Promise<void> {
  const steps = (await checkpointSteps(out)).filter((step) => step <= last);
  for (const step of steps.slice(keep)) await removeFolder(checkpointFolder(out, step));
}

/** Removes the checkpoints of the run in a folder. */
export async function removeCheckpoints(out: string): Promise<void> {
  for (const step of await checkpointSteps(out)) await removeFolder(checkpointFolder(out, step));
}

/**
 * The latest checkpoint in a folder that is whole; undefined if there is none.
 * @param onDamaged is told of those that are not, and what is wrong
 * @throws UsageError if all are damaged.
 * @example
 * const dir = await getLastCheckpoint('out/model'); // 'out/model/checkpoint-500'
 */
export async function getLastCheckpoint(
  out: string,
  onDamaged: (folder: string, damage: string) => void = () => {},
): Promise<string | undefined> {
  const all: string[] = [];
  for (const step of await checkpointSteps(out)) {
    const folder = checkpointFolder(out, step);
    const damage = await findDamage(folder);
    if (damage === undefined) return folder;
    onDamaged(folder, damage);
    all.push(`${folder} (${damage})`);
  }
  if (all.length > 0)
    throw new UsageError(
      `${out}: no checkpoint is whole: ${all.join('; ')}; ` +
        'begin the run again, with `overwrite: true`',
    );
  return undefined;
}
