import { spawnSync } from 'node:child_process';
import { shippedFile } from './shippedFile.ts';

/** Runs the package's set-up, which says on standard error what it does. Returns the exit code. */
export function runSetup(): number {
  const { status } = spawnSync(process.execPath, [shippedFile('scripts/setup.mjs')], {
    stdio: 'inherit',
  });
  return status ?? 1;
}
