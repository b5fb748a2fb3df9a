import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { setDevice } from '../../src/index.ts';
import { allDevices } from '../support/devices.ts';
import golden from './golden.json' with { type: 'json' };

const folder = new URL('../../examples/', import.meta.url);
const stems = (ending: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length));
const notPrograms = ['shared', 'run'];
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
