import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { type FineTuneOptions, fineTune } from '../../../src/train/recipes/fineTune.ts';
import { baseFacts, languageOf } from '../../../src/train/recipes/modelCardText.ts';
import { pretrain } from '../../../src/train/recipes/pretrain.ts';
import { vocab } from '../../support/cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'wigbert-card-'));
afterAll(() => rmSync(dir, { recursive: true }));
beforeAll(() => void setDevice(new CpuDevice()));

const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const sizes = { hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2 };
const config = file(
  'config.json',
  JSON.stringify({
    ...{ model_type: 'bert', vocab_size: 746, intermediate_size: 16, ...sizes },
    max_position_embeddings: 64,
  }),
);
const rows = Array.from({ length: 12 }, (_, i) => (i % 2 ? '좋은 영화\tgood' : '나쁜 영화\tbad'));
const data = file('reviews.tsv', `text\tlabel\n${rows.join('\n')}\n`);
const command = `npx wigbert train '${data}' --lr 1e-4`;

const train = (out: string, options: Partial<FineTuneOptions> = {}) =>
  fineTune({
    ...{ data, out, config, epochs: 2, maxLength: 12, batchSize: 4, command },
    ...(options.model === undefined && { vocab }),
    ...options,
    ...(options.model !== undefined && { config: undefined }),
  });
const card = (out: string) => {
  const text = readFileSync(join(out, 'README.md'), 'utf8');
  return { text, metadata: /^---\n([\s\S]*?)\n---\n/.exec(text)![1] };
};

it('a trained model has a card with its data, recipe, metrics and command', async () => {
  const out = join(dir, 'out');
  const { history } = await train(out);
  const { text, metadata } = card(out);
  const value = history.bestEpoch!.validAccuracy;
  expect(metadata.split('\n')).toEqual([
    'language: ko',
    'library_name: transformers',
    'pipeline_tag: text-classification',
    ...['tags:', '- wigbert', '- bert', '- text-classification'],
    ...['metrics:', '- accuracy'],
    ...['model-index:', '- name: "out"', '  results:'],
    ...['  - task:', '      type: text-classification', '    dataset:'],
    ...['      name: "reviews.tsv"', '      type: "reviews.tsv"', '      split: validation'],
    ...['    metrics:', '    - type: accuracy', `      value: ${value}`, '      name: "accuracy"'],
  ]);
  expect(text).toContain(`\`\`\`sh\n${command}\n\`\`\``);
  expect(text).toMatch(
    /- `reviews\.tsv` \(SHA-256 [0-9a-f]{64}\)\n- 10 examples to train on, 2 to/,
  );
  expect(text).toContain('- labels: bad, good\n');
  expect(text).toContain('"maxLength": 12');
  expect(text).toMatch(/^wigbert \d+\.\d+\.\d+, device cpu\.$/m);

  // Another run replaces it, unless a person has written one.
  await train(out, { overwrite: true, epochs: 1, labelSmoothing: 0.125 });
  expect(card(out).text).toContain('"labelSmoothing": 0.125');
  writeFileSync(join(out, 'README.md'), '# Mine\n');
  await train(out, { overwrite: true, epochs: 1 });
  expect(readFileSync(join(out, 'README.md'), 'utf8')).toBe('# Mine\n');
});

it('takes the license of the model it starts from; its own data tell the language', async () => {
  const base = join(dir, 'base');
  const texts = file('texts.txt', 'a good film\nanother film\n'.repeat(20));
  const small = { vocab, config, maxLength: 16, batchSize: 4, steps: 2, validSplit: 0.25 };
  await pretrain({ files: [texts], out: base, ...small, evalEvery: 1, tensorboard: true });
  const { metadata, text } = card(base);
  expect(metadata).toMatch(/^library_name: transformers\npipeline_tag: fill-mask\n/);
  expect(metadata).toContain('metrics:\n- loss\n- perplexity\n');
  expect(text).toContain('for pre-training (mlm), trained from random weights');
  const [events] = readdirSync(join(base, 'runs'));
  expect(tagsOf(readFileSync(join(base, 'runs', events)))).toEqual(
    expect.arrayContaining(['train/loss', 'train/grad_norm', 'eval/loss', 'eval/perplexity']),
  );
  writeFileSync(join(base, 'README.md'), '---\nlicense: mit\nlanguage: en\n---\n# Base\n');
  const out = join(dir, 'tuned');
  await train(out, { model: base });
  expect(card(out).metadata).toMatch(/^language: ko\nlicense: mit\n/);
});

it('what a card of the base says is read in the forms that people write', () => {
  expect(baseFacts('---\nlanguage:\n- en\n- de\nlicense: "cc-by-4.0"\n---\n')).toEqual({
    ...{ license: 'cc-by-4.0', language: 'en' },
  });
  expect(baseFacts('---\r\nlicense: apache-2.0\r\n---\r\n').license).toBe('apache-2.0');
  expect(baseFacts('# No metadata\nlicense: mit\n')).toEqual({});
  expect(languageOf(['映画がとても好きです'])).toBe('ja');
  expect(languageOf(['a good film', 'ein guter Film'])).toBeUndefined();
});

it('TensorBoard gets the steps and evaluations of a run, resumed or not', async () => {
  const out = join(dir, 'board');
  const runs = join(dir, 'events');
  const { history } = await train(out, { tensorboard: runs });
  const [name] = readdirSync(runs);
  expect(name).toMatch(/^events\.out\.tfevents\.\d+\./);
  const tags = tagsOf(readFileSync(join(runs, name)));
  const count = (tag: string) => tags.filter((each) => each === tag).length;
  expect(count('train/loss')).toBe(history.steps.length);
  expect([count('eval/loss'), count('eval/accuracy'), count('train/mean_loss')]).toEqual([2, 2, 2]);
  expect(new Set(tags.filter((tag) => tag.startsWith('train/')))).toEqual(
    new Set(
      ['loss', 'accuracy', 'learning_rate', 'grad_norm', 'epoch', 'mean_loss', 'mean_accuracy']
        .concat(['examples_per_second', 'tokens_per_second'])
        .map((tag) => `train/${tag}`),
    ),
  );
});

/** The tags of the scalars in an event file, read as protocol buffers. */
function tagsOf(bytes: Buffer): string[] {
  const tags: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length).toString('latin1');
    tags.push(...(data.match(/(?:train|eval)\/[a-z_0-9]+/g) ?? []));
    at += length + 16;
  }
  return tags;
}

it('a run that is stopped leaves nothing that is said of an earlier model', async () => {
  const out = join(dir, 'overwritten');
  await train(out);
  const said = ['README.md', 'report.json', 'report.html', 'calibration.json'];
  expect(readdirSync(out)).toEqual(expect.arrayContaining(said));
  writeFileSync(join(out, 'modules.json'), '[]');
  const controller = new AbortController();
  await fineTune(
    { ...{ data, out, config, vocab, epochs: 9, maxLength: 12, batchSize: 4, overwrite: true } },
    {
      signal: controller.signal,
      onEvent: ({ event }) => event === 'epoch' && controller.abort(),
    },
  );
  expect(readdirSync(out)).toEqual(expect.arrayContaining(['model.safetensors', 'config.json']));
  expect(readdirSync(out).filter((name) => [...said, 'modules.json'].includes(name))).toEqual([]);
  // A card without the mark is somebody's own.
  writeFileSync(join(out, 'README.md'), 'mine');
  await train(out, { overwrite: true });
  expect(readFileSync(join(out, 'README.md'), 'utf8')).toBe('mine');
});
