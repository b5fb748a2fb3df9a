import { copyFile, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readCheckpoint } from '../../../src/bert/checkpoint/read.ts';
import {
  type BertConfig,
  bertConfig,
  configToJson,
  labelFields,
} from '../../../src/bert/config.ts';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { BertModel } from '../../../src/bert/model.ts';
import { serializeSafetensors, type TensorToWrite } from '../../../src/formats/safetensors/file.ts';
import { UsageError } from '../../../src/platform/errors.ts';
import { seeded } from '../../support/mutants.ts';
import { tensorsOf, weightsOf } from '../../support/weights.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-model-'));
afterAll(() => rm(root, { recursive: true }));

const sizes = {
  vocabSize: 11,
  hiddenSize: 4,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 6,
  maxPositionEmbeddings: 5,
};
const config = bertConfig({ ...sizes, ...labelFields(['no', 'yes']) });
const saved = join(root, 'saved');
const model = BertForSequenceClassification.fromConfig(config, 3);
// Bits that arithmetic would not keep: subnormals, both zeros, the ends of the range.
const odd = Float32Array.of(
  1e-45,
  -0,
  3.4028234663852886e38,
  -1.1754943508222875e-38,
  Number.POSITIVE_INFINITY,
  0.1,
);
model.stateDict().get('bert.encoder.layer.1.intermediate.dense.bias')!.copy_(odd);
await model.savePretrained(saved, { 'vocab.txt': '[PAD]\n' });

/** A folder with the saved weights, changed. */
async function changed(
  change: (name: string, tensor: TensorToWrite) => [string, TensorToWrite] | undefined,
  partial: Partial<BertConfig> = {},
): Promise<string> {
  const dir = await mkdtemp(join(root, 'changed-'));
  const entries = [...(await tensorsOf(saved))].flatMap(([name, tensor]) =>
    [change(name, tensor)].filter((entry) => !!entry),
  );
  await writeFile(
    join(dir, 'config.json'),
    configToJson(bertConfig({ ...config, ...partial }), ['BertModel']),
  );
  await writeFile(join(dir, 'model.safetensors'), serializeSafetensors(entries));
  return dir;
}
const same = (name: string, tensor: TensorToWrite): [string, TensorToWrite] => [name, tensor];

describe('saved and loaded', () => {
  test('every weight keeps every bit', async () => {
    const back = await BertForSequenceClassification.fromPretrained(saved);
    expect(back.loadReport).toEqual({ missing: [], unexpected: [] });
    expect(await weightsOf(back)).toEqual(await weightsOf(model));
    expect(back.config).toEqual(config);
    const again = join(root, 'again');
    await back.savePretrained(again);
    const [one, two] = await Promise.all(
      [saved, again].map((dir) => readFile(join(dir, 'model.safetensors'))),
    );
    expect(Buffer.compare(one, two)).toBe(0);
  });
});

