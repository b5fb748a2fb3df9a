import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { wigbertHere } from '../support/cli.ts';
import { contents, dir, ended, run, start, wigbert } from '../support/pretrainCli.ts';
import { hasMpi } from '../train/distributed/mpi.ts';

/** Ends a process of a job, found by its arguments and its number there, as a fault would. */
function killRank(rank: number, out: string): void {
  for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const read = (name: string) => readFileSync(join('/proc', id, name), 'utf8').split('\0');
      if (!read('cmdline').includes(out)) continue;
      if (read('environ').includes(`OMPI_COMM_WORLD_RANK=${rank}`)) process.kill(+id, 'SIGKILL');
    } catch {
      // Processes come and go.
    }
  }
}

afterEach(() => vi.unstubAllEnvs());

describe('launch', () => {
  it.each([
    [
      ['predict', 'a text'],
      /<command>: expected one of train, pretrain, evaluate, embed .*, got "predict"/,
    ],
    [['--hosts', 'no-such-file', 'train', 'x.tsv'], /--hosts: expected a file, got no-such-file/],
  ])('refuses %j', async (words, message) => {
    const { status, stderr } = await wigbertHere(['launch', '-n', '2', ...words]);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  it.each([
    '--threads 1 --profile --debug launch -n 2 train x.tsv',
    'launch --debug -n 2 --profile --threads 1 train x.tsv',
  ])('hands the options of the program to the processes: %s', async (line) => {
    const bin = mkdtempSync(join(dir, 'bin-'));
    const mpirun = '#!/bin/sh\ncase $1 in --version) echo Open MPI;; esac\n';
    writeFileSync(join(bin, 'mpirun'), mpirun, { mode: 0o755 });
    vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`);
    const { status, stderr } = await wigbertHere(line.split(' '));
    expect(stderr).toMatch(
      /^launch: mpirun .*main\.js --threads=1 --profile --debug train x\.tsv\n$/,
    );
    expect(status).toBe(0);
  });

  it.skipIf(!hasMpi)(
    'ends where one process does that takes each batch in as many parts',
    async () => {
      const [alone, shared, killed] = ['alone', 'shared', 'killed'].map((name) => join(dir, name));
      const small = [...run('cpu'), '--batch-size', '2', '--steps', '12'];
      const parts = ['--gradient-accumulation-steps', '2'];
      const one = await wigbertHere([...small, ...parts, '--out', alone]);
      expect(one).toMatchObject({ status: 0 });
      const launch = ['launch', '-n', '2', '--logs', join(dir, 'logs')];
      const { status, stderr } = wigbert(...launch, '--profile', ...small, '--out', shared);
      expect(stderr).toMatch(/^launch: mpirun -n 2 /);
      expect(stderr).toMatch(/launches took [\d.]+ s of the [\d.]+ s/);
      expect(status).toBe(0);
      expect(contents(shared)[0]).toEqual(contents(alone)[0]);

      // And also when one of its processes is killed, and the job started again.
      const child = start(...launch, '--max-restarts', '1', ...small, '--json', '--out', killed);
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        const before = output.includes('"step":5,');
        output += chunk;
        if (!before && output.includes('"step":5,')) killRank(1, killed);
      });
      let notes = '';
      child.stderr.on('data', (chunk: Buffer) => {
        notes += chunk;
      });
      expect(await ended(child)).toBe(0);
      expect(notes).toMatch(
        /the job ended with \d+; start 2 of at most 2, from the latest checkpoint/,
      );
      expect(contents(killed)).toEqual(contents(shared));
    },
  );
});
