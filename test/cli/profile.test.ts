import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliFixture, vocab, wigbert, wigbertHere } from '../support/cli.ts';

const { dir, data, config } = cliFixture();

describe('speed is shown', () => {
  it('tells of the device and its peaks', () => {
    const info = JSON.parse(wigbert(['info', '--json']).stdout);
    expect(info.device).toMatch(/^(webgpu|wasm|cpu)$/);
    expect(info.devices.map(({ device }: { device: string }) => device)).toEqual(
      expect.arrayContaining([info.device, 'wasm', 'cpu']),
    );
    for (const { peaks, stepMilliseconds } of info.devices)
      for (const one of [peaks.flops, peaks.bytesPerSecond, stepMilliseconds]) {
        expect(Number.isFinite(one)).toBe(true);
        expect(one).toBeGreaterThan(0);
      }
  });

  it('shows one device that is asked for, on the threads that are asked for', async () => {
    const { stdout } = wigbert(['info', '--device', 'wasm', '--threads', '1']);
    expect(stdout).toMatch(/^device +adapter +GFLOP\/s +GB\/s +step, ms$/m);
    expect(stdout).toMatch(/^wasm +WebAssembly, 1 thread.* +[\d.]+ +[\d.]+ +[\d,.]+$/m);
    expect(stdout).not.toMatch(/^cpu /m);
    for (const count of ['0', 'two', '1.5'])
      expect((await wigbertHere(['info', '--threads', count])).status).toBe(2);
    const many = await wigbertHere(['info', '--device', 'wasm', '--threads', '257']);
    expect(many.stderr).toContain('expected a whole number from 1 to 256, got 257');
    expect(many.status).toBe(2);
  });

  it('benchmarks against the peaks and the reference', async () => {
    const { stdout } = wigbert(['bench', 'gatherBackward']);
    expect(stdout).toMatch(/^peaks: [\d.,]+ GFLOP\/s by multiply-adds, [\d.,]+ GB\/s by a copy/);
    expect(stdout).toMatch(/^kernel +ms +GFLOP\/s +GB\/s +% of peak +cpu ms +cpu : here$/m);
    expect(stdout).toMatch(/^gatherBackward .* +\d+ {2}copy /m);
    expect(stdout).not.toContain('training step');
    expect((await wigbertHere(['bench', 'nothing', '--steps', 'tiny,huge'])).stderr).toMatch(
      /tiny, mini, base, separated by commas, or none/,
    );
    expect((await wigbertHere(['bench', 'nothing', '--profile'])).status).toBe(2);
    const high = await wigbertHere([
      'bench',
      'gatherBackward',
      '--device',
      'cpu',
      '--precision',
      'high',
    ]);
    expect(high.status).toBe(0);
    expect(high.stderr).toContain('no tensor cores: --precision high changes nothing');
  });

  it('profiles training on either device, and tells how near to the peak it is', () => {
    const args = [
      'train',
      data,
      '--vocab',
      vocab,
      '--config',
      config,
      '--out',
      join(dir, 'profiled'),
      '--epochs',
      '1',
    ];
    const { status, stderr } = wigbert([...args, '--profile']);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      stderr.startsWith('device: webgpu')
        ? /tokens\/s · [\d.]+ % of peak · .* left/
        : /tokens\/s · .* left/,
    );
    const rows = stderr.slice(stderr.indexOf('\nkernel ')).trim().split('\n').slice(1, -1);
    const kernels = rows.map((row) => row.split(/\s{2,}/)[0]);
    expect(kernels).toContain('matmul');
    expect(kernels).toContain('adam');
    const shares = rows.map((row) =>
      Number(
        row
          .slice(row.search(/ {2}\d+ +[\d.]+ +[\d.]+ {2}/))
          .trim()
          .split(/ +/)[2],
      ),
    );
    expect(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 100)).toBeLessThan(
      0.05 * rows.length + 1e-6,
    );
    const json = wigbert([...args, '--profile', '--json', '--device', 'cpu', '--overwrite'])
      .stdout.trim()
      .split('\n');
    const profile = JSON.parse(json.at(-1)!);
    expect(profile.event).toBe('profile');
    expect(
      profile.kernels.reduce((sum: number, { share }: { share: number }) => sum + share, 0),
    ).toBeCloseTo(1, 9);
    expect(profile.seconds).toBeLessThan(profile.wallSeconds);
  });
});
