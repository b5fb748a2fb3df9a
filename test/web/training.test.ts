import { beforeEach, describe, expect, it, vi } from 'vitest';
import { namesIn } from '../../src/platform/browser/privateFiles.ts';
import type { DataSet, Judged, Run, TrainRequest } from '../../web/src/engine/protocol.ts';
import { dataFile, newRun, readRows, saveRun, writeRows } from '../../web/src/engine/runs.ts';
import { isTraining, learn, resume, stop, train } from '../../web/src/engine/training.ts';
import { forget, mistakes, predict, unlabelled } from '../../web/src/engine/trying.ts';
import { fakeNavigator } from '../support/privateFileSystem.ts';

const engine = vi.hoisted(() => ({
  readData: vi.fn(),
  fineTune: vi.fn(),
  pipeline: vi.fn(),
  guessColumns: async () => ({ textColumn: 'text' }),
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

describe('a model that is tried', () => {
  /** Judges texts by their length, unless it waits for its end. */
  const classifier = {
    async predict(texts: string[], { signal }: { signal?: AbortSignal }) {
      if (texts.includes('endless'))
        await new Promise((_, reject) =>
          signal!.addEventListener('abort', () => reject(signal!.reason)),
        );
      signal?.throwIfAborted();
      return texts.map((text) => ({ scores: { score: text.length } }));
    },
  };
  const textsOf = (judged: Judged[]) => judged.map(({ text }) => text);

  async function keep(task: Run['task'], text: string): Promise<void> {
    await newRun(async (id) => {
      await writeRows(dataFile(id, 'valid'), [{ text, label: 1 }]);
      await saveRun({ id, task, set, settings: request.settings } as Run);
    });
  }

  beforeEach(async () => {
    forget();
    engine.pipeline.mockReset().mockResolvedValue(classifier);
    engine.readData.mockImplementation(async (path) => ({ examples: await readRows(path) }));
  });

  it('is loaded once, and anew when its folder has changed meanwhile', async () => {
    await keep('regression', 'a');
    const [[judged], [mistake]] = await Promise.all([predict(1, ['ab']), mistakes(1)]);
    expect([judged.scores, mistake.score]).toEqual([{ score: 2 }, 1]);
    expect(engine.pipeline).toHaveBeenCalledTimes(1);
    forget();
    const earlier = predict(1, ['a']);
    forget();
    await earlier;
    await predict(1, ['a']);
    expect(engine.pipeline).toHaveBeenCalledTimes(3);
  });

  it('is loaded once more after a failure', async () => {
    await keep('regression', 'a');
    engine.pipeline.mockRejectedValueOnce(new Error('broken'));
    await expect(predict(1, ['a'])).rejects.toThrow('broken');
    expect(await predict(1, ['a'])).toHaveLength(1);
  });

  it('judges texts set aside no longer than they are wanted', async () => {
    await keep('regression', 'endless');
    const judging = mistakes(1);
    await predict(1, ['a']);
    forget();
    expect(await judging).toEqual([]);
  });

  it('judges the file that was given last, scores in its order', async () => {
    await keep('regression', 'a');
    const file = (...lines: string[]) => new File([lines.join('\n')], 'a.txt');
    const [first, second] = [file('a', 'b'), file('long', 'c', 'longer')];
    const all = await Promise.all([unlabelled(1, first), unlabelled(1, second)]);
    expect(all.map(textsOf)).toEqual([[], ['long', 'c', 'longer']]);
    expect((await namesIn('opfs:/texts'))?.directory).toEqual([]);
  });
});
