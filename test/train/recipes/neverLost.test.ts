import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { DeviceLostError } from '../../../src/device/errors.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import type { FineTuneEvent } from '../../../src/train/recipes/fineTuneEvents.ts';
import { pretrain } from '../../../src/train/recipes/pretrain.ts';
import { checkpointsOf, inCheckpoint } from '../../support/checkpoints.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-never-lost-'));
afterAll(() => rmSync(dir, { recursive: true }));
afterEach(() => setDevice(new CpuDevice()));

const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const vocab = file('vocab.txt', '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nw1\nw2\nw3\n');
const config = file(
  'config.json',
  JSON.stringify({
    model_type: 'bert',
    vocab_size: 10,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 16,
    max_position_embeddings: 16,
  }),
);
const rows = Array.from({ length: 16 }, (_, i) => (i % 2 ? 'w1 good w2\tg' : 'bad w3 w1 w1\tb'));
const data = file('data.tsv', `text\tlabel\n${rows.join('\n')}\n`);
const texts = file('texts.txt', `${'w1 w2 w3 good\nbad w1 w2\n\n'.repeat(8)}`);

const tuning = {
  data,
  vocab,
  config,
  maxLength: 16,
  epochs: 2,
  batchSize: 4,
  saveEvery: 1,
  keep: 3,
};
const pretraining = {
  files: [texts],
  vocab,
  config,
  maxLength: 16,
  steps: 6,
  validSplit: 0.3,
  batchSize: 4,
  saveEvery: 1,
};
type Options = { out: string; keep?: number; resume?: 'auto' } | { resume: string };
interface Callbacks {
  signal?: AbortSignal;
  onEvent?: (event: { event: string; step?: number; totalSteps?: number; folder?: string }) => void;
  openDevice?: () => Promise<unknown>;
}

/** Both trainings that keep checkpoints. */
const trainings = [
  [
    'fineTune',
    (options: Options, callbacks?: Callbacks) =>
      fineTune(('out' in options ? { ...tuning, ...options } : options) as FineTuneOptions, {
        ...callbacks,
        onEvent: callbacks?.onEvent as (event: FineTuneEvent) => void,
      }),
  ],
  [
    'pretrain',
    (options: Options, callbacks?: Callbacks) =>
      pretrain(
        'out' in options ? { ...pretraining, keep: 3, ...options } : options,
        callbacks as never,
      ),
  ],
] as const;

const states = ['model.safetensors', 'optimizer.safetensors', 'history.json', 'training.json'];
const contents = (out: string) =>
  Object.fromEntries(
    [...states.map((name) => inCheckpoint(out, name)), join(out, 'model.safetensors')].map(
      (path, i) => [`${i} ${path.split('/').at(-1)}`, readFileSync(path, 'latin1')],
    ),
  );

