import { afterAll, describe, expect, it } from 'vitest';
import type { Binding, Device } from '../../src/device/device.ts';
import { DeviceLostError, KernelError, OutOfMemoryError } from '../../src/device/errors.ts';
import { defineKernel, main } from '../../src/device/kernel.ts';
import { BufferPool, bucketSize } from '../../src/device/webgpu/pool.ts';
import { tryWebGpu } from '../support/devices.ts';

const device = await tryWebGpu();
afterAll(() => device?.destroy());

const kernelOf = (
  name: string,
  body: string,
  groups: (p: { count: number }) => number = ({ count }) => count,
) =>
  defineKernel({
    name,
    params: { count: 'u32' },
    buffers: { y: { type: 'u32', access: 'readwrite', size: (p) => p.count } },
    wgsl: () => main(1, body),
    launch: groups,
    reference() {},
    cases: [],
  });
const write = kernelOf('write', '  if (group < p.count) { y[group] = group; }');

function buffer(on: Device, count: number): Binding {
  const made = on.alloc(count * 4);
  return { buffer: made, offset: 0, size: count * 4 };
}

describe.skipIf(!device)('the WebGPU device', () => {
  it('names the kernel and quotes the line that WGSL refuses', async () => {
    const wrong = kernelOf('wrongText', '  y[0] = nothing + 1u;');
    device!.run(wrong, { y: buffer(device!, 4) }, { count: 4 });
    await expect(device!.synchronize()).rejects.toThrow(
      /kernel wrongText: WGSL line \d+: .*nothing[\s\S]*y\[0\] = nothing/,
    );
  });

  it('goes on after a refused kernel', async () => {
    const y = buffer(device!, 8);
    device!.run(write, { y }, { count: 8 });
    expect([...new Uint32Array(await device!.read(y))]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('refuses a buffer smaller than the kernel needs', () => {
    expect(() =>
      device!.run(write, { y: { ...buffer(device!, 4), size: 16 } }, { count: 5 }),
    ).toThrow(new KernelError('write', 'y holds 4 elements, needs 5'));
  });

  it('refuses more than one binding can hold', () => {
    const count = device!.traits.maxBinding / 4 + 4;
    const y = { ...buffer(device!, 4), size: count * 4 };
    expect(() => device!.run(write, { y }, { count })).toThrow(
      /kernel write: y needs \d+ bytes at once; this adapter binds \d+ at most/,
    );
  });

  it('folds more workgroups than one dimension takes', async () => {
    const count = 150_001;
    const y = buffer(device!, count);
    device!.run(write, { y }, { count });
    const values = new Uint32Array(await device!.read(y));
    expect(values.findIndex((value, i) => value !== i)).toBe(-1);
  });

  it('lets no write from the host overtake work that is queued', async () => {
    const double = kernelOf('double', '  if (group < p.count) { y[group] = y[group] * 2u; }');
    const y = buffer(device!, 4);
    device!.write(y, Uint32Array.of(1, 2, 3, 4));
    device!.run(double, { y }, { count: 4 });
    const first = device!.read(y);
    device!.run(double, { y }, { count: 4 });
    device!.write(y, Uint32Array.of(9, 9, 9, 9));
    device!.run(double, { y }, { count: 4 });
    expect([...new Uint32Array(await first)]).toEqual([2, 4, 6, 8]);
    expect([...new Uint32Array(await device!.read(y))]).toEqual([18, 18, 18, 18]);
  });

  it('counts memory exactly and reuses what was freed', () => {
    const before = device!.memory();
    const one = device!.alloc(1000);
    expect(device!.memory().bytes - before.bytes).toBe(bucketSize(1000));
    device!.free(one);
    expect(device!.alloc(1010)).toBe(one);
    device!.free(one);
    expect(device!.memory().buffers).toBe(before.buffers);
  });

  it('rejects what is pending, and all that follows, when it is lost', async () => {
    const doomed = (await tryWebGpu())!;
    const y = buffer(doomed, 4);
    doomed.run(write, { y }, { count: 4 });
    const pending = doomed.read(y);
    doomed.destroy();
    await expect(pending).rejects.toBeInstanceOf(DeviceLostError);
    await expect(doomed.read(y)).rejects.toBeInstanceOf(DeviceLostError);
    expect(() => doomed.run(write, { y }, { count: 4 })).toThrow(DeviceLostError);
  });
});

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
      /no memory for 786432 bytes more: 524288 were in use, 262144 kept for reuse/,
    );
    pool.release(broken);
    pool.release(first);
    expect(pool.acquire(3 << 18)).not.toBe(broken);
    expect(pool.memoryUse().buffers).toBe(1);
  });
});
