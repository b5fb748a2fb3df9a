import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliFixture, vocab, wigbert } from '../support/cli.ts';

const { dir, data, config } = cliFixture();

describe('speed is shown', () => {
  it('tells of the device and its peaks', () => {
    const info = JSON.parse(wigbert(['info', '--json']).stdout);
    expect(info.device).toMatch(/^(webgpu|cpu)$/);
    for (const peak of [info.peaks.flops, info.peaks.bytesPerSecond]) {
      expect(Number.isFinite(peak)).toBe(true);
      expect(peak).toBeGreaterThan(0);
    }
  });

  it('benchmarks against the peaks and the reference', () => {
    const { stdout } = wigbert(['bench', 'gatherBackward']);
    expect(stdout).toMatch(/^peaks: [\d.,]+ GFLOP\/s by multiply-adds, [\d.,]+ GB\/s by a copy/);
    expect(stdout).toMatch(/^kernel +ms +GFLOP\/s +GB\/s +% of peak +cpu ms +cpu : here$/m);
    expect(stdout).toMatch(/^gatherBackward .* +\d+ {2}copy /m);
    expect(stdout).not.toContain('training step');
    expect(wigbert(['bench', 'nothing', '--steps', 'tiny,huge']).stderr).toMatch(
      /tiny, mini, base, separated by commas, or none/,
    );
    expect(wigbert(['bench', 'nothing', '--profile']).status).toBe(2);
    const high = wigbert(['bench', 'gatherBackward', '--device', 'cpu', '--precision', 'high']);
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
