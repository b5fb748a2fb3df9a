import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import { type PretrainRecipeOptions, pretrain } from '../../../src/train/recipes/pretrain.ts';
import { inCheckpoint } from '../../support/checkpoints.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-memory-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
  setDevice(new CpuDevice());
});

const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const words = Array.from({ length: 14 }, (_, i) => `w${i % 5}`).join(' ');
const start = {
  vocab: file('vocab.txt', '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nw0\nw1\nw2\nw3\nw4\n'),
  config: file(
    'config.json',
    JSON.stringify({
      model_type: 'bert',
      vocab_size: 10,
      hidden_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      intermediate_size: 8,
      max_position_embeddings: 16,
    }),
  ),
  maxLength: 16,
  saveEvery: 1,
};
const rows = Array.from({ length: 16 }, (_, i) => `${words} w${i % 3}\t${i % 2 ? 'a' : 'b'}`);
const data = file('data.tsv', `text\tlabel\n${rows.join('\n')}\n`);
const texts = file('texts.txt', `${words}\n`.repeat(24));

interface Seen {
  event: string;
  step?: number;
  batchSize?: number;
  microBatchSize?: number;
  during?: string;
}
type Options = { batchSize: number | 'auto'; out: string } | { resume: string };
interface Callbacks {
  signal?: AbortSignal;
  onEvent?: (event: Seen) => void;
}
const kinds = [
  [
    'fineTune',
    (options: Options, callbacks: Callbacks) =>
      fineTune(
        ('out' in options ? { ...start, data, epochs: 2, ...options } : options) as FineTuneOptions,
        callbacks as never,
      ),
  ],
  [
    'pretrain',
    (options: Options, callbacks: Callbacks) =>
      pretrain(
        ('out' in options
          ? { ...start, files: [texts], steps: 4, validSplit: 0.3, ...options }
          : options) as PretrainRecipeOptions,
        callbacks as never,
      ),
  ],
] as const;

describe.each(kinds)('%s with too little memory', (name, train) => {
  /** Trains on a device of so much memory; stops after step `last`. */
  async function run(options: Options, memoryLimit?: number, last?: number) {
    const device = new CpuDevice(memoryLimit);
    setDevice(device);
    const controller = new AbortController();
    const events: Seen[] = [];
    await train(options, {
      signal: controller.signal,
      onEvent: (event) => {
        events.push(event);
        if (event.event === 'step' && event.step === last) controller.abort();
      },
    });
    const of = (kind: string) => events.filter(({ event }) => event === kind);
    return { of, peak: device.memory().peakBytes };
  }
  const bits = (out: string) =>
    ['model.safetensors', 'optimizer.safetensors', 'history.json'].map((each) =>
      readFileSync(inCheckpoint(out, each), 'latin1'),
    );
  const stateOf = (out: string) =>
    JSON.parse(readFileSync(inCheckpoint(out, 'training.json'), 'utf8'));
  const folder = (what: string) => join(dir, `${name} ${what}`);

  it('halves the parts, and keeps so when it is resumed, with the same bits', async () => {
    const { peak } = await run({ batchSize: 8, out: folder('free') });
    const out = folder('tight');
    const whole = await run({ batchSize: 8, out }, 0.8 * peak);
    expect(whole.of('outOfMemory')[0]).toMatchObject({ step: 1, microBatchSize: 4 });
    const size = stateOf(out).microBatchSize;
    const halved = whole.of('outOfMemory').filter(({ during }) => during === 'training');
    expect(size).toBe(halved.at(-1)!.microBatchSize);
    const stopped = folder('stopped');
    await run({ batchSize: 8, out: stopped }, 0.8 * peak, 2);
    const rest = await run({ resume: stopped }, 0.8 * peak);
    expect(rest.of('outOfMemory').filter(({ during }) => during === 'training')).toEqual([]);
    expect(bits(stopped)).toEqual(bits(out));
  });

  it('finds the batch size, and keeps it', async () => {
    const { peak } = await run({ batchSize: 4, out: folder('four') });
    const out = folder('auto');
    const begun = await run({ batchSize: 'auto', out }, 1.1 * peak, 1);
    expect(begun.of('batchSize')).toEqual([{ event: 'batchSize', batchSize: 4 }]);
    expect(stateOf(out).settings.batchSize).toBe(4);
    expect((await run({ resume: out })).of('batchSize')).toEqual([]);
    expect(bits(out)).toEqual(bits(folder('four')));
  });
});
