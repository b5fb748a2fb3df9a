import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Philox } from '../../src/tensor/random.ts';
import { inCheckpoint } from '../support/checkpoints.ts';
import { wigbertHere } from '../support/cli.ts';
import { contents, dir, ended, run, STEPS, start } from '../support/pretrainCli.ts';

// Each start on a software adapter compiles kernels, which takes longest.
describe.each([
  ['cpu', 5],
  ['auto', 2],
])('pretrain on %s', (device, most) => {
  const whole = join(dir, `whole-${device}`);
  beforeAll(async () => {
    expect(await wigbertHere([...run(device), '--out', whole])).toMatchObject({ status: 0 });
  });

  it('learns, and says how it went', () => {
    const { steps, evaluations, objective } = JSON.parse(
      readFileSync(join(whole, 'history.json'), 'utf8'),
    );
    expect(objective).toBe('mlm+nsp');
    expect(steps.map(({ step }: { step: number }) => step)).toEqual(
      Array.from({ length: STEPS }, (_, i) => i + 1),
    );
    expect(evaluations.map(({ step }: { step: number }) => step)).toEqual([8, 16, 24, 32]);
    expect(evaluations.at(-1).validPerplexity).toBeLessThan(evaluations[0].validPerplexity);
    expect(readFileSync(join(whole, 'history.svg'), 'utf8')).toMatch(/^<svg/);
  });

  it('ends with the same bits however often it is killed', async () => {
    const out = join(dir, `killed-${device}`);
    const moments = new Philox(device.length);
    let kills = 0;
    for (let tries = 0; tries < 40; tries++) {
      const child = start(...run(device), '--out', out, '--json', '--resume', 'auto');
      // Killed after some steps, at any moment of a step or of a checkpoint; the last tries go on
      // to the end.
      const after = kills < most ? 1 + moments.randint(6) : Number.POSITIVE_INFINITY;
      let seen = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        seen += `${chunk}`.split('"event":"step"').length - 1;
        if (seen >= after && !child.killed)
          setTimeout(() => child.kill('SIGKILL'), moments.randint(30));
      });
      const code = await ended(child);
      if (code === 0) break;
      expect(child.signalCode).toBe('SIGKILL');
      kills++;
    }
    expect(kills).toBe(most);
    expect(contents(out)).toEqual(contents(whole));
  });

  it('stops on Ctrl-C and goes on', async () => {
    const out = join(dir, `stopped-${device}`);
    const child = start(...run(device), '--out', out, '--json');
    child.stdout.on(
      'data',
      (chunk: Buffer) => `${chunk}`.includes('"step":3,') && child.kill('SIGINT'),
    );
    expect(await ended(child)).toBe(130);
    const { step } = JSON.parse(readFileSync(inCheckpoint(out, 'training.json'), 'utf8'));
    expect(step).toBeGreaterThanOrEqual(3);
    expect(step).toBeLessThan(STEPS);
    const resume = ['pretrain', '--resume', out, '--quiet'];
    expect((await wigbertHere([...resume, '--batch-size', '4'])).status).toBe(0);
    expect(contents(out)).toEqual(contents(whole));
    // A run that is done stays as it is.
    expect((await wigbertHere(resume)).status).toBe(0);
    expect(contents(out)).toEqual(contents(whole));
  });
});
