import * as v from 'valibot';
import { version } from '../device/tuning/tuningFile.ts';
import { readCached, writeCached } from '../platform/cachedJson.ts';
import { processorName } from '../platform/runtime.ts';

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
  // Without write access the next process measures again.
  await writeCached(FILE_NAME, { ...(await readAll()), [key]: seconds }).catch(() => {});
}

async function readAll(): Promise<Record<string, Seconds>> {
  const cached = await readCached(FILE_NAME).catch(() => undefined);
  const parsed = v.safeParse(fileSchema, cached?.value);
  return parsed.success ? parsed.output : {};
}
