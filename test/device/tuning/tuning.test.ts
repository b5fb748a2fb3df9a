import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../../src/device/open.ts';
import { saveTuning, version } from '../../../src/device/tuning/tuningFile.ts';
import { TuningTable, tuningKey } from '../../../src/device/tuning/tuningTable.ts';
import { matmul } from '../../../src/kernels/matmul/index.ts';
import { denseMatmul } from '../../../src/kernels/matmul/shape.ts';
import { type TuningResult, tune } from '../../../src/measure/tune.ts';
import { ones, matmul as product, setDevice } from '../../../src/tensor/index.ts';
import { tryWebGpu } from '../../support/devices.ts';

const cache = process.env.XDG_CACHE_HOME;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wigbert-tuning-'));
  process.env.XDG_CACHE_HOME = folder;
});
afterAll(async () => {
  if (cache === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = cache;
  await rm(folder, { recursive: true });
});

it('is kept for the version that the package has', async () => {
  expect(JSON.parse(await readFile('package.json', 'utf8')).version).toBe(version);
});

describe('a tuning table', () => {
  const kernel = {
    ...matmul,
    candidates: () => [
      { width: 1, rows: 1 },
      { width: 1, rows: 2 },
    ],
  } as unknown as typeof matmul;
  const params = denseMatmul('NN', 30, 40, 50);
  const traits = {} as never;

  it('takes the best guess, then what was chosen, but nothing that is no candidate', () => {
    const table = new TuningTable();
    expect(table.constants(kernel, params, traits)).toEqual({ width: 1, rows: 1 });
    const key = tuningKey(kernel as never, params);
    table.choose(key, { width: 1, rows: 2 });
    expect(table.constants(kernel, params, traits)).toEqual({ width: 1, rows: 2 });
    table.choose(key, { width: 1, rows: 3 });
    expect(table.constants(kernel, params, traits)).toEqual({ width: 1, rows: 1 });
    expect([...table.seen.keys()]).toEqual([key]);
  });

  it('shares a choice among nearly equal shapes alone', () => {
    const key = (m: number) => tuningKey(matmul as never, denseMatmul('NN', m, 64, 64));
    expect(key(65)).toBe(key(128));
    expect(key(64)).not.toBe(key(65));
  });
});

const webgpu = await tryWebGpu();
describe.skipIf(!webgpu)('tuning', () => {
  it('times every candidate, chooses the fastest, and the next device remembers', async () => {
    setDevice(webgpu!);
    product(ones([64, 32]), ones([32, 64])).dispose();
    const results: TuningResult[] = [];
    await tune(webgpu!, webgpu!.tuning!.seen.values(), Number.POSITIVE_INFINITY, (result) =>
      results.push(result),
    );
    expect(results).toHaveLength(1);
    expect(results[0].tried).toBe(results[0].candidates);
    expect(results[0].seconds).toBeLessThanOrEqual(results[0].guessSeconds);
    const goodEnough: TuningResult[] = [];
    await tune(webgpu!, webgpu!.tuning!.seen.values(), 1, (result) => goodEnough.push(result));
    expect(goodEnough[0].tried).toBe(1);
    webgpu!.tuning!.choose(results[0].key, results[0].chosen);
    const path = await saveTuning(webgpu!);
    const again = await openDevice('webgpu');
    expect(again.tuning!.entries).toEqual({ [results[0].key]: results[0].chosen });
    again.destroy();
    await writeFile(path, '{"adapter": 3}');
    await expect(openDevice('webgpu')).rejects.toThrow('delete it, or tune again');
    await writeFile(path, '{');
    await expect(openDevice('webgpu')).rejects.toThrow('is not valid JSON');
    await rm(path);
    webgpu!.destroy();
  });

  it('passes over a variant that the adapter refuses', async () => {
    const device = (await openDevice('webgpu'))!;
    const params = denseMatmul('NN', 16, 16, 16);
    const [good] = matmul.candidates!(params, device.traits);
    const kernel = {
      ...matmul,
      name: 'refused',
      candidates: () => [{ ...good, isBroken: true }, good],
      wgsl: (constants: typeof good, traits: never) =>
        'isBroken' in constants ? 'nonsense' : matmul.wgsl(constants, traits),
    };
    const results: TuningResult[] = [];
    await tune(device, [{ kernel, params }] as never, 1, (result) => results.push(result));
    expect(results).toMatchObject([{ chosen: good, tried: 1, candidates: 2 }]);
    const broken = { ...kernel, candidates: () => [{ ...good, isBroken: true }] };
    await expect(tune(device, [{ kernel: broken, params }] as never, 1)).rejects.toThrow(
      'kernel refused',
    );
    device.destroy();
  });

  it('refuses a device without a choice', async () => {
    await expect(tune(await openDevice('cpu'), [], 1)).rejects.toThrow(
      'no variants to choose from',
    );
  });
});
