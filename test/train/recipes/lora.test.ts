import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { BertForMaskedLM, bertConfig } from '../../../src/entries/bert.ts';
import { serializeSafetensors } from '../../../src/formats/safetensors/file.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { embed } from '../../../src/train/recipes/embed.ts';
import { evaluate } from '../../../src/train/recipes/evaluate.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import { mergeAdapter } from '../../../src/train/recipes/mergeAdapter.ts';
import { predict } from '../../../src/train/recipes/predict.ts';
import { checkpointsOf, inCheckpoint } from '../../support/checkpoints.ts';
import { tensorsOf } from '../../support/weights.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-lora-recipe-'));
afterAll(() => rmSync(dir, { recursive: true }));
beforeEach(() => setDevice(new CpuDevice()));

const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const rows = Array.from({ length: 16 }, (_, i) => (i % 2 ? 'w1 good w2\tg' : 'bad w3 w1 w1\tb'));
const data = file('data.tsv', `text\tlabel\n${rows.join('\n')}\n`);
const tokenizer = new BertTokenizer('[PAD] [UNK] [CLS] [SEP] [MASK] good bad w1 w2 w3'.split(' '));
/** Pre-trained: it has no pooler and no classifier. */
const base = join(dir, 'base');
const sizes = {
  vocabSize: 10,
  hiddenSize: 8,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 12,
  maxPositionEmbeddings: 8,
};
beforeAll(async () => {
  setDevice(new CpuDevice());
  const model = BertForMaskedLM.fromConfig(bertConfig({ ...sizes, initializerRange: 0.2 }), 1);
  await model.savePretrained(base, tokenizer.files());
});

const options = {
  data,
  model: base,
  maxLength: 8,
  epochs: 2,
  batchSize: 4,
  gradientAccumulationSteps: 1,
  learningRate: 0.02,
  saveEvery: 1,
  lora: 2,
  loraDropout: 0.1,
};
const run = (out: string, more: Partial<FineTuneOptions> = {}) =>
  fineTune({ ...options, out: join(dir, out), ...more } as FineTuneOptions);
const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const hashes = (out: string) =>
  ['adapter_model.safetensors', 'optimizer.safetensors', 'history.json']
    .map((name) => hash(inCheckpoint(join(dir, out), name)))
    .concat(hash(join(dir, out, 'adapter_model.safetensors')));

