import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import { pretrain } from '../../../src/train/recipes/pretrain.ts';
import { type VerifyOptions, verifyRun } from '../../../src/train/recipes/receipt/verify.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-verify-'));
afterAll(() => rmSync(dir, { recursive: true }));
beforeEach(() => setDevice(new CpuDevice()));

const path = (name: string) => join(dir, name);
const file = (name: string, text: string): string => {
  writeFileSync(path(name), text);
  return path(name);
};
const words = '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nw1\nw2\nw3\n';
const vocab = file('vocab.txt', words);
const sizes = {
  model_type: 'bert',
  vocab_size: 10,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 16,
};
const config = file('config.json', JSON.stringify(sizes));
const rows = Array.from({ length: 20 }, (_, i) => (i % 2 ? 'w1 good w2\tg' : 'bad w3 w1 w1\tb'));
const table = `text\tlabel\n${rows.join('\n')}\n`;
const data = file('data.tsv', table);
const texts = file('texts.txt', `${'w1 w2 w3 good\nbad w1 w2\n\n'.repeat(8)}`);
const common = { vocab, config, maxLength: 16, batchSize: 4 };
/** 8 steps. */
const tuning = { data, ...common, epochs: 2, learningRate: 1e-3 };

const differencesOf = async (options: VerifyOptions): Promise<string[]> => {
  const { differences, same } = await verifyRun(options);
  expect(same).toBe(false);
  return differences.map(({ what, name }) => `${what} ${name.slice(name.lastIndexOf('/') + 1)}`);
};
const edit = (name: string, change: (json: Record<string, never>) => void) => {
  const json = JSON.parse(readFileSync(path(name), 'utf8'));
  change(json);
  writeFileSync(path(name), JSON.stringify(json));
};

/** Runs that are made once. */
const tuned = await (async () => {
  setDevice(new CpuDevice());
  await fineTune({ ...tuning, out: path('tuned'), saveEvery: 3, keep: 9, hashEvery: 2 });
  const lora = { model: path('tuned'), lora: 2, maxSteps: 3, hashEvery: 2 };
  await fineTune({ data, maxLength: 16, out: path('lora'), ...lora });
  await pretrain({
    files: [texts],
    ...common,
    ...{ out: path('pretrained'), steps: 6, validSplit: 0.3, saveEvery: 2, keep: 9 },
  });
  return path('tuned');
})();