describe.each(trainings)('%s', (name, train) => {
  const folder = (what: string) => join(dir, `${name} ${what}`);
  /** Stops after a step. */
  const stopAt = (step: number, options: Options) => {
    const controller = new AbortController();
    return train(options, {
      signal: controller.signal,
      onEvent: (event) => event.event === 'step' && event.step === step && controller.abort(),
    });
  };

  it('keeps the latest checkpoints, and leaves nothing else behind', async () => {
    const out = folder('whole');
    await train({ out });
    const names = readdirSync(out).sort();
    expect(checkpointsOf(out)).toHaveLength(3);
    const kept = checkpointsOf(out);
    cpSync(kept[2], join(out, 'checkpoint-0'), { recursive: true });
    await train({ resume: out });
    expect(checkpointsOf(out), 'of what a crash left').toEqual(kept);
    expect(names.filter((n) => !n.startsWith('checkpoint-'))).toEqual([
      'README.md',
      ...(name === 'fineTune' ? ['calibration.json'] : []),
      'config.json',
      'history.json',
      'history.svg',
      'model.safetensors',
      'receipt.json',
      'report.html',
      'report.json',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'vocab.txt',
    ]);
  });

  it('takes the checkpoint before a damaged one, and ends with the same bits', async () => {
    const out = folder('damaged');
    await stopAt(4, { out });
    const random = new Philox(name.length);
    const [latest, before] = checkpointsOf(out);
    const path = join(latest, states[random.randint(states.length)]);
    const bytes = readFileSync(path);
    bytes[random.randint(bytes.length)] ^= 1 << random.randint(8);
    writeFileSync(path, bytes);
    const events: { event: string; folder?: string; firstStep?: number }[] = [];
    await train({ resume: out }, { onEvent: (event) => events.push(event) });
    expect(events.filter(({ event }) => event === 'damaged')).toEqual([
      { event: 'damaged', folder: latest, damage: expect.stringContaining('expected') },
    ]);
    const saved = events.filter(({ event }) => event === 'checkpoint');
    expect(saved.length).toBeGreaterThan(1);
    const start = events.find(({ event }) => event === 'start');
    expect(start?.firstStep).toBe(Number(before.split('-').at(-1)));
    expect(contents(out)).toEqual(contents(folder('whole')));
  });

  it('stopped before its last evaluation, it is not at its end', async () => {
    const out = folder('not evaluated');
    const controller = new AbortController();
    let last: number | undefined;
    const { interrupted } = await train(
      { out },
      {
        signal: controller.signal,
        onEvent({ event, step, totalSteps }) {
          if (event === 'start') last = totalSteps;
          if (event === 'step' && step === last) controller.abort();
        },
      },
    );
    expect(interrupted).toBe(true);
    expect(await train({ resume: out })).toMatchObject({ interrupted: false });
    expect(contents(out)).toEqual(contents(folder('whole')));
  });

  it('keeps the next checkpoints in place of a damaged later one', async () => {
    const out = folder('gone back');
    await stopAt(5, { out, keep: 9 });
    const [latest, ...before] = checkpointsOf(out);
    rmSync(join(latest, 'history.json'));
    for (const path of before.slice(0, 2)) rmSync(path, { recursive: true });
    // Stopped as soon as it has saved: it stands before the damaged checkpoint.
    const controller = new AbortController();
    const onEvent = ({ event }: { event: string }) => event === 'checkpoint' && controller.abort();
    await train({ resume: out }, { signal: controller.signal, onEvent });
    expect(checkpointsOf(out)).not.toContain(latest);
    expect(checkpointsOf(out)).toEqual(expect.arrayContaining(before.slice(2)));
    await train({ resume: out });
    const weights = (run: string) => contents(run)['0 model.safetensors'];
    expect(weights(out) === weights(folder('whole'))).toBe(true);
  });

  it('refuses a folder in which no checkpoint is whole', async () => {
    const out = folder('all damaged');
    await stopAt(3, { out });
    for (const path of checkpointsOf(out)) rmSync(join(path, 'manifest.json'));
    await expect(train({ resume: out })).rejects.toThrow(
      /no checkpoint is whole: .*manifest\.json is missing.*overwrite: true/,
    );
  });

  it('`auto` begins a run, goes on with it, and stays where it ended', async () => {
    const out = folder('auto');
    await stopAt(2, { out, resume: 'auto' });
    await train({ out, resume: 'auto' });
    expect(contents(out)).toEqual(contents(folder('whole')));
    const steps: unknown[] = [];
    await train(
      { out, resume: 'auto' },
      { onEvent: ({ event, step }) => event === 'step' && steps.push(step) },
    );
    expect(steps).toEqual([]);
    await expect(train({ out, resume: 'auto', keep: 7 })).rejects.toThrow(
      /`keep`: expected \d, with which .* was begun, got 7; leave it out to continue/,
    );
  });

  it('refuses a second writer, names the first, and leaves its folder alone', async () => {
    const out = folder('whole');
    const before = contents(out);
    const began = readFileSync(`/proc/${process.pid}/stat`, 'utf8').split(') ')[1].split(' ')[19];
    const lock = join(out, '.wigbert.lock');
    writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname(), began }));
    await expect(train({ resume: out })).rejects.toThrow(
      new RegExp(`is being written to by another run \\(process ${process.pid} on`),
    );
    rmSync(lock);
    expect(contents(out)).toEqual(before);
  });

  it('goes on with a new device when one is lost, with the same bits', async () => {
    const out = folder('lost');
    const events: string[] = [];
    let [opened, lost] = [0, 0];
    const openDevice = async () => {
      opened++;
      setDevice(new CpuDevice());
    };
    const onEvent = ({ event, step }: { event: string; step?: number }) => {
      events.push(event);
      if (event === 'step' && (step === 2 || step === 4) && lost < step / 2) {
        lost++;
        throw new DeviceLostError('unknown', 'the driver was reset');
      }
    };
    await train({ out }, { openDevice, onEvent });
    expect([opened, lost]).toEqual([3, 2]);
    expect(events.filter((event) => event === 'deviceLost')).toHaveLength(2);
    expect(contents(out)).toEqual(contents(folder('whole')));
  });

  it('ends when devices are lost without progress, or nobody opens another', async () => {
    const onEvent = ({ event }: { event: string }) => {
      if (event === 'step') throw new DeviceLostError('unknown', 'gone');
    };
    let opened = 0;
    const openDevice = async () => void opened++;
    await expect(train({ out: folder('gone') }, { openDevice, onEvent })).rejects.toThrow('gone');
    expect(opened).toBeLessThan(6);
    await expect(train({ out: folder('alone') }, { onEvent })).rejects.toThrow(DeviceLostError);
  });
});

it('fineTune notices that the best model was replaced by another of the same sizes', async () => {
  const out = join(dir, 'replaced');
  // The second epoch is not better: the first one's model is the result.
  const options = { ...tuning, out, epochs: 3, learningRate: 1e-9, saveEvery: undefined };
  const controller = new AbortController();
  await fineTune(options, {
    signal: controller.signal,
    onEvent: (event) => event.event === 'epoch' && controller.abort(),
  });
  const path = join(out, 'model.safetensors');
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] ^= 1;
  writeFileSync(path, bytes);
  await expect(fineTune({ resume: out })).rejects.toThrow(
    /expected the best model of this run, got other weights; those .*checkpoint-12/,
  );
});
