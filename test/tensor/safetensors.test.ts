import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSafetensors, serializeSafetensors } from '../../src/formats/safetensors/file.ts';
import { loadSafetensors, nn, saveSafetensors, tensor, zeros } from '../../src/index.ts';
import { allDevices } from '../support/devices.ts';

const devices = await allDevices();
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterAll(async () => {
  for (const [, device] of devices) device?.destroy();
  await rm(dir, { recursive: true });
});

describe.each(devices)('on %s', (name, device) => {
  it.skipIf(!device)('tensors of each dtype and any shape come back', async () => {
    const path = join(dir, `${name}.safetensors`);
    const tensors = {
      floats: tensor(
        [
          [1.5, -2],
          [0.25, 3e38],
        ],
        { device },
      ).transpose(0, 1),
      ints: tensor(Int32Array.of(-(2 ** 31), 2 ** 31 - 1), { device }),
      flags: tensor([true, false, true], { device }),
      scalar: tensor(7, { device }),
      none: zeros([2, 0], { device }),
    };
    await saveSafetensors(tensors, path);
    const loaded = await loadSafetensors(path, { device });
    expect([...loaded.keys()].sort()).toEqual(Object.keys(tensors).sort());
    for (const [key, x] of Object.entries(tensors)) {
      const copy = loaded.get(key)!;
      expect([copy.dtype, copy.shape, copy.device]).toEqual([x.dtype, x.shape, device]);
      expect(await copy.data()).toEqual(await x.data());
    }
  });
});

it('a file has the dtypes and the metadata of the reference library', async () => {
  const model = new nn.Linear(3, 2);
  const path = join(dir, 'new', 'linear.safetensors');
  await saveSafetensors(model.stateDict(), path);
  const { tensors, metadata } = parseSafetensors(await readFile(path));
  expect(metadata).toEqual({ format: 'pt' });
  expect([...tensors].map(([key, { dtype, shape }]) => [key, dtype, shape])).toEqual([
    ['bias', 'F32', [2]],
    ['weight', 'F32', [2, 3]],
  ]);
  const copy = new nn.Linear(3, 2);
  copy.loadStateDict(await loadSafetensors(path));
  expect(await copy.weight.data()).toEqual(await model.weight.data());
  expect(await readdir(join(dir, 'new'))).toEqual(['linear.safetensors']);
});

it('halves and long integers become float32 and int32, unless they do not fit', async () => {
  const path = join(dir, 'others.safetensors');
  const write = (long: bigint) =>
    serializeSafetensors([
      ['half', { dtype: 'F16', shape: [2], data: new Uint8Array([0, 0x3c, 0, 0xc0]) }],
      ['long', { dtype: 'I64', shape: [1], data: new Uint8Array(BigInt64Array.of(long).buffer) }],
    ]);
  const { writeFile } = await import('node:fs/promises');
  await writeFile(path, write(-5n));
  const loaded = await loadSafetensors(path);
  expect(await loaded.get('half')!.tolist()).toEqual([1, -2]);
  expect(await loaded.get('long')!.tolist()).toEqual([-5]);
  await writeFile(path, write(2n ** 40n));
  await expect(loadSafetensors(path)).rejects.toThrow('expected integers of 32 bits');
});

it('says what is wrong with a path', async () => {
  await expect(saveSafetensors({}, `${dir}/`)).rejects.toThrow('expected the path of a file');
  await expect(loadSafetensors(join(dir, 'missing'))).rejects.toThrow('missing');
});
