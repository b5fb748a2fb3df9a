import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Whether Open MPI is installed. Tests of several processes are skipped without it. */
export const hasMpi = /Open MPI/.test(
  spawnSync('mpirun', ['--version'], { encoding: 'utf8' }).stdout ?? '',
);

const flags = ['--oversubscribe', '--bind-to', 'none', '--quiet', '--mca', 'mpi_yield_when_idle'];

/** Runs what ranks.mjs calls `task` on so many ranks; `values` are what each of them finds. */
export function runRanks(ranks: number, task: string, ...args: string[]) {
  const script = fileURLToPath(new URL('ranks.mjs', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'wigbert-ranks-'));
  const began = performance.now();
  const { status, stderr } = spawnSync(
    'mpirun',
    ['-n', `${ranks}`, ...flags, '1', process.execPath, script, task, ...args],
    {
      encoding: 'utf8',
      env: {
        ...process.env,
        RANKS_FOLDER: folder,
        OMPI_ALLOW_RUN_AS_ROOT: '1',
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
      },
    },
  );
  const seconds = (performance.now() - began) / 1000;
  const values = readdirSync(folder)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  rmSync(folder, { recursive: true });
  return { status, stderr, values, seconds };
}
