import { modelFiles } from '../../formats/modelFiles.ts';
import { recoverFolders } from '../../platform/checkedFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { lockFolder } from '../../platform/folderLock.ts';
import { fileExists, pathExists, readJson, readText } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import { onMainProcess, processGroup } from '../distributed/processGroup.ts';
import { type CheckpointContent, STATE, type TrainingState } from '../trainer/checkpoint.ts';
import {
  checkpointFolder,
  checkpointSteps,
  getLastCheckpoint,
  pruneCheckpoints,
  removeCheckpoints,
  saveCheckpoint,
} from '../trainer/checkpoints.ts';
import type { RunEvent } from './events.ts';

/** Whether `resume: 'auto'` finds a run that has begun. */
export const findsRun = async ({
  resume,
  out,
}: {
  resume?: 'auto';
  out: string;
}): Promise<boolean> => resume === 'auto' && (await checkpointSteps(out)).length > 0;

/** What is kept of a run that has no step yet: not its weights, of which there is a hash. */
function startOf({ model, tokenizerFiles, ...about }: CheckpointContent): CheckpointContent {
  const config = model?.fileContents()[modelFiles.config];
  const described = typeof config === 'string' && { [modelFiles.config]: config };
  return { ...about, tokenizerFiles: { ...tokenizerFiles, ...described } };
}

/** @throws UsageError if the start that a folder keeps is another one. */
async function checkSameStart(
  dir: string,
  { hashes: now }: TrainingState,
  { tokenizerFiles: files }: CheckpointContent,
): Promise<void> {
  const start = checkpointFolder(dir, 0);
  if (!(await fileExists(joinPath(start, STATE)))) return;
  const refuse = (what: string) => {
    throw new UsageError(
      `${dir}: expected the ${what} that the run began with, got another; ` +
        'a run resumes on the same model only',
    );
  };
  // Runs that began before these were kept have none.
  for (const [name, text] of Object.entries(files)) {
    const path = joinPath(start, name);
    if ((await fileExists(path)) && (await readText(path)) !== text) refuse(name);
  }
  const { hashes: then } = (await readJson(joinPath(start, STATE))) as TrainingState;
  if (then?.[0] && then[0].sha256 !== now?.[0].sha256) refuse('model');
}

/**
 * The folder of a run. While it is open, no other run can write there. Of processes that train
 * together, one writes, and all read.
 */
export class RunFolder {
  readonly path: string;
  #isOpen = false;
  #unlock: (() => Promise<void>) | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Opens the folder for writing, and cleans up what a crash left there. Once it is open, it does
   * nothing.
   * @throws UsageError if it cannot be written to, or naming the process that writes there.
   */
  async open(): Promise<void> {
    if (this.#isOpen) return;
    this.#isOpen = true;
    // Until here all see the folder as it was.
    processGroup().barrier();
    await onMainProcess(async () => {
      this.#unlock = await lockFolder(this.path);
      await recoverFolders(this.path);
    });
    // From here all see it cleaned up.
    processGroup().barrier();
  }

  /**
   * Opens the folder for a new run: the checkpoints of an earlier one go. If it is open already,
   * the run goes on, and they stay.
   */
  async begin(): Promise<void> {
    if (this.#isOpen) return;
    await this.open();
    await onMainProcess(() => removeCheckpoints(this.path));
  }

  /** Whether the run, new or resumed, has the folder. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  async close(): Promise<void> {
    await this.#unlock?.();
    this.#unlock = undefined;
    this.#isOpen = false;
  }

  /**
   * Opens the folder of a run that goes on.
   * @returns the latest checkpoint that is whole
   * @throws UsageError if there is none.
   */
  async reopen(report: (event: Extract<RunEvent, { event: 'damaged' }>) => void): Promise<string> {
    // What opens a folder makes it.
    const exists = await pathExists(this.path);
    if (exists) await this.open();
    const last = await getLastCheckpoint(this.path, (folder, damage) =>
      report({ event: 'damaged', folder, damage }),
    );
    if (!exists || last === undefined)
      throw new UsageError(`${this.path} has no checkpoint: there is no training to resume`);
    return last;
  }

  /** Removes checkpoints beyond `keep` that a crash left, before a run goes on from a step. */
  async prune(step: number, keep: number): Promise<void> {
    await onMainProcess(() => pruneCheckpoints(this.path, step, keep));
  }

  /**
   * Saves a checkpoint, and removes old ones beyond `keep`. Before the first step, the settings
   * alone tell the state: no weights are written.
   * @throws UsageError if a run that has no step yet goes on from another start.
   */
  async save(state: TrainingState, content: CheckpointContent, keep: number): Promise<string> {
    const kept = state.step === 0 ? startOf(content) : content;
    await onMainProcess(async () => {
      if (state.step === 0) await checkSameStart(this.path, state, kept);
      await saveCheckpoint(this.path, state, kept, keep);
    });
    return checkpointFolder(this.path, state.step);
  }
}