describe('fineTune with lora', () => {
  it('saves the adapter, the head, and what the base model lacks', async () => {
    const { peft, model } = await run('adapter', {
      valid: data,
      epochs: 6,
      patience: 6,
      learningRate: 0.05,
    });
    expect(readdirSync(join(dir, 'adapter')).filter((name) => !/^checkpoint-/.test(name))).toEqual([
      ...['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'calibration.json'],
      ...['config.json', 'history.json'],
      ...['history.svg', 'receipt.json', 'report.html', 'report.json'],
      ...['special_tokens_map.json', 'tokenizer.json', 'tokenizer_config.json', 'vocab.txt'],
    ]);
    const json = JSON.parse(readFileSync(join(dir, 'adapter', 'adapter_config.json'), 'utf8'));
    expect(json).toMatchObject({
      base_model_name_or_path: base,
      r: 2,
      lora_alpha: 8,
      lora_dropout: 0.1,
      target_modules: ['query', 'value'],
      modules_to_save: ['classifier', 'bert.pooler.dense'],
      task_type: 'SEQ_CLS',
    });
    expect(peft!.getBaseModel()).toBe(model);
    const [checkpoint] = checkpointsOf(join(dir, 'adapter'));
    expect(readdirSync(checkpoint)).not.toContain('model.safetensors');
  });

  it('predicts, evaluates, embeds and merges from its folder', async () => {
    const model = join(dir, 'adapter');
    const texts = ['w1 good w2', 'bad w3 w1 w1'];
    const labelsOf = async (from: string) => {
      const result = await predict({ model: from, texts });
      return result.predictions as { label: string; score: number }[];
    };
    const found = await labelsOf(model);
    expect(found.map(({ label }) => label)).toEqual(['g', 'b']);
    expect((await evaluate({ model, data })).metrics.accuracy).toBe(1);
    const { vectors } = await embed({ model, texts });
    const before = await embed({ model: base, texts });
    expect(vectors[0]).not.toEqual(before.vectors[0]);
    const out = join(dir, 'merged');
    const { model: whole } = await mergeAdapter({ model, out });
    expect(whole.loadReport).toEqual({ missing: [], unexpected: [] });
    expect(readdirSync(out)).not.toContain('adapter_config.json');
    expect(await labelsOf(out)).toEqual(found);
    await expect(mergeAdapter({ model, out })).rejects.toThrow(/already holds a model/);
    await expect(mergeAdapter({ model: base, out: join(dir, 'x') })).rejects.toThrow(
      /has no adapter_config\.json/,
    );
  });

  it.each([
    [
      'accumulation',
      [1, 2],
      { gradientAccumulationSteps: 2, batchSize: 2, loraTarget: 'all-linear', layerDecay: 0.9 },
    ],
    ['early stopping', [3], { epochs: 6, patience: 1, learningRate: 1e-9 }],
  ] as [string, number[], Partial<FineTuneOptions>][])(
    'resumes with the same bits: %s',
    async (name, steps, more) => {
      await run(`${name} whole`, more);
      for (const step of steps) {
        const controller = new AbortController();
        const out = join(dir, `${name} ${step}`);
        const stopped = await fineTune(
          { ...options, ...more, out },
          {
            signal: controller.signal,
            onEvent: (event) => event.event === 'step' && event.step === step && controller.abort(),
          },
        );
        expect(stopped.interrupted).toBe(true);
        setDevice(new CpuDevice());
        const { history } = await fineTune({ resume: out });
        expect(history.steps.length).toBeGreaterThan(step);
        expect(hashes(`${name} ${step}`)).toEqual(hashes(`${name} whole`));
      }
    },
  );

  it('notices that the base model has changed since', async () => {
    const out = join(dir, 'changed');
    const controller = new AbortController();
    await fineTune(
      { ...options, out },
      {
        signal: controller.signal,
        onEvent: (event) => event.event === 'step' && controller.abort(),
      },
    );
    const weights = join(base, 'model.safetensors');
    const bytes = readFileSync(weights);
    const changed = Buffer.from(bytes);
    changed[changed.length - 1] ^= 1;
    writeFileSync(weights, changed);
    await expect(fineTune({ resume: out })).rejects.toThrow(
      /model\.safetensors: expected the content/,
    );
    writeFileSync(weights, bytes);
  });

  it('watches a base model that it knows by its name on the hub', async () => {
    const [cache, revision] = [join(dir, 'hub'), '0'.repeat(40)];
    const snapshot = join(cache, 'models--org--base', 'snapshots', revision);
    cpSync(base, snapshot, { recursive: true });
    mkdirSync(join(cache, 'models--org--base', 'refs'));
    writeFileSync(join(cache, 'models--org--base', 'refs', 'main'), revision);
    vi.stubEnv('HF_HUB_CACHE', cache);
    const stop = new AbortController();
    await fineTune(
      { ...options, model: 'org/base', out: join(dir, 'of-hub') },
      { signal: stop.signal, onEvent: ({ event }) => event === 'step' && stop.abort() },
    );
    const weights = readFileSync(join(snapshot, 'model.safetensors'));
    weights[weights.length - 1] ^= 1;
    writeFileSync(join(snapshot, 'model.safetensors'), weights);
    await expect(fineTune({ resume: join(dir, 'of-hub') })).rejects.toThrow(
      /model\.safetensors: expected the content it had when/,
    );
    vi.unstubAllEnvs();
  });

  it('watches each file of a base model in parts', async () => {
    const parts = join(dir, 'parts');
    cpSync(base, parts, { recursive: true });
    rmSync(join(parts, 'model.safetensors'));
    const tensors = [...(await tensorsOf(base))];
    const map: Record<string, string> = {};
    const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    for (const [part, name] of names.entries()) {
      const own = tensors.filter((_, i) => i % 2 === part);
      for (const [tensor] of own) map[tensor] = name;
      writeFileSync(join(parts, name), serializeSafetensors(own));
    }
    const index = JSON.stringify({ weight_map: map });
    writeFileSync(join(parts, 'model.safetensors.index.json'), index);
    await run('of parts', { model: parts, epochs: 1 });
    const { files } = JSON.parse(readFileSync(join(dir, 'of parts', 'receipt.json'), 'utf8'));
    expect(files.map(({ path }: { path: string }) => path)).toEqual([
      data,
      ...names.map((name) => join(parts, name)),
    ]);
  });

  it('takes the place of a whole model in its folder, and gives it back', async () => {
    const out = 'replaced';
    const full = { lora: undefined, loraDropout: undefined, epochs: 1 };
    const has = (name: string) => readdirSync(join(dir, out)).includes(name);
    await run(out, full);
    await run(out, { overwrite: true, epochs: 1 });
    expect([has('model.safetensors'), has('adapter_model.safetensors')]).toEqual([false, true]);
    await run(out, { ...full, overwrite: true });
    expect([has('model.safetensors'), has('adapter_config.json')]).toEqual([true, false]);
  });

  it.each([
    [{ lora: undefined }, /`loraDropout` goes with `lora`/],
    [{ lora: 0 }, /`lora`: expected a whole number of at least 1, got 0/],
    [{ loraTarget: ['q'] }, /`loraTarget`: expected names of linear layers \(query, key, value/],
    [{ freeze: 1 }, /`lora` and `freeze` exclude each other/],
    [{ model: undefined, vocab: join(base, 'vocab.txt') }, /`lora` goes with `model`/],
    [{ model: join(dir, 'adapter') }, /`lora`: expected a whole model to adapt, got .*adapter/],
  ])('refuses %o', async (more, message) => {
    await expect(run('refused', more as Partial<FineTuneOptions>)).rejects.toThrow(message);
  });
});
