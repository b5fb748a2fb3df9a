/**
 * Installs Open MPI with apt if allowed, for the tests of training in several processes. Without it
 * these are skipped.
 */
import { spawnSync } from 'node:child_process';

/** mpirun, and the library that it depends on. */
const PACKAGE = 'openmpi-bin';

/** @param {string[]} command */
const run = ([name, ...args]) => {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(name, args, { env, stdio: 'ignore' }).status === 0;
};

/**
 * @param {(line: string) => void} say
 * @param {{ run: (command: string[]) => boolean, isRoot: boolean }} machine tests replace it
 */
export function ensureMpi(say, machine = { run, isRoot: process.getuid?.() === 0 }) {
  if (machine.run(['mpirun', '--version'])) return;
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', PACKAGE];
  if (machine.isRoot && machine.run(['apt-get', '--version'])) {
    say(`installing ${PACKAGE} …`);
    if (machine.run(install)) return;
    if (machine.run(['apt-get', 'update']) && machine.run(install)) return;
  }
  say(`no Open MPI: tests of several processes are skipped (apt-get install ${PACKAGE})`);
}
