import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folders of a run's checkpoints, the latest first. */
export const checkpointsOf = (out: string): string[] =>
  (existsSync(out) ? readdirSync(out) : [])
    .filter((name) => /^checkpoint-\d+$/.test(name))
    .sort((a, b) => Number(b.slice(11)) - Number(a.slice(11)))
    .map((name) => join(out, name));

/** A file of the latest checkpoint. */
export const inCheckpoint = (out: string, name: string): string =>
  join(checkpointsOf(out)[0] ?? join(out, 'checkpoint-0'), name);

/** Gives a file of a checkpoint another content, as if it had been saved with it. */
export function rewriteInCheckpoint(out: string, name: string, text: string): void {
  writeFileSync(inCheckpoint(out, name), text);
  const path = inCheckpoint(out, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  const sha256 = createHash('sha256').update(text).digest('hex');
  manifest.files[name] = { bytes: Buffer.byteLength(text), sha256 };
  writeFileSync(path, `${JSON.stringify(manifest, undefined, 1)}\n`);
}
