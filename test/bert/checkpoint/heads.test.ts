import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bertConfig, labelFields } from '../../../src/entries/bert.ts';
import {
  serializeSafetensors,
  type TensorToWrite,
  toFloat32,
} from '../../../src/formats/safetensors/file.ts';
import { UsageError } from '../../../src/index.ts';
import { classOf, type HeadName, headNames, heads, storedNames } from '../../support/heads.ts';
import { seeded } from '../../support/mutants.ts';
import { bits, tensorsOf, weightsOf } from '../../support/weights.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-heads-'));
afterAll(() => rm(root, { recursive: true }));

const config = bertConfig({
  vocabSize: 11,
  hiddenSize: 4,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 6,
  maxPositionEmbeddings: 5,
});
const load = (head: HeadName, dir: string, options = {}) =>
  classOf(head).fromPretrained(dir, options);

type Tensors = Map<string, TensorToWrite>;
const jsonOf = async (dir: string) => JSON.parse(await readFile(join(dir, 'config.json'), 'utf8'));

/** Each class, fresh, with every weight drawn, and saved. */
const saved = new Map<HeadName, { dir: string; weights: Record<string, string> }>();
for (const [seed, head] of headNames.entries()) {
  const model = classOf(head).fromConfig(config, seed);
  const random = seeded(seed);
  for (const weight of model.stateDict().values())
    weight.copy_(Float32Array.from({ length: weight.size }, random));
  const dir = join(root, head);
  await model.savePretrained(dir);
  saved.set(head, { dir, weights: await weightsOf(model) });
}

/** A copy of a saved folder with other tensors. */
async function changed(head: HeadName, change: (tensors: Tensors) => Tensors): Promise<string> {
  const { dir } = saved.get(head)!;
  const copy = await mkdtemp(join(root, 'changed-'));
  await cp(join(dir, 'config.json'), join(copy, 'config.json'));
  await writeFile(
    join(copy, 'model.safetensors'),
    serializeSafetensors(change(await tensorsOf(dir))),
  );
  return copy;
}
const renamed = (tensors: Tensors, rename: (name: string) => string): Tensors =>
  new Map(Array.from(tensors, ([name, tensor]) => [rename(name), tensor]));

describe.each(headNames)('%s', (head) => {
  const { dir, weights } = saved.get(head)!;

  test('stores what Hugging Face stores, under its class', async () => {
    expect([...(await tensorsOf(dir)).keys()].sort()).toEqual(storedNames(head, 2));
    expect((await jsonOf(dir)).architectures).toEqual([head]);
  });

  const position: TensorToWrite = { dtype: 'I64', shape: [1, 5], data: new Uint8Array(40) };
  test.each<[string, (tensors: Tensors) => Tensors]>([
    ['as saved', (tensors) => tensors],
    [
      'names of the first BERTs',
      (tensors) =>
        renamed(tensors, (name) =>
          name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('Norm.bias', 'Norm.beta'),
        ),
    ],
    ['without prefix', (tensors) => renamed(tensors, (name) => name.replace(/^bert\./, ''))],
    [
      'with prefix',
      (tensors) =>
        renamed(tensors, (name) => name.replace(/^(embeddings|encoder|pooler)/, 'bert.$1')),
    ],
    [
      'with position_ids',
      (tensors) => new Map([...tensors, ['bert.embeddings.position_ids', position]]),
    ],
  ])('%s: every weight, bit for bit', async (_, change) => {
    const model = await load(head, await changed(head, change));
    expect(model.loadReport).toEqual({ missing: [], unexpected: [] });
    expect(await weightsOf(model)).toEqual(weights);
  });

  test.each(['F16', 'BF16'] as const)('in %s, read exactly', async (dtype) => {
    const halves: Tensors = new Map();
    const copy = await changed(head, (tensors) => {
      const random = seeded(4);
      for (const [name, { shape }] of tensors) {
        const size = shape.reduce((a, b) => a * b, 1);
        // Exponents that are all ones stand for NaN, whose bits need not last.
        const values = Uint16Array.from(
          { length: size },
          () => Math.floor(random() * 65536) & 0xbfff,
        );
        halves.set(name, { dtype, shape, data: new Uint8Array(values.buffer) });
      }
      return halves;
    });
    const model = await load(head, copy);
    expect(model.loadReport).toEqual({ missing: [], unexpected: [] });
    const got = await weightsOf(model);
    for (const [name, { shape, data }] of halves)
      expect(got[name], name).toBe(
        bits(toFloat32({ dtype, shape: [...shape], data: data as Uint8Array })),
      );
  });

  test('in parts', async () => {
    const copy = await changed(head, (tensors) => tensors);
    const tensors = await tensorsOf(copy);
    const map: Record<string, string> = {};
    for (let part = 0; part < 3; part++) {
      const name = `model-0000${part + 1}-of-00003.safetensors`;
      const own = [...tensors].filter((_, i) => i % 3 === part);
      for (const [tensor] of own) map[tensor] = name;
      await writeFile(join(copy, name), serializeSafetensors(own));
    }
    await rm(join(copy, 'model.safetensors'));
    await writeFile(
      join(copy, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: map }),
    );
    const model = await load(head, copy);
    expect(model.loadReport).toEqual({ missing: [], unexpected: [] });
    expect(await weightsOf(model)).toEqual(weights);
  });

  // What is there is read, what is not is drawn by the seed, and both are said.
  test.each(headNames)('from a folder of %s', async (other) => {
    const own = heads[head].names as readonly string[];
    const found = heads[other].names as readonly string[];
    const source = saved.get(other)!;
    // Classifiers of one output and of two: the one thing that needs a word.
    const isChoice = (name: HeadName) => name === 'BertForMultipleChoice';
    const differs =
      isChoice(head) !== isChoice(other) &&
      own.includes('classifier.bias') &&
      found.includes('classifier.bias');
    if (differs) {
      const error = await load(head, source.dir).catch((caught) => caught);
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toMatch(
        /classifier\.weight: expected \[\d,4\], got \[\d,4\].*`labels`/,
      );
    }
    const options = { seed: 5, ...(differs && { labels: ['no', 'yes'] }) };
    const model = await load(head, source.dir, options);
    const lost = (name: string) => differs && name.startsWith('classifier');
    const named = (name: string, of: HeadName) =>
      of === 'BertModel' ? name.replace(/^bert\./, '') : name;
    const missing = own
      .filter((name) => !found.includes(name) || lost(name))
      .map((name) => named(name, head));
    expect(model.loadReport.missing.sort()).toEqual(missing.sort());
    const unexpected = found
      .filter((name) => !own.includes(name))
      .map((name) => named(name, other));
    expect(model.loadReport.unexpected.sort()).toEqual(unexpected.sort());

    const again = await weightsOf(await load(head, source.dir, options));
    const another = await weightsOf(await load(head, source.dir, { ...options, seed: 6 }));
    for (const [name, value] of Object.entries(await weightsOf(model))) {
      expect(again[name], name).toBe(value);
      const bare = name.replace(/^bert\./, '');
      if (!missing.includes(name))
        expect(value, name).toBe(
          source.weights[name] ?? source.weights[bare] ?? source.weights[`bert.${name}`],
        );
      else if (/(LayerNorm|bias)/.test(name)) expect(value, name).toBe(another[name]);
      else expect(value, name).not.toBe(another[name]);
    }
  });
});

