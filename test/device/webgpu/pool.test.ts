import { describe, expect, it } from 'vitest';
import { OutOfMemoryError } from '../../../src/device/errors.ts';
import { BufferPool, bucketSize } from '../../../src/device/webgpu/pool.ts';

it.each([1, 255, 256, 257, 5000, 70_000, 2 ** 27, 2 ** 27 + 4])(
  'a bucket for %i bytes is large enough, by a quarter at most',
  (bytes) => {
    expect(bucketSize(bytes)).toBeGreaterThanOrEqual(bytes);
    expect(bucketSize(bytes)).toBeLessThanOrEqual(Math.max(256, bytes * 1.25 + 256));
    expect(bucketSize(bytes) % 256).toBe(0);
  },
);

describe('the pool of buffers', () => {
  /** A device that has memory for so many bytes. */
  function poolOf(capacity: number) {
    let used = 0;
    let failed = false;
    const verdicts: Promise<Error | undefined>[] = [];
    const device = {
      limits: { maxBufferSize: 2 ** 30 },
      pushErrorScope: () => {
        failed = false;
      },
      popErrorScope: async () => (failed ? { message: 'none left' } : null),
      createBuffer: ({ size }: { size: number }) => {
        failed = used + size > capacity;
        const held = failed ? 0 : size;
        used += held;
        return {
          destroy: () => {
            used -= held;
          },
        };
      },
    } as unknown as GPUDevice;
    const pool = new BufferPool(
      device,
      () => {},
      (verdict) => verdicts.push(verdict),
    );
    return {
      pool,
      used: () => used,
      verdict: async () => (await Promise.all(verdicts)).find((error) => error),
    };
  }

  it('keeps no more than was in use at once', () => {
    const { pool, used } = poolOf(2 ** 30);
    for (let size = 1; size <= 64; size++) pool.release(pool.acquire(size * 1024));
    expect(used()).toBeLessThan(4 * 64 * 1024);
    expect(pool.memoryUse().bytes).toBe(0);
  });

  it('says when memory has run out, and goes on with what is given back', async () => {
    const { pool, verdict } = poolOf(1 << 20);
    const first = pool.acquire(1 << 19);
    const idle = pool.acquire(1 << 18);
    pool.release(idle);
    const broken = pool.acquire(3 << 18);
    const error = await verdict();
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect(error!.message).toMatch(
      /no memory for 786432 more bytes: 524288 are in use, 262144 kept for reuse/,
    );
    pool.release(broken);
    pool.release(first);
    expect(pool.acquire(3 << 18)).not.toBe(broken);
    expect(pool.memoryUse().buffers).toBe(1);
  });
});
