import { describe, expect, it, vi } from 'vitest';
import { doctorLines } from '../../src/cli/doctor.ts';
import { checkDevice } from '../../src/cli/doctorChecks.ts';
import { CpuDevice } from '../../src/device/cpu.ts';
import { wigbert } from '../support/cli.ts';

describe('wigbert doctor', () => {
  it('says what the machine has, and proves it', () => {
    const { status, stdout } = wigbert(['doctor', '--device', 'cpu']);
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeLessThan(25);
    for (const name of [
      'wigbert',
      'runtime',
      'memory',
      'packages',
      'device',
      'kernels',
      'training',
    ])
      expect(lines.filter((line) => line.startsWith(`${name} `))).toHaveLength(1);
    expect(stdout).toMatch(/^training +ok: four steps of a tiny BERT/m);
    expect(stdout).toMatch(/^device +cpu /m);
  });

  it('prints JSON for machines', () => {
    const { stdout } = wigbert(['doctor', '--device', 'cpu', '--json']);
    const found = JSON.parse(stdout);
    expect(found.device.kind).toBe('cpu');
    expect(found.packages.benny).toMatch(/^3\./);
    expect(found.checks.map(({ ok }: { ok: boolean }) => ok)).toEqual([true, true]);
    expect(doctorLines(found).join('\n')).toContain(found.processor);
  });

  it('tries the device that the environment names', () => {
    vi.stubEnv('WIGBERT_DEVICE', 'cpu');
    try {
      const { status, stdout } = wigbert(['doctor', '--json']);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ device: { kind: 'cpu' }, adapter: null });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('shows all that it found where the device cannot be opened', () => {
    vi.stubEnv('VK_DRIVER_FILES', '/nonexistent');
    try {
      const { status, stdout } = wigbert(['doctor', '--device', 'webgpu']);
      expect(status).toBe(1);
      expect(stdout).toMatch(/^memory /m);
      expect(stdout).toMatch(/^device +FAILED: .*adapter/m);
      const json = wigbert(['doctor', '--device', 'webgpu', '--json']);
      expect(json.status).toBe(1);
      expect(JSON.parse(json.stdout)).toMatchObject({ device: null, checks: [{ ok: false }] });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('finds a device that computes wrongly', async () => {
    class BrokenDevice extends CpuDevice {
      override async read(...args: Parameters<CpuDevice['read']>) {
        const bytes = await super.read(...args);
        new Float32Array(bytes)[0] += 0.5;
        return bytes;
      }
    }
    const checks = await checkDevice(new BrokenDevice());
    expect(checks.map(({ ok }) => ok)).toEqual([false, false]);
    expect(checks[0].detail).toMatch(/differs from the reference by 5\.0e-1/);
  });
});

it('wigbert setup runs the set-up', () => {
  const { status, stderr } = wigbert(['setup']);
  expect(status).toBe(0);
  for (const line of stderr.split('\n').filter(Boolean))
    expect(line).toMatch(/^setup: |Vulkan|CPU/);
});
