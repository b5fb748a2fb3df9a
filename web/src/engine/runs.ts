/** The runs of the page: each has a folder with its settings, its data and its model. */
import { getLastCheckpoint, History, historyPanels } from 'wigbert/train';
import {
  findFile,
  namesIn,
  removePrivate,
  writePrivate,
} from '../../../src/platform/browser/privateFiles.ts';
import type { Chart, Run } from './protocol.ts';
import { fillFolder, readJson, writeJson } from './storage.ts';

const RUNS = 'opfs:/runs';

/** A row of a run's data, as its files have it. */
export interface Row {
  text: string;
  pair?: string;
  label: string | string[] | number;
  /** A person gave the label here. */
  answered?: true;
}

const folder = (id: number): string => `${RUNS}/${id}`;

/** The folder of a run's model and its checkpoints. */
export const modelFolder = (id: number): string => `${folder(id)}/model`;

/** What a run learns from, is validated with, and all rows that later runs may learn from. */
export const dataFile = (id: number, part: 'train' | 'valid' | 'rows'): string =>
  `${folder(id)}/${part}.jsonl`;

/** Makes the folder of a run, with what `fill` writes there. */
export const newRun = <T>(fill: (id: number) => Promise<T>): Promise<T> => fillFolder(RUNS, fill);
export const saveRun = (run: Run): Promise<void> => writeJson(`${folder(run.id)}/run.json`, run);

/**
 * A run of the page.
 * @throws Error if it is missing.
 */
export async function findRun(id: number): Promise<Run> {
  const run = await readJson<Run>(`${folder(id)}/run.json`);
  if (!run) throw new Error(`run ${id} is missing`);
  return run;
}

/** All runs, the latest first. */
export async function allRuns(): Promise<Run[]> {
  const ids = ((await namesIn(RUNS))?.directory ?? []).map(Number).sort((a, b) => b - a);
  const runs = await Promise.all(ids.map((id) => readJson<Run>(`${folder(id)}/run.json`)));
  return runs.filter((run) => run !== undefined);
}

/** Whether a tab writes into a run's folder. */
export async function isHeld(id: number): Promise<boolean> {
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name?.endsWith(` ${modelFolder(id)}`));
}

/** The folder of a data set or a base model that was given to the page or fetched for it. */
const givenFolder = /^opfs:\/(sets|models)\/(\d+|models--[^/]+)/;

/**
 * Removes a run, and its data and its base model, unless another run has them.
 * @param kept paths of data or a base model that stay too
 * @throws Error while a tab trains the run.
 */
export async function removeRun(id: number, kept: readonly string[]): Promise<void> {
  if (await isHeld(id))
    throw new Error(`run ${id} is training in another tab: stop it there first`);
  const { set, base } = await findRun(id);
  await removePrivate(folder(id));
  const used = [...kept, ...(await allRuns()).flatMap((run) => [run.set.path, run.base.path])];
  for (const path of [set.path, base.path]) {
    const [given] = givenFolder.exec(path) ?? [];
    if (given && !used.includes(path)) await removePrivate(given);
  }
}

export const writeRows = (path: string, rows: readonly Row[]): Promise<void> =>
  writePrivate(path, new Blob(rows.map((row) => `${JSON.stringify(row)}\n`)));

/** The rows of a file; none if it is missing. */
export async function readRows(path: string): Promise<Row[]> {
  const text = (await (await findFile(path))?.text()) ?? '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** The history of a run: where it ended or was stopped, or of its latest checkpoint. */
export async function historyOf(id: number): Promise<History | undefined> {
  const dir = modelFolder(id);
  let latest: History | undefined;
  for (const place of [dir, await getLastCheckpoint(dir)]) {
    const file = place && (await findFile(`${place}/history.json`));
    const history = file && History.fromJSON(await file.text());
    // A run that was stopped may have gone on from there.
    if (history && (!latest || lengthOf(history) > lengthOf(latest))) latest = history;
  }
  return latest;
}

const lengthOf = ({ steps, epochs }: History): number => steps.length + epochs.length;

export const chartsOf = (history: History): Chart[] => historyPanels(history);
