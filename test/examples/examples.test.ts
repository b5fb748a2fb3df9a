import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { setDevice } from '../../src/index.ts';
import { repositoryFile } from '../support/cli.ts';
import { allDevices } from '../support/devices.ts';
import golden from './golden.json' with { type: 'json' };

const folder = new URL('../../examples/', import.meta.url);
const stems = (ending: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length));
const notPrograms = ['shared', 'run', 'search'];
const programs = stems('.ts').filter((name) => !notPrograms.includes(name));
const losses: Record<string, number[]> = golden.losses;

const devices = await allDevices();
afterAll(() => {
  for (const [, device] of devices) device?.destroy();
});

beforeEach(() => void vi.spyOn(console, 'log').mockImplementation(() => {}));
afterEach(() => {
  vi.restoreAllMocks();
  setDevice(new CpuDevice());
});

it('each program has a twin in Python, with its losses, and a line in the README', () => {
  expect(programs.length).toBeGreaterThanOrEqual(16);
  expect(stems('.py').filter((name) => !notPrograms.includes(name))).toEqual(programs);
  expect(Object.keys(losses).sort()).toEqual([...programs].sort());
  const readme = readFileSync(new URL('README.md', folder), 'utf8');
  for (const name of programs) expect(readme).toContain(`\`${name}\``);
  expect(golden.torch).toMatch(/^\d+\.\d+/);
});

it('search finds the text that is the query, then what shares words with it', async () => {
  const { Index } = await import('../../examples/search.ts');
  const texts = ['정말 재미있는 영화', '시간이 아까웠어요', '배우들의 연기가 좋다', '지루하다'];
  const index = await Index.of(repositoryFile('models/bert-tiny-ko'), texts);
  const [first, ...others] = await index.search('시간이 아까웠어요', 3);
  expect(first.text).toBe('시간이 아까웠어요');
  expect(first.score).toBeCloseTo(1, 5);
  expect(others).toHaveLength(2);
  for (const { score } of others) expect(score).toBeLessThan(0.99);
});

describe.each(devices)('on %s', (_, device) => {
  it.skipIf(!device).each(programs)('%s has the losses of PyTorch', async (name) => {
    setDevice(device!);
    const path = fileURLToPath(new URL(`${name}.ts`, folder));
    const { default: main } = (await import(path)) as { default: () => Promise<number[]> };
    const found = await main();
    expect(found).toHaveLength(losses[name].length);
    expect(found.length).toBeGreaterThanOrEqual(9);
    for (const [step, loss] of found.entries()) {
      const difference = Math.abs(loss - losses[name][step]) / Math.abs(losses[name][step]);
      expect(difference, `step ${step}: ${loss} for ${losses[name][step]}`).toBeLessThan(1e-5);
    }
  });
});
