import * as v from 'valibot';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { cacheDir } from '../../platform/cache.ts';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, readJson } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { Device } from '../device.ts';
import type { Constants } from '../kernel.ts';

/** Choices are kept for one version of the engine: another one may have other variants. */
export const version = '0.1.0';
const FILE_NAME = 'tuning.json';

const tuningSchema = v.record(
  v.string(),
  v.record(v.string(), v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))),
);
const adapterKey = ({ description, traits }: Device): string =>
  `${description}${traits.subgroupMatrix ? ' · tensor cores' : ''} · wigbert ${version}`;

/**
 * Takes over what was chosen on the device's adapter before; nothing where there is no file.
 * @throws UsageError when the file is not one of ours.
 */
export async function loadTuning(device: Device): Promise<void> {
  for (const [key, constants] of Object.entries((await readAll())[adapterKey(device)] ?? {}))
    device.tuning?.choose(key, constants);
}

/** Keeps the device's choices beside those of other adapters. Returns the file's path. */
export async function saveTuning(device: Device): Promise<string> {
  const folder = await cacheDir();
  if (!folder) throw new UsageError('choices can only be kept in Node');
  const all = { ...(await readAll()), [adapterKey(device)]: device.tuning?.entries ?? {} };
  await writeFiles(folder, { [FILE_NAME]: `${JSON.stringify(all, null, 2)}\n` });
  return joinPath(folder, FILE_NAME);
}

async function readAll(): Promise<Record<string, Record<string, Constants>>> {
  const folder = await cacheDir();
  const path = folder && joinPath(folder, FILE_NAME);
  if (!path || !(await fileExists(path))) return {};
  const parsed = v.safeParse(tuningSchema, await readJson(path));
  if (!parsed.success)
    throw new UsageError(
      `${path} does not hold what \`wigbert tune\` writes: delete it, or tune again`,
    );
  return parsed.output;
}
