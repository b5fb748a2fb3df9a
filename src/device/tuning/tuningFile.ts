import * as v from 'valibot';
import { readCached, writeCached } from '../../platform/cachedJson.ts';
import { UsageError } from '../../platform/errors.ts';
import type { Device } from '../device.ts';
import type { Constants } from '../kernel.ts';

/** Choices are valid for one version of the engine: another one may have other variants. */
export const version = '0.1.0';
const FILE_NAME = 'tuning.json';

const tuningSchema = v.record(
  v.string(),
  v.record(v.string(), v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))),
);
const adapterKey = ({ description, traits }: Device): string =>
  `${description}${traits.subgroupMatrix ? ' · tensor cores' : ''} · wigbert ${version}`;

/**
 * Applies the choices saved for the device's adapter, if there are any.
 * @throws UsageError if the file is not one that `saveTuning` writes.
 */
export async function loadTuning(device: Device): Promise<void> {
  for (const [key, constants] of Object.entries((await readAll())[adapterKey(device)] ?? {}))
    device.tuning?.choose(key, constants);
}

/**
 * Saves the device's choices beside those of other adapters. Returns the file's path.
 * @throws UsageError outside Node.
 */
export async function saveTuning(device: Device): Promise<string> {
  const all = { ...(await readAll()), [adapterKey(device)]: device.tuning?.entries ?? {} };
  const path = await writeCached(FILE_NAME, all);
  if (path === undefined) throw new UsageError('tuning: choices can only be saved in Node');
  return path;
}

async function readAll(): Promise<Record<string, Record<string, Constants>>> {
  const cached = await readCached(FILE_NAME);
  if (!cached) return {};
  const parsed = v.safeParse(tuningSchema, cached.value);
  if (!parsed.success)
    throw new UsageError(
      `${cached.path}: expected choices of variants, as \`wigbert tune\` saves them: ` +
        'delete it, or tune again',
    );
  return parsed.output;
}
