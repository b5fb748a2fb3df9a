import { afterAll, describe, expect, it } from 'vitest';
import type { Binding, Device } from '../../../src/device/device.ts';
import { DeviceLostError, KernelError } from '../../../src/device/errors.ts';
import { defineKernel, main } from '../../../src/device/kernel.ts';
import { bucketSize } from '../../../src/device/webgpu/pool.ts';
import { tryWebGpu } from '../../support/devices.ts';

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
    ).toThrow(new KernelError('write', '`y`: expected at least 5 elements, got 4'));
  });

  it('refuses more than one binding can hold', () => {
    const count = device!.traits.maxBinding / 4 + 4;
    const y = { ...buffer(device!, 4), size: count * 4 };
    expect(() => device!.run(write, { y }, { count })).toThrow(
      /kernel write: `y`: expected at most \d+ bytes, all that this adapter binds, got \d+/,
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
