import { expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { OutOfMemoryError } from '../../src/device/errors.ts';
import { ones, zeros } from '../../src/tensor/index.ts';

it.each([
  ['zeros', (device: CpuDevice) => zeros([2 ** 20, 2 ** 22], { device })],
  [
    'an intermediate result',
    (device: CpuDevice) => {
      const x = ones([2 ** 20, 1], { device });
      return x.add(x.view([1, 2 ** 20]));
    },
  ],
  ['a buffer of its own', (device: CpuDevice) => device.alloc(2 ** 52)],
])('cpu memory that is not there is an OutOfMemoryError: %s', (_, allocate) => {
  let error: unknown;
  try {
    allocate(new CpuDevice());
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(OutOfMemoryError);
  expect((error as Error).message).toMatch(/no memory for \d+ more bytes: \d+ are in use/);
});

it('cpu memory counts what was allocated, not what failed', () => {
  const device = new CpuDevice();
  const kept = zeros([100], { device });
  const before = device.memory();
  expect(() => device.alloc(2 ** 52)).toThrow(OutOfMemoryError);
  expect(device.memory()).toEqual(before);
  kept.dispose();
  expect(device.memory()).toMatchObject({ bytes: 0, buffers: 0, pooledBytes: 400 });
});

it('cpu memory is reused by size, and kept within bounds', () => {
  const device = new CpuDevice();
  const sizes = [4096, 4096, 8192, 2 ** 22];
  for (const bytes of sizes) device.free(device.alloc(bytes));
  expect(device.memory()).toMatchObject({ bytes: 0, pooledBytes: 4096 + 8192 });
  device.alloc(4096);
  expect(device.memory()).toMatchObject({ bytes: 4096, buffers: 1, pooledBytes: 8192 });
  const many = Array.from({ length: 40 }, () => device.alloc(2 ** 20));
  for (const buffer of many) device.free(buffer);
  expect(device.memory().pooledBytes).toBeLessThanOrEqual(2 ** 24);
});
