import * as v from 'valibot';
import { version } from '../device/tuning/tuningFile.ts';
import { writeFiles } from '../platform/atomicWrite.ts';
import { cacheDir } from '../platform/cache.ts';
import { fileExists, readJson } from '../platform/readFiles.ts';
import { joinPath, processorName } from '../platform/runtime.ts';

const FILE_NAME = 'devices.json';

const secondsSchema = v.object({ wasm: v.number(), webgpu: v.number() });
const fileSchema = v.record(v.string(), secondsSchema);

/** How long the same work took on two devices. */
export type Seconds = v.InferOutput<typeof secondsSchema>;

/** What this process measured: all there is where no file can be written, as in browsers. */
const measured = new Map<string, Seconds>();

const keyOf = (devices: readonly string[]): string =>
  [...devices, processorName(), `wigbert ${version}`].join(' · ');

/**
 * The times that were measured for two devices, by their descriptions, on this processor and by
 * this version. A file that cannot be read counts as none: they are measured again.
 */
export async function recallSeconds(devices: readonly string[]): Promise<Seconds | undefined> {
  const key = keyOf(devices);
  return measured.get(key) ?? (await readAll())[key];
}

/** Keeps the times for later processes, in the user's folder for caches. */
export async function saveSeconds(devices: readonly string[], seconds: Seconds): Promise<void> {
  const key = keyOf(devices);
  measured.set(key, seconds);
  const folder = await cacheDir();
  if (!folder) return;
  const all = { ...(await readAll()), [key]: seconds };
  // Without write access the next process measures again.
  await writeFiles(folder, { [FILE_NAME]: `${JSON.stringify(all, null, 2)}\n` }).catch(() => {});
}

async function readAll(): Promise<Record<string, Seconds>> {
  const folder = await cacheDir();
  const path = folder && joinPath(folder, FILE_NAME);
  if (!path || !(await fileExists(path))) return {};
  const parsed = v.safeParse(fileSchema, await readJson(path).catch(() => undefined));
  return parsed.success ? parsed.output : {};
}
