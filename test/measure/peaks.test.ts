import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { measurePeaks, shareOfPeak } from '../../src/measure/peaks.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('the peaks of %s', (_, device) => {
  it.skipIf(!device)('are positive, finite, measured once, and leave nothing in use', async () => {
    const before = device!.memory();
    const peaks = await measurePeaks(device!);
    for (const peak of Object.values(peaks)) {
      expect(peak).toBeGreaterThan(0);
      expect(Number.isFinite(peak)).toBe(true);
    }
    expect(await measurePeaks(device!)).toBe(peaks);
    expect(device!.memory().bytes).toBe(before.bytes);
  });
});

it('judges work by the peak that bounds it', () => {
  const peaks = { flops: 100, bytesPerSecond: 10 };
  expect(shareOfPeak({ flops: 50, bytes: 1 }, 1, peaks)).toEqual({
    share: 0.5,
    bound: 'multiply-add',
  });
  expect(shareOfPeak({ flops: 50, bytes: 8 }, 2, peaks)).toEqual({ share: 0.4, bound: 'copy' });
  expect(shareOfPeak({ flops: 0, bytes: 5 }, 1, peaks)).toEqual({ share: 0.5, bound: 'copy' });
});
