import { beforeEach, describe, expect, it, vi } from 'vitest';
import { namesIn } from '../../src/platform/browser/privateFiles.ts';
import type { DataSet, TrainRequest } from '../../web/src/engine/protocol.ts';
import { saveRun } from '../../web/src/engine/runs.ts';
import { isTraining, learn, resume, stop, train } from '../../web/src/engine/training.ts';
import { fakeNavigator } from '../support/privateFileSystem.ts';

const engine = vi.hoisted(() => ({
  readData: vi.fn(),
  fineTune: vi.fn(),
  getLastCheckpoint: async () => undefined,
}));
vi.mock('wigbert/train', async (original) => ({ ...(await original<object>()), ...engine }));
vi.mock('../../web/src/engine/device.ts', () => ({ useDeviceOf: async () => {} }));
vi.mock('../../web/src/engine/runs.ts', async (original) => {
  const actual = await original<typeof import('../../web/src/engine/runs.ts')>();
  return { ...actual, saveRun: vi.fn(actual.saveRun) };
});

const set: DataSet = {
  ...{ id: 1, name: 'a.csv', path: 'opfs:/sets/1/a.csv', columns: [], preview: [] },
  chosen: { task: 'classification' },
};
const request: TrainRequest = {
  ...{ set, base: { name: 'bert', path: 'opfs:/models/1' } },
  settings: { epochs: 1, learningRate: 4e-4, batchSize: 4, maxLength: 8, seed: 1 },
};
const data = {
  examples: Array.from({ length: 10 }, (_, i) => ({ text: `text ${i}`, label: i % 2 })),
  labels: ['no', 'yes'],
};
const report = () => {};

beforeEach(() => {
  vi.stubGlobal('navigator', fakeNavigator('worker'));
  engine.readData.mockReset().mockResolvedValue(data);
  engine.fineTune.mockReset().mockResolvedValue({ interrupted: false });
});

describe('a training of the page', () => {
  it('can be stopped while its rows are read, and then go on', async () => {
    let read = (_: typeof data) => {};
    engine.readData.mockReturnValue(
      new Promise((resolve) => {
        read = resolve;
      }),
    );
    const training = train(request, report);
    await expect(train(request, report)).rejects.toThrow('another run is training');
    stop();
    read(data);
    expect((await training).status).toBe('stopped');
    expect(engine.fineTune).not.toHaveBeenCalled();
    expect((await namesIn('opfs:/runs'))?.directory).toEqual(['1']);
    expect((await resume(1, report)).status).toBe('done');
  });

  it('leaves the engine free when it cannot be kept', async () => {
    const actual = vi.mocked(saveRun).getMockImplementation()!;
    vi.mocked(saveRun)
      .mockImplementationOnce(actual)
      .mockRejectedValueOnce(new Error('there is no room'));
    await expect(train(request, report)).rejects.toThrow('no room');
    expect(isTraining()).toBe(false);
    expect((await train(request, report)).status).toBe('done');
  });

  it('learns from answers at half its rate, and from later ones at the same', async () => {
    await train(request, report);
    const answers = [{ text: 'text 1', label: ['no'] }];
    const first = await learn(1, answers, report);
    const second = await learn(first.id, answers, report);
    expect([first, second].map(({ settings }) => settings.learningRate)).toEqual([2e-4, 2e-4]);
  });
});
