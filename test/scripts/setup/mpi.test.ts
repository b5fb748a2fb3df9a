import { expect, test } from 'vitest';
import { ensureMpi } from '../../../scripts/setup/mpi.mjs';
import { machineWhere } from './machine.ts';

/** Runs it on a machine where the commands that begin as `working` work. */
function ensure(isRoot: boolean, working: readonly string[]) {
  const { machine, commands } = machineWhere(working, isRoot);
  const lines: string[] = [];
  ensureMpi((line: string) => lines.push(line), machine);
  return { commands, lines };
}

const install = 'apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 openmpi-bin';

test('where mpirun is, nothing is done or said', () => {
  expect(ensure(true, ['mpirun'])).toEqual({ commands: ['mpirun --version'], lines: [] });
});

test('root installs it with apt', () => {
  const { commands, lines } = ensure(true, ['apt-get']);
  expect(commands.at(-1)).toBe(install);
  expect(lines).toEqual(['installing openmpi-bin …']);
});

test.each([
  ['apt-get --version', 'apt-get update'],
  // One source that is unreachable makes the whole update fail; the others are fetched.
  ['apt-get --version'],
])('if the lists are missing, it is tried again after an update (%s works)', (...working) => {
  const { commands, lines } = ensure(true, working);
  expect(commands.slice(2)).toEqual([install, 'apt-get update', install]);
  expect(lines.at(-1)).toBe(
    'openmpi-bin could not be installed: the tests of several processes are skipped.',
  );
});

test.each([
  [false, ['apt-get'], `To install it: sudo ${install}`],
  [true, [], 'no apt to install it: the tests of several processes are skipped.'],
])('root %s, with %j: it says what is skipped', (isRoot, working, words) => {
  expect(ensure(isRoot, working).lines).toEqual([expect.stringContaining(words)]);
});