describe('the decoder of a masked language model', () => {
  const languageModels = ['BertForMaskedLM', 'BertForPreTraining'] as const;
  const junk = (shape: number[]): TensorToWrite => {
    return {
      dtype: 'F32',
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(7),
    };
  };

  test.each(languageModels)(
    '%s: its second names are not needed, and not unexpected',
    async (head) => {
      const more: [string, TensorToWrite][] = [
        ['cls.predictions.decoder.weight', junk([11, 4])],
        ['cls.predictions.decoder.bias', junk([11])],
      ];
      const model = await load(
        head,
        await changed(head, (tensors) => new Map([...tensors, ...more])),
      );
      expect(model.loadReport).toEqual({ missing: [], unexpected: [] });
      expect(await weightsOf(model)).toEqual(saved.get(head)!.weights);
    },
  );

  test.each(languageModels)(
    '%s: its bias may have the second name alone, or be fresh',
    async (head) => {
      const bias = 'cls.predictions.bias';
      const second = await changed(head, (tensors) =>
        renamed(tensors, (name) => (name === bias ? 'cls.predictions.decoder.bias' : name)),
      );
      const model = await load(head, second);
      expect(model.loadReport).toEqual({ missing: [], unexpected: [] });
      expect(await weightsOf(model)).toEqual(saved.get(head)!.weights);
      const none = await load(
        head,
        await changed(head, (tensors) => new Map([...tensors].filter(([name]) => name !== bias))),
      );
      expect(none.loadReport).toEqual({ missing: [bias], unexpected: [] });
      expect((await weightsOf(none))[bias]).toMatch(/^0+$/);
    },
  );

  test('of another model is unexpected under every name', async () => {
    const decoder = ['cls.predictions.decoder.weight', 'cls.predictions.decoder.bias'];
    const dir = await changed(
      'BertForTokenClassification',
      (tensors) => new Map([...tensors, ...decoder.map((name) => [name, junk([11])] as const)]),
    );
    const model = await load('BertForTokenClassification', dir);
    expect(model.loadReport.missing).toEqual([]);
    expect(model.loadReport.unexpected.sort()).toEqual(decoder.sort());
  });

  test.each(languageModels)('%s: untied, it is stored, read, and missed', async (head) => {
    const model = classOf(head).fromConfig(bertConfig({ ...config, tieWordEmbeddings: false }), 3);
    const weights = await weightsOf(model);
    const decoder = 'cls.predictions.decoder.weight';
    expect(weights[decoder]).not.toBe(weights['bert.embeddings.word_embeddings.weight']);
    const dir = join(root, `untied-${head}`);
    await model.savePretrained(dir);
    expect((await jsonOf(dir)).tie_word_embeddings).toBe(false);
    expect([...(await tensorsOf(dir)).keys()].sort()).toEqual(
      [...storedNames(head, 2), decoder].sort(),
    );
    const back = await load(head, dir);
    expect(back.loadReport).toEqual({ missing: [], unexpected: [] });
    expect(await weightsOf(back)).toEqual(weights);
    await writeFile(
      join(dir, 'model.safetensors'),
      await readFile(join(saved.get(head)!.dir, 'model.safetensors')),
    );
    expect((await load(head, dir)).loadReport).toEqual({ missing: [decoder], unexpected: [] });
  });
});

test('question answering wants two labels, and says so', async () => {
  const dir = join(root, 'three');
  await classOf('BertForSequenceClassification')
    .fromConfig(bertConfig({ ...config, ...labelFields(['a', 'b', 'c']) }))
    .savePretrained(dir);
  await expect(load('BertForQuestionAnswering', dir)).rejects.toThrow(
    /numLabels: expected 2, start and end .*, got 3/,
  );
  const model = await load('BertForQuestionAnswering', dir, { labels: ['start', 'end'] });
  expect(model.config.numLabels).toBe(2);
  expect(model.loadReport.unexpected.sort()).toEqual([
    'bert.pooler.dense.bias',
    'bert.pooler.dense.weight',
    'classifier.bias',
    'classifier.weight',
  ]);
});