describe('verifyRun', () => {
  it.each([
    [undefined, undefined, [0, 2, 4, 6, 8], 0],
    [0, 4, [0, 2, 4], 0],
    [2, 6, [2, 4, 6], 0],
    [3, 4, [4], 3],
    [4, 8, [4, 6, 8], 3],
    [6, 6, [6], 6],
  ])('finds the same bits from step %s to %s', async (from, to, steps, first) => {
    let firstStep: number | undefined;
    const onEvent = (event: { event: string; firstStep?: number }) =>
      event.event === 'start' && (firstStep = event.firstStep);
    const result = await verifyRun({ run: tuned, from, to }, { onEvent });
    expect(result.hashes.map(({ step }) => step)).toEqual(steps);
    expect(result).toMatchObject({ same: true, differences: [] });
    expect(firstStep).toBe(first);
  });

  it.each(['lora', 'pretrained'])('replays %s', async (name) => {
    expect(await verifyRun({ run: path(name) })).toMatchObject({ same: true, differences: [] });
    const stretch = await verifyRun({ run: path(name), from: 2 });
    expect(stretch).toMatchObject({ same: true, from: 2 });
  });

  it('replays a run that stopped early, and one that was stopped', async () => {
    const out = path('early');
    const early = { ...tuning, out, epochs: 30, patience: 1, learningRate: 1e-9 };
    const { history } = await fineTune(early);
    expect(history.steps.length).toBe(8);
    expect(await verifyRun({ run: out })).toMatchObject({ same: true, to: 8 });
    const controller = new AbortController();
    const stopped: FineTuneOptions = { ...tuning, out: path('stopped'), hashEvery: 2 };
    await fineTune(stopped, {
      signal: controller.signal,
      onEvent: ({ event }) => event === 'step' && controller.abort(),
    });
    expect((await verifyRun({ run: path('stopped') })).same).toBe(true);
    const whole = await fineTune({ resume: path('stopped') });
    expect(whole.history.steps.length).toBe(8);
    expect(await verifyRun({ run: path('stopped'), to: 8 })).toMatchObject({ same: true });
    const weights = (run: string) =>
      JSON.parse(readFileSync(join(run, 'receipt.json'), 'utf8')).weights;
    expect(weights(path('stopped'))).toEqual(weights(tuned));
  });

  it('names a changed byte of data, and does not replay', async () => {
    writeFileSync(data, table.replace('good', 'goof'));
    const { hashes } = await verifyRun({ run: tuned });
    expect(hashes).toEqual([]);
    expect(await differencesOf({ run: tuned })).toEqual(['data data.tsv']);
    rmSync(data);
    expect(await differencesOf({ run: tuned })).toEqual(['data data.tsv']);
    writeFileSync(data, table);
  });

  it('names a changed vocabulary, configuration, model and checkpoint', async () => {
    writeFileSync(vocab, words.replace('w3', 'w4'));
    expect(await differencesOf({ run: tuned })).toEqual(['vocabulary vocab.txt']);
    writeFileSync(vocab, words);
    writeFileSync(config, JSON.stringify({ ...sizes, hidden_dropout_prob: 0.2 }));
    expect(await differencesOf({ run: tuned })).toEqual(['configuration hiddenDropoutProb']);
    writeFileSync(config, JSON.stringify(sizes));
    for (const name of ['model.safetensors', 'checkpoint-3/model.safetensors']) {
      const bytes = readFileSync(join(tuned, name));
      const changed = Buffer.from(bytes);
      changed[changed.length - 3] ^= 1;
      writeFileSync(join(tuned, name), changed);
      const [found] = await differencesOf({ run: tuned, to: 0 });
      expect(found).toBe(name.includes('/') ? 'checkpoint checkpoint-3' : `model ${name}`);
      writeFileSync(join(tuned, name), bytes);
    }
  });

  it('names what changed, went or came beside the weights', async () => {
    const labels = { id2label: { 0: 'g', 1: 'b' }, label2id: { g: 0, b: 1 } };
    const swapped = JSON.stringify({
      ...JSON.parse(readFileSync(join(tuned, 'config.json'), 'utf8')),
      ...labels,
    });
    for (const [name, content] of [
      ['config.json', swapped],
      ['tokenizer.json', undefined],
      ['vocab.txt', words.replace('w1\nw2', 'w2\nw1')],
      ['added_tokens.json', '{"<e>": 10}'],
      ['calibration.json', '{"temperature": 3}'],
    ] as const) {
      const path = join(tuned, name);
      const before = existsSync(path) ? readFileSync(path) : undefined;
      if (content === undefined) rmSync(path);
      else writeFileSync(path, content);
      expect(await differencesOf({ run: tuned, to: 0 })).toEqual([`model ${name}`]);
      if (before) writeFileSync(path, before);
      else rmSync(path);
    }
  });

  it('takes a receipt without the files beside the weights as it is', async () => {
    const receipt = readFileSync(join(tuned, 'receipt.json'));
    edit('tuned/receipt.json', ({ model }: Record<string, { files?: unknown }>) => {
      expect(model.files).toContainEqual(expect.objectContaining({ name: 'config.json' }));
      delete model.files;
    });
    expect(await differencesOf({ run: tuned, to: 0 })).toEqual(['receipt receipt.json']);
    writeFileSync(join(tuned, 'receipt.json'), receipt);
  });

  it.each([
    ['learningRate', 0.5, 'option learningRate'],
    ['seed', 1, 'option seed'],
    ['labelSmoothing', 0.1, 'option labelSmoothing'],
  ])('names the option %s', async (name, value, found) => {
    const receipt = readFileSync(join(tuned, 'receipt.json'));
    edit('tuned/receipt.json', ({ options }: Record<string, object>) =>
      Object.assign(options, { [name]: value }),
    );
    expect(await differencesOf({ run: tuned })).toEqual(['receipt receipt.json', found]);
    writeFileSync(join(tuned, 'receipt.json'), receipt);
  });

  it('names another engine, and replays nevertheless', async () => {
    const receipt = readFileSync(join(tuned, 'receipt.json'));
    edit('tuned/receipt.json', ({ engine }: Record<string, object>) =>
      Object.assign(engine, { version: '0.0.1', device: 'wasm' }),
    );
    const { differences, hashes, same } = await verifyRun({ run: tuned, to: 2 });
    expect(differences.map(({ name }) => name).slice(1)).toEqual(['version', 'device']);
    expect([same, hashes.every((hash) => hash.same)]).toEqual([false, true]);
    writeFileSync(join(tuned, 'receipt.json'), receipt);
  });

  it('finds weights that are not those of the receipt', async () => {
    const receipt = readFileSync(join(tuned, 'receipt.json'));
    edit('tuned/receipt.json', ({ weights }: Record<string, { sha256: string }[]>) => {
      weights[1].sha256 = '0'.repeat(64);
    });
    const { hashes } = await verifyRun({ run: tuned });
    expect(hashes.filter(({ same }) => !same).map(({ step }) => step)).toEqual([2]);
    writeFileSync(join(tuned, 'receipt.json'), receipt);
  });

  it('refuses what is no stretch of a run', async () => {
    await expect(verifyRun({ run: tuned, from: 1 })).rejects.toThrow(
      '`from`: expected a step with a hash or a checkpoint (0, 2, 3, 4, 6, 8), got 1',
    );
    await expect(verifyRun({ run: tuned, to: 3 })).rejects.toThrow(
      '`to`: expected a step with a hash (0, 2, 4, 6, 8), got 3',
    );
    await expect(verifyRun({ run: tuned, from: 4, to: 2 })).rejects.toThrow(
      '`to`: expected a step from 4 on, got 2',
    );
    await expect(verifyRun({ run: dir })).rejects.toThrow('has no receipt.json');
  });
});
