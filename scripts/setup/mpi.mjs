/** Gives a machine Open MPI for the tests of training in several processes. */
import { installForTests, thisMachine } from './install.mjs';

/**
 * Finds mpirun or installs it, with the library that it depends on.
 * @param {(line: string) => void} say
 * @param {import('./install.mjs').Machine} [machine]
 */
export function ensureMpi(say, machine = thisMachine) {
  if (machine.run(['mpirun', '--version']).ok) return;
  installForTests('openmpi-bin', 'the tests of several processes are skipped', say, machine);
}
