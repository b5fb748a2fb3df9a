import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDevice } from '../../src/device/open.ts';
import { WasmDevice } from '../../src/device/wasm/wasmDevice.ts';
import { findAdapter } from '../../src/device/webgpu/adapter.ts';
import { WebGpuDevice } from '../../src/device/webgpu/webgpuDevice.ts';
import { openBestDevice } from '../../src/measure/bestDevice.ts';
import { recallSeconds, saveSeconds } from '../../src/measure/rememberedSeconds.ts';

const folder = mkdtempSync(join(tmpdir(), 'wigbert-best-'));
vi.stubEnv('XDG_CACHE_HOME', folder);
const file = join(folder, 'wigbert', 'devices.json');
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const adapter = await findAdapter('highest').catch(() => undefined);

/** The kind of the device that `auto` opens. */
async function best(options = {}): Promise<string> {
  const device = await openBestDevice(options);
  device.destroy();
  return device.kind;
}

describe('the environment variable WIGBERT_DEVICE', () => {
  afterEach(() => vi.stubEnv('WIGBERT_DEVICE', ''));

  it.each(['wasm', 'cpu'])('names the device %s', async (kind) => {
    vi.stubEnv('WIGBERT_DEVICE', kind);
    expect(await best()).toBe(kind);
  });

  it.each(['gpu', 'auto', 'WASM'])('refuses %s', async (kind) => {
    vi.stubEnv('WIGBERT_DEVICE', kind);
    await expect(best()).rejects.toThrow(
      `WIGBERT_DEVICE: expected webgpu, wasm or cpu, got "${kind}"`,
    );
  });
});

describe('measured times', () => {
  const seconds = { wasm: 0.25, webgpu: 0.5 };

  it('are kept by devices, beside those of others', async () => {
    await saveSeconds(['a', 'b'], seconds);
    await saveSeconds(['c', 'd'], { wasm: 2, webgpu: 1 });
    expect(await recallSeconds(['a', 'b'])).toEqual(seconds);
    expect(await recallSeconds(['a', 'd'])).toBeUndefined();
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    expect(Object.keys(kept)).toHaveLength(2);
    expect(Object.keys(kept)[0]).toMatch(/^a · b · .+ · wigbert \d/);
  });

  it.each(['{', '[]', '{"a": {"wasm": "fast"}}', '{"a": 3}'])(
    'of a damaged file (%s) count as none, and are replaced',
    async (text) => {
      await mkdir(join(folder, 'wigbert'), { recursive: true });
      writeFileSync(file, text);
      expect(await recallSeconds(['e', text])).toBeUndefined();
      await saveSeconds(['e', text], seconds);
      expect(Object.values(JSON.parse(readFileSync(file, 'utf8')))).toEqual([seconds]);
    },
  );
});

it.skipIf(adapter)('without an adapter, auto is the wasm device', async () => {
  expect(await best()).toBe('wasm');
});

describe.skipIf(!adapter?.software)('with a software adapter, auto', () => {
  it('takes the faster device, by times that it measures once', async () => {
    const kind = await best();
    const [key, times] = Object.entries(JSON.parse(readFileSync(file, 'utf8'))).at(-1) as [
      string,
      { wasm: number; webgpu: number },
    ];
    expect(key).toContain(adapter!.description);
    expect(kind).toBe(times.wasm <= times.webgpu ? 'wasm' : 'webgpu');
    const before = readFileSync(file, 'utf8');
    expect(await best()).toBe(kind);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('frees both devices if the second cannot be opened', async () => {
    const wasm = await openDevice('wasm');
    await saveSeconds([adapter!.description, wasm.description], { wasm: 2, webgpu: 1 });
    wasm.destroy();
    const tuning = join(folder, 'wigbert', 'tuning.json');
    writeFileSync(tuning, '3');
    onTestFinished(() => rmSync(tuning));
    const destroys = [WasmDevice, WebGpuDevice].map(({ prototype }) =>
      vi.spyOn(prototype, 'destroy'),
    );
    onTestFinished(() => void vi.restoreAllMocks());
    await expect(best()).rejects.toThrow('delete it, or tune again');
    for (const destroy of destroys) expect(destroy).toHaveBeenCalledTimes(1);
  });

  it('is WebGPU if traits are given', async () => {
    expect(await best({ traits: { maxBinding: 2 ** 23 } })).toBe('webgpu');
  });
});