describe('names', () => {
  test('of the first BERTs, without the prefix, with position_ids', async () => {
    const old = (name: string) =>
      name
        .replace(/^bert\./, '')
        .replace('LayerNorm.weight', 'LayerNorm.gamma')
        .replace('LayerNorm.bias', 'LayerNorm.beta');
    const positions: TensorToWrite = { dtype: 'I64', shape: [1, 5], data: new Uint8Array(40) };
    const dir = await changed((name, tensor) => {
      if (name === 'classifier.bias') return ['embeddings.position_ids', positions];
      return name === 'classifier.weight' ? undefined : [old(name), tensor];
    });
    const loaded = await BertForSequenceClassification.fromPretrained(dir);
    expect(loaded.loadReport).toEqual({
      missing: ['classifier.weight', 'classifier.bias'],
      unexpected: [],
    });
    const [got, expected] = [await weightsOf(loaded), await weightsOf(model)];
    for (const name of Object.keys(expected))
      if (name.startsWith('bert.')) expect(got[name], name).toBe(expected[name]);
    expect(await weightsOf(await BertModel.fromPretrained(dir))).toEqual(
      await weightsOf(await BertModel.fromPretrained(saved)),
    );
  });

  test('a new head is drawn by its seed, and said so; what is not used is said too', async () => {
    const dir = await changed((name, tensor) =>
      name.startsWith('classifier') ? [`qa_outputs.${name}`, tensor] : [name, tensor],
    );
    const load = (seed: number) =>
      BertForSequenceClassification.fromPretrained(dir, { labels: ['a', 'b', 'c'], seed });
    const loaded = await load(7);
    expect(loaded.loadReport.missing).toEqual(['classifier.weight', 'classifier.bias']);
    expect(loaded.loadReport.unexpected.sort()).toEqual([
      'qa_outputs.classifier.bias',
      'qa_outputs.classifier.weight',
    ]);
    const [first, second, other] = await Promise.all(
      [loaded, await load(7), await load(8)].map(weightsOf),
    );
    expect(first).toEqual(second);
    expect(first['classifier.weight']).not.toBe(other['classifier.weight']);
    expect(first['classifier.weight']).not.toMatch(/^0*$/);
  });
});

test('fields of the configuration replace those of the folder', async () => {
  const load = (config: Partial<BertConfig>) =>
    BertForSequenceClassification.fromPretrained(saved, { config });
  const { config } = await load({ hiddenDropoutProb: 0.25, classifierDropout: 0.5 });
  expect(config).toEqual({ ...model.config, hiddenDropoutProb: 0.25, classifierDropout: 0.5 });
  await expect(load({ hiddenDropoutProb: 2 })).rejects.toThrow(/hiddenDropoutProb: expected/);
  await expect(load({ hiddenSize: 2 * model.config.hiddenSize })).rejects.toThrow(UsageError);
});

test('integers are unexpected where the model has no use for them, else refused', async () => {
  const ids = { dtype: 'I64', shape: [1], data: new Uint8Array(8) } as const;
  const withIds = async (instead: string) => {
    const dir = await changed((name, tensor) => (name === instead ? [name, ids] : [name, tensor]));
    const entries = [...(await tensorsOf(dir)), ['num_batches', ids]] as [string, TensorToWrite][];
    await writeFile(join(dir, 'model.safetensors'), serializeSafetensors(entries));
    return BertForSequenceClassification.fromPretrained(dir);
  };
  expect((await withIds('')).loadReport).toEqual({ missing: [], unexpected: ['num_batches'] });
  await expect(withIds('classifier.bias')).rejects.toThrow(/classifier\.bias/);
});

