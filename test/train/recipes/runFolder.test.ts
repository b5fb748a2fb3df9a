import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { type Collective, local } from '../../../src/train/distributed/collective.ts';
import {
  destroyProcessGroup,
  setProcessGroup,
} from '../../../src/train/distributed/processGroup.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import { crossValidate } from '../../../src/train/recipes/folds.ts';
import { pretrain } from '../../../src/train/recipes/pretrain.ts';
import { RunFolder } from '../../../src/train/recipes/runFolder.ts';
import { inCheckpoint } from '../../support/checkpoints.ts';

const root = mkdtempSync(join(tmpdir(), 'wigbert-run-folder-'));
afterAll(() => rmSync(root, { recursive: true }));
afterEach(destroyProcessGroup);

it.each([0, 1])('rank %d meets the others before and after a folder is opened', async (rank) => {
  const out = join(root, `${rank}`);
  const leftover = join(out, 'checkpoint-3.7-0123456789ab.tmp');
  mkdirSync(leftover, { recursive: true });
  const found: boolean[] = [];
  const group: Collective = {
    ...local,
    ...{ rank, size: 2 },
    barrier: () => void found.push(existsSync(leftover) && readdirSync(out).length === 1),
  };
  setProcessGroup(group, () => {});
  const folder = new RunFolder(out);
  await folder.open();
  await folder.open();
  expect(found).toEqual([true, rank === 1]);
  await folder.close();
});

describe('a run that is refused', () => {
  const file = (name: string, text: string): string => {
    writeFileSync(join(root, name), text);
    return join(root, name);
  };
  const config = {
    ...{ model_type: 'bert', vocab_size: 8, hidden_size: 8, num_hidden_layers: 1 },
    ...{ num_attention_heads: 2, intermediate_size: 8, max_position_embeddings: 16 },
  };
  const fresh = {
    vocab: file('vocab.txt', '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nw1\n'),
    config: file('config.json', JSON.stringify(config)),
    maxLength: 16,
  };
  const rows = Array.from({ length: 8 }, (_, i) => (i % 2 ? 'w1 good\tg' : 'bad w1\tb'));
  const tuning = {
    ...{ ...fresh, data: file('data.tsv', `text\tlabel\n${rows.join('\n')}\n`) },
    ...{ epochs: 1, batchSize: 4 },
  };
  const pretraining = {
    ...{ ...fresh, files: [file('texts.txt', 'w1 good w1 bad\nbad w1 good\n\n'.repeat(4))] },
    ...{ steps: 2, batchSize: 2, saveEvery: 1, validSplit: 0 },
  };
  type Options = { out: string; overwrite?: boolean; tensorboard?: boolean };
  const trainings = {
    fineTune: (options: Options) => fineTune({ ...tuning, ...options }),
    crossValidate: (options: Options) => crossValidate({ ...tuning, folds: 2, ...options }),
    pretrain: (options: Options) => pretrain({ ...pretraining, ...options }),
  };
  const refused = [
    ...[{ metric: 'f1' }, { loss: 'cosine' }, { saveEvery: 0 }, { focalLoss: -1 }].map(
      (option) => ['fineTune', option] as const,
    ),
    ['crossValidate', { metric: 'f1' }],
    ['pretrain', { saveEvery: 0 }],
  ] as const;

  it.each(refused)('%s with %j leaves an older run as it was', async (name, option) => {
    setDevice(new CpuDevice());
    const train = trainings[name];
    const out = join(root, `old ${name}`);
    if (!existsSync(out)) await train({ out });
    const before = readdirSync(out, { recursive: true }).sort();
    await expect(train({ out, overwrite: true, ...option })).rejects.toThrow('expected');
    expect(readdirSync(out, { recursive: true }).sort()).toEqual(before);
    const none = join(root, `no ${name}`);
    await expect(train({ out: none, tensorboard: true, ...option })).rejects.toThrow();
    expect(existsSync(none)).toBe(false);
  });

  it.each([fineTune, pretrain])('%o goes on in no folder that there is not', async (train) => {
    const resume = join(root, 'nowhere');
    await expect(train({ resume })).rejects.toThrow('there is no training to resume');
    expect(existsSync(resume)).toBe(false);
  });

  const runs = {
    fineTune: (options: object, callbacks: object) =>
      fineTune(('out' in options ? { ...tuning, ...options } : options) as never, callbacks),
    pretrain: (options: object, callbacks: object) =>
      pretrain(('out' in options ? { ...pretraining, ...options } : options) as never, callbacks),
  };
  const changes = [
    ['vocab.txt', 'vocab.txt', (text: string) => text.replace('good\nbad', 'bad\ngood')],
    [
      ...(['config.json', 'config.json'] as const),
      () => JSON.stringify({ ...config, hidden_dropout_prob: 0.2 }),
    ],
    ['model.safetensors', 'model', (bytes: string) => `${bytes.slice(0, -1)}\u0001`],
  ] as const;
  it.each(Object.entries(runs))('%s begins on the model that it was to', async (name, train) => {
    setDevice(new CpuDevice());
    const [out, model] = ['start', 'model'].map((what) => join(root, `${name} ${what}`));
    await train({ out: model }, {});
    rmSync(join(model, 'tokenizer.json'));
    const stop = new AbortController();
    const onEvent = ({ event }: { event: string }) => event === 'start' && stop.abort();
    const start = { model, vocab: undefined, config: undefined };
    await train({ out, ...start }, { signal: stop.signal, onEvent });
    for (const [file, what, change] of changes) {
      const path = join(model, file);
      const before = readFileSync(path, 'latin1');
      writeFileSync(path, change(before), 'latin1');
      await expect(train({ resume: out }, {})).rejects.toThrow(
        `expected the ${what} that the run began with, got another`,
      );
      writeFileSync(path, before, 'latin1');
    }
    expect(await train({ resume: out }, {})).toMatchObject({ interrupted: false });
  });

  it('stopped again before it has a best model, it keeps the later one', async () => {
    setDevice(new CpuDevice());
    const out = join(root, 'stopped');
    const stopAt = (last: number, options: FineTuneOptions | { resume: string }) => {
      const controller = new AbortController();
      return fineTune(options, {
        signal: controller.signal,
        onEvent: (event) => event.event === 'step' && event.step === last && controller.abort(),
      });
    };
    await stopAt(1, { ...tuning, epochs: 9, evalEvery: 18, saveEvery: 1, out });
    const weights = () => readFileSync(join(out, 'model.safetensors'), 'latin1');
    for (const step of [3, 5]) {
      const before = weights();
      await stopAt(step, { resume: out });
      expect(weights() === before).toBe(false);
      expect(weights() === readFileSync(inCheckpoint(out, 'model.safetensors'), 'latin1')).toBe(
        true,
      );
    }
    // After a crash, which leaves a later checkpoint than the model.
    const stopped = readFileSync(join(out, 'model.safetensors'));
    await stopAt(7, { resume: out });
    writeFileSync(join(out, 'model.safetensors'), stopped);
    await stopAt(9, { resume: out });
    expect(weights() === stopped.toString('latin1')).toBe(false);
  });
});
