import { version } from '../../../device/tuning/tuningFile.ts';
import { findDamage } from '../../../platform/checkedFolder.ts';
import { hashFile } from '../../../platform/hash.ts';
import { fileExists } from '../../../platform/readFiles.ts';
import { joinPath } from '../../../platform/runtime.ts';
import { checkpointFolder, checkpointSteps } from '../../trainer/checkpoints.ts';
import { deviceSettings } from '../start.ts';
import { hashModelFiles, optionsOf, RECEIPT, type Receipt } from './receipt.ts';

/** Something that is not as the receipt says. */
export interface Difference {
  what:
    | 'receipt'
    | 'engine'
    | 'data'
    | 'option'
    | 'vocabulary'
    | 'configuration'
    | 'checkpoint'
    | 'model';
  /** The path of a file, or the name of an option. */
  name: string;
  expected: unknown;
  got: unknown;
}

/** A checkpoint of a run, and what is damaged in it, if anything is. */
export interface FoundCheckpoint {
  step: number;
  folder: string;
  damage?: string;
}

/** The checkpoints of the run in a folder, the latest first. */
export const findCheckpoints = async (dir: string): Promise<FoundCheckpoint[]> =>
  Promise.all(
    (await checkpointSteps(dir)).map(async (step) => {
      const folder = checkpointFolder(dir, step);
      return { step, folder, damage: await findDamage(folder) };
    }),
  );

const MISSING = 'no such file';

/**
 * What is not as the receipt of the run in a folder says, as far as files tell.
 * @param readSettings reads the settings of a checkpoint
 */
export async function findDifferences(
  dir: string,
  { receipt, isIntact }: { receipt: Receipt; isIntact: boolean },
  checkpoints: readonly FoundCheckpoint[],
  readSettings: (checkpoint: string) => Promise<object>,
): Promise<Difference[]> {
  const { engine, files, model } = receipt;
  const found: Difference[] = [];
  const add = (what: Difference['what'], name: string, expected: unknown, got: unknown) => {
    if (expected !== got) found.push({ what, name, expected, got });
  };
  const path = joinPath(dir, RECEIPT);
  add('receipt', path, 'as it was written', isIntact ? 'as it was written' : 'changed');
  add('engine', 'version', engine.version, version);
  for (const { path, sha256 } of files) add('data', path, sha256, await sumOf(path));
  if (model) {
    const path = joinPath(dir, model.file);
    add('model', path, model.sha256, await sumOf(path));
    if (model.files) found.push(...compareModelFiles(dir, model.files, await hashModelFiles(dir)));
  }
  for (const { folder, damage } of checkpoints) {
    add('checkpoint', folder, undefined, damage);
    if (damage !== undefined) continue;
    const options = optionsOf(await readSettings(folder));
    const others = compareFields('option', receipt.options, options);
    // An option that all checkpoints tell otherwise is named once.
    found.push(...others.filter(({ name }) => !found.some((each) => each.name === name)));
  }
  return found;
}

type Hashes = readonly { name: string; sha256: string }[];

/** Files beside the weights that have changed, are gone, or are new. */
function compareModelFiles(dir: string, then: Hashes, now: Hashes): Difference[] {
  const byPath = (hashes: Hashes) =>
    Object.fromEntries(hashes.map(({ name, sha256 }) => [joinPath(dir, name), sha256]));
  const fields = compareFields('model', byPath(then), byPath(now));
  return fields.map(({ expected = MISSING, got = MISSING, ...each }) => {
    return { ...each, expected, got };
  });
}

/** The device decides how results round. */
export function findDeviceDifferences({ engine }: Receipt): Difference[] {
  const { device, precision } = engine;
  return compareFields('engine', { device, precision }, { ...deviceSettings() });
}

/** Fields of two objects that differ. */
export function compareFields(
  what: Difference['what'],
  then: Record<string, unknown>,
  now: Record<string, unknown>,
): Difference[] {
  const names = new Set([...Object.keys(then), ...Object.keys(now)]);
  return [...names]
    .filter((name) => JSON.stringify(then[name]) !== JSON.stringify(now[name]))
    .map((name) => ({ what, name, expected: then[name], got: now[name] }));
}

const sumOf = async (path: string): Promise<string> =>
  (await fileExists(path)) ? (await hashFile(path)).sha256 : MISSING;