describe('refuses', () => {
  const refusal = async (dir: string) => {
    const error = await BertForSequenceClassification.fromPretrained(dir).catch((caught) => caught);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).not.toContain('\n');
    return error.message as string;
  };

  test('weights of another shape, each by its name', async () => {
    const cut = (name: string, { dtype, data }: TensorToWrite): [string, TensorToWrite] => [
      name,
      { dtype, shape: [1], data: (data as Uint8Array).slice(0, 4) },
    ];
    const wrong = ['bert.pooler.dense.bias', 'classifier.bias'];
    const dir = await changed((name, tensor) =>
      wrong.includes(name) ? cut(name, tensor) : [name, tensor],
    );
    expect(await refusal(dir)).toContain(
      'weights of another shape: bert.pooler.dense.bias: expected [4], got [1], ' +
        'classifier.bias: expected [2], got [1]',
    );
  });

  test.each<[Partial<BertConfig>, string]>([
    [
      { vocabSize: 10 ** 12 },
      'bert.embeddings.word_embeddings.weight is [11,4], ' +
        'but vocab_size in config.json is 1000000000000',
    ],
    [{ hiddenSize: 8 }, 'word_embeddings.weight is [11,4], but hidden_size in config.json is 8'],
    [
      { maxPositionEmbeddings: 512 },
      'position_embeddings.weight is [5,4], but max_position_embeddings in config.json is 512',
    ],
    [
      { typeVocabSize: 1 },
      'token_type_embeddings.weight is [2,4], but type_vocab_size in config.json is 1',
    ],
    [
      { intermediateSize: 10 ** 9 },
      'dense.weight is [6,4], but intermediate_size in config.json is 1000000000',
    ],
    [
      { numHiddenLayers: 10 ** 9 },
      'expected the weights of 1000000000 layers (num_hidden_layers in config.json), got 2',
    ],
  ])(
    'the config.json of another model, before anything of its sizes is made: %j',
    async (partial, message) => {
      expect(await refusal(await changed(same, partial))).toContain(message);
    },
  );

  test('weights of something else', async () => {
    const dir = await changed((name, tensor) => [`gpt.${name}`, tensor]);
    expect(await refusal(dir)).toMatch(
      /expected a BERT encoder with embeddings\.word_embeddings\.weight, got gpt\.bert\./,
    );
  });

  test('a file that is exchanged or cut short while its weights are read', async () => {
    const dir = await changed(same);
    const { tensors } = await readCheckpoint(dir);
    await truncate(join(dir, 'model.safetensors'), 2000);
    expect(() => tensors.get('classifier.bias')!.data).toThrow(
      /model\.safetensors was changed while it was read; read it again$/,
    );
    await copyFile(join(saved, 'model.safetensors'), join(dir, 'other'));
    await rename(join(dir, 'other'), join(dir, 'model.safetensors'));
    expect(() => tensors.get('classifier.bias')!.data).toThrow(UsageError);
  });
});

test('600 folders with a damaged file are loaded or refused', async () => {
  const random = seeded(12);
  const below = (n: number) => Math.floor(random() * n);
  const damage = (file: Buffer): Buffer => {
    const [from, to] = [below(file.length), below(file.length)].sort((a, b) => a - b);
    const numbers = [...file.toString('latin1').matchAll(/\d+/g)].filter(
      ({ index }) => index < 4000,
    );
    const { index = 0, 0: digits = '' } = numbers[below(numbers.length)] ?? {};
    const values = [
      '0',
      '1',
      '-1',
      '2.5',
      '1e9',
      '4294967296',
      '9007199254740993',
      'null',
      '"4"',
      '[]',
    ];
    const ways = [
      () => file.subarray(0, from),
      () => Buffer.concat([file.subarray(0, from), file.subarray(to)]),
      () => Buffer.concat([file.subarray(0, to), file.subarray(from)]),
      () => Buffer.from(file).fill(below(256), from, from + 1),
      () =>
        Buffer.concat([
          file.subarray(0, index),
          Buffer.from(values[below(values.length)]),
          file.subarray(index + digits.length),
        ]),
    ];
    return ways[below(ways.length)]();
  };
  const dir = await mkdtemp(join(root, 'damaged-'));
  const index = {
    weight_map: Object.fromEntries(
      Array.from(await tensorsOf(saved), ([name]) => [name, 'part-1.safetensors']),
    ),
  };
  const whole: Record<string, Buffer> = {
    'config.json': await readFile(join(saved, 'config.json')),
    'model.safetensors.index.json': Buffer.from(JSON.stringify(index)),
    'part-1.safetensors': await readFile(join(saved, 'model.safetensors')),
  };
  for (const [name, bytes] of Object.entries(whole)) await writeFile(join(dir, name), bytes);
  let loaded = 0;
  for (let i = 0; i < 600; i++) {
    const name = Object.keys(whole)[i % 3];
    await writeFile(join(dir, name), damage(whole[name]));
    try {
      await BertForSequenceClassification.fromPretrained(dir);
      loaded++;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
    await writeFile(join(dir, name), whole[name]);
  }
  expect(loaded).toBeGreaterThan(30);
  expect(loaded).toBeLessThan(300);
});
