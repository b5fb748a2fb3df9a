import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, cliFixture, repositoryFile, vocab } from '../support/cli.ts';

const { dir, file, data, fresh } = cliFixture();

it('is there before it is built, and says so', () => {
  const command = repositoryFile('bin/wigbert.mjs');
  const run = (path: string) =>
    spawnSync(process.execPath, [path, '--version'], { encoding: 'utf8' });
  expect(run(command)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
  const unbuilt = file('wigbert.mjs', readFileSync(command, 'utf8'));
  expect(run(unbuilt)).toMatchObject({
    status: 1,
    stderr: 'wigbert is not built: run `npm run build` first\n',
  });
});

describe('standard output', () => {
  const command = `"${process.execPath}" "${cli}"`;
  const long = `${command} tokenize '${'film '.repeat(20_000)}' --vocab "${vocab}" --json`;
  const shell = (command: string) => spawnSync('sh', ['-c', command], { encoding: 'utf8' });

  it('goes through a pipe to its end', () => {
    const { stdout } = shell(`${long} | (sleep 1; cat)`);
    expect(JSON.parse(stdout).tokens).toHaveLength(20_002);
  });

  it.skipIf(!existsSync('/dev/full'))('says when it cannot be written', () => {
    expect(shell(`${long} > /dev/full`)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^wigbert: cannot write what is printed: ENOSPC/),
    });
  });

  it.each(['--json', '2>&1'])('does not end training where it is closed (%s)', (words) => {
    const out = join(dir, 'closed');
    rmSync(out, { recursive: true, force: true });
    const train = [
      'train',
      data,
      ...fresh,
      '--epochs',
      '4',
      '--valid-split',
      '0',
      '--batch-size',
      '1',
      '--out',
      out,
    ];
    const { stderr } = shell(
      `(${command} '${train.join("' '")}' ${words}; echo "exit $?" > '${out}.txt') | head -1`,
    );
    expect(stderr).not.toMatch(/EPIPE|^\s+at .*(\.js|node):/m);
    expect(readFileSync(`${out}.txt`, 'utf8')).toBe('exit 0\n');
    expect(JSON.parse(readFileSync(join(out, 'history.json'), 'utf8')).epochs).toHaveLength(4);
  });

  it('may be read in part', () => {
    const { stdout, stderr } = shell(`(${long}; echo "exit $?" >&2) | head -c 7`);
    expect({ stdout, stderr }).toEqual({ stdout: '{"token', stderr: 'exit 0\n' });
  });
});
