import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { setDevice } from '../../src/index.ts';
import { repositoryFile, wigbert } from '../support/cli.ts';
import { allDevices } from '../support/devices.ts';

const folder = repositoryFile('examples/custom-kernel');
const devices = await allDevices();
afterAll(() => {
  setDevice(new CpuDevice());
  for (const [, device] of devices) device?.destroy();
});

describe.each(devices)('an operation from outside the package on %s', (_, device) => {
  it.skipIf(!device)('is checked, trained with and profiled', async () => {
    setDevice(device!);
    const lines: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(line));
    const { default: main } = await import(join(folder, 'main.ts'));
    const losses: number[] = await main();
    log.mockRestore();
    expect(losses.length).toBe(20);
    expect(losses[19]).toBeLessThan(0.5 * losses[0]);
    expect(lines[0]).toBe('step  loss');
    const hasClock = lines.some((line) => line.startsWith('\nkernel'));
    if (hasClock) expect(lines.join('\n')).toMatch(/^swigluBackward +1 +\d+$/m);
  });
});

describe('the command line', () => {
  // Inside the repository, where `wigbert/kernels` is the package itself.
  mkdirSync(repositoryFile('out'), { recursive: true });
  const out = mkdtempSync(repositoryFile('out/custom-kernel-'));
  afterAll(() => rmSync(out, { recursive: true, force: true }));
  const module = join(out, 'swiglu.js');
  const text = readFileSync(join(folder, 'swiglu.ts'), 'utf8');
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  });
  writeFileSync(module, outputText);

  it('prints the WGSL of its kernels', () => {
    const list = wigbert(['kernels', '--module', module, '--device', 'cpu', '--json']);
    const names = list.stdout.trim().split('\n');
    expect(names.map((line) => JSON.parse(line).kernel)).toEqual(['swiglu', 'swigluBackward']);
    const one = wigbert(['kernels', 'swiglu', '--module', module, '--device', 'cpu']);
    expect(one.stdout).toContain('y[i] = a * gate * b;');
    expect(one.stdout).not.toContain('dx[left]');
  });

  it('times them', () => {
    const { stdout } = wigbert(['bench', '--module', module, '--device', 'cpu', '--json']);
    const [, ...timings] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(timings.map(({ kernel }) => kernel)).toEqual([
      ...Array(3).fill('swiglu'),
      ...Array(3).fill('swigluBackward'),
    ]);
    for (const { milliseconds } of timings) expect(milliseconds).toBeGreaterThan(0);
  });

  it('says what is wrong with a module', () => {
    const missing = wigbert(['kernels', '--module', join(out, 'none.js'), '--device', 'cpu']);
    expect([missing.status, missing.stderr]).toEqual([
      2,
      expect.stringMatching(/--module: cannot/),
    ]);
    const empty = join(out, 'empty.js');
    writeFileSync(empty, 'export {};');
    const nothing = wigbert(['bench', '--module', empty, '--device', 'cpu']);
    expect(nothing.status).toBe(2);
    expect(nothing.stderr).toMatch(/--module: expected a module that calls defineKernel/);
  });
});
