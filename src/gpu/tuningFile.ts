import * as v from 'valibot';
import { UsageError } from '../platform/errors.ts';
import { cacheFolder, fileExists, joinPath, readJson, writeFiles } from '../platform/files.ts';
import type { Constants } from './kernel.ts';
import type { TuningTable } from './tuning.ts';

/** Choices are kept for one version of the engine: another one may have other variants. */
export const version = '0.1.0';
const NAME = 'tuning.json';

const format = v.record(v.string(), v.record(v.string(), v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))));
const keyOf = (adapter: string): string => `${adapter} · wigbert ${version}`;

/** Where choices are kept; undefined in a browser, where there is no such place. */
export async function tuningPath(): Promise<string | undefined> {
  const folder = await cacheFolder();
  return folder && joinPath(folder, NAME);
}

/**
 * What was chosen on this adapter before; nothing where there is no file.
 * @throws UsageError when the file is not one of ours.
 */
export async function loadTuning(adapter: string, table: TuningTable): Promise<void> {
  for (const [key, constants] of Object.entries((await readAll())[keyOf(adapter)] ?? {})) table.choose(key, constants);
}

/** Keeps the table's choices beside those of other adapters. Returns the file's path. */
export async function saveTuning(adapter: string, table: TuningTable): Promise<string> {
  const folder = await cacheFolder();
  if (!folder) throw new UsageError('choices can only be kept in Node');
  const all = { ...(await readAll()), [keyOf(adapter)]: table.entries };
  await writeFiles(folder, { [NAME]: `${JSON.stringify(all, null, 2)}\n` });
  return joinPath(folder, NAME);
}

async function readAll(): Promise<Record<string, Record<string, Constants>>> {
  const path = await tuningPath();
  if (!path || !(await fileExists(path))) return {};
  const parsed = v.safeParse(format, await readJson(path));
  if (!parsed.success) throw new UsageError(`${path} does not hold what \`wigbert tune\` writes: delete it, or tune again`);
  return parsed.output;
}
