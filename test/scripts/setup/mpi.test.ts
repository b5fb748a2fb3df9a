import { expect, test } from 'vitest';
import { ensureMpi } from '../../../scripts/setup/mpi.mjs';

/** Runs it on a machine where the commands that begin as `working` work. */
function ensure(isRoot: boolean, working: readonly string[]) {
  const commands: string[] = [];
  const lines: string[] = [];
  const run = (command: string[]) => {
    const text = command.join(' ');
    commands.push(text);
    return working.some((begin) => text.startsWith(begin));
  };
  ensureMpi((line: string) => lines.push(line), { run, isRoot });
  return { commands, lines };
}

test('where mpirun is, nothing is done or said', () => {
  expect(ensure(true, ['mpirun'])).toEqual({ commands: ['mpirun --version'], lines: [] });
});

test('root installs it with apt; a list that is missing is fetched first', () => {
  const { commands, lines } = ensure(true, ['apt-get --version', 'apt-get install']);
  expect(commands.at(-1)).toBe('apt-get install -y --no-install-recommends openmpi-bin');
  expect(lines).toEqual(['installing openmpi-bin …']);
  expect(ensure(true, ['apt-get --version', 'apt-get update']).commands.slice(2)).toEqual([
    'apt-get install -y --no-install-recommends openmpi-bin',
    'apt-get update',
    'apt-get install -y --no-install-recommends openmpi-bin',
  ]);
});

test.each([
  [false, ['apt-get']],
  [true, []],
  [true, ['apt-get --version']],
])('root %s, with %j: it says what is skipped', (isRoot, working) => {
  const { lines } = ensure(isRoot, working);
  expect(lines.at(-1)).toBe(
    'no Open MPI: tests of several processes are skipped (apt-get install openmpi-bin)',
  );
});
