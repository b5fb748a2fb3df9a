import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig } from '../../../src/bert/config.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import type { RowProblem } from '../../../src/formats/tables/rows.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { trainingBatches } from '../../../src/train/pretraining/batches.ts';
import { readPretraining, savePretraining } from '../../../src/train/pretraining/checkpoint.ts';
import { type Document, openCorpus } from '../../../src/train/pretraining/corpus.ts';
import { evaluatePretraining } from '../../../src/train/pretraining/evaluate.ts';
import {
  ExampleBuilder,
  type ExampleBuilderOptions,
  type Objective,
  objectives,
  type PretrainModel,
  pretrainModels,
} from '../../../src/train/pretraining/objective.ts';
import {
  type PretrainCallbacks,
  type PretrainOptions,
  pretrainDefaults,
  pretrainModel,
} from '../../../src/train/pretraining/pretrain.ts';
import { documentsOfSplit, pools, shuffled } from '../../../src/train/pretraining/stream.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
const dir = mkdtempSync(join(tmpdir(), 'wigbert-pretrain-'));
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
  rmSync(dir, { recursive: true });
});
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
};

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};
async function* stream<T>(items: Iterable<T>) {
  yield* items;
}
const take = async <T>(items: AsyncIterable<T>, n: number): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) === n) break;
  return found;
};

const words = Array.from({ length: 40 }, (_, i) => `w${i}`);
const tokenizer = new BertTokenizer(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words]);
/** Sentences of words that follow each other; a document stays in one half of the vocabulary. */
function documents(count: number, seed: number): Document[] {
  const random = new Philox(seed);
  return Array.from({ length: count }, () => {
    const half = 20 * random.randint(2);
    return Array.from({ length: 1 + random.randint(6) }, () => {
      const first = random.randint(20);
      return Array.from(
        { length: 2 + random.randint(8) },
        (_, i) => `w${half + ((first + i) % 20)}`,
      ).join(' ');
    });
  });
}

describe('openCorpus', () => {
  const read = async (paths: string[], options: Partial<Parameters<typeof openCorpus>[1]> = {}) => {
    const reported: [string, RowProblem[]][] = [];
    const onProblems = (path: string, problems: readonly RowProblem[]) => {
      if (problems.length > 0) reported.push([path, [...problems]]);
    };
    const found = await all(
      (await openCorpus(paths, { blankLineSeparated: false, onProblems, ...options }))(),
    );
    return { found, problems: reported.flatMap(([, problems]) => problems) };
  };

  it('reads plain text by lines or by blocks', async () => {
    const path = file('plain.txt', '\ufeffone\r\ntwo \r\n\r\n\n three\nfour');
    expect((await read([path])).found).toEqual([['one'], ['two'], ['three'], ['four']]);
    expect((await read([path, path], { blankLineSeparated: true })).found).toEqual([
      ['one', 'two'],
      ['three', 'four'],
      ['one', 'two'],
      ['three', 'four'],
    ]);
  });

  it('reads tables, each row a document', async () => {
    const tsv = file('t.txt', 'id\tdocument\n1\tone "\n2\ttwo\n\n3\t\n4\tfour');
    const csv = file('t.csv', 'text,n\n"one\ntwo, ""2""",1\nthree,2\n');
    const jsonl = file(
      't.jsonl',
      '{"sentence1": "one", "sentence2": "two"}\n{"sentence1": 3}\n{"sentence1": "a\\nb", "sentence2": "c"}\n',
    );
    expect((await read([tsv])).found).toEqual([['one "'], ['two'], ['four']]);
    expect((await read([csv])).found).toEqual([['one', 'two, "2"'], ['three']]);
    const { found, problems } = await read([jsonl]);
    expect(found).toEqual([
      ['one', 'two'],
      ['a', 'b', 'c'],
    ]);
    expect(problems).toEqual([{ line: 2, reason: 'sentence1 is not a string' }]);
    await expect(read([tsv], { textColumn: 'body' })).rejects.toThrow(
      'has no column "body" for the text',
    );
    await expect(read([join(dir, 'nowhere.txt')])).rejects.toThrow('no such file');
  });

  it('reads what is larger than its pieces, with the right lines', async () => {
    const long = 'x'.repeat(100);
    const rows = Array.from({ length: 30_000 }, (_, i) =>
      i % 7 ? `${long} ${i}` : `${long}\n${i}`,
    );
    const csv = file('long.csv', `text\n${rows.map((text) => `"${text}"`).join('\n')}\n"a"b\n`);
    const { found, problems } = await read([csv]);
    expect(found.map((document) => document.join('\n'))).toEqual(rows);
    const lines = rows.reduce((sum, text) => sum + text.split('\n').length, 0);
    expect(problems.map(({ line }) => line)).toEqual([lines + 2]);
    const tsv = file(
      'long.tsv',
      `text\n${Array.from({ length: 30_000 }, (_, i) => `${long} ${i}`).join('\n')}\nb\tc\n`,
    );
    const table = await read([tsv]);
    expect(table.found.length).toBe(30_000);
    expect(table.problems.map(({ line }) => line)).toEqual([30_002]);
  });

  it('passes over what is no text', async () => {
    const path = file('bytes.txt', Uint8Array.of(0x61, 0x0a, 0xff, 0x0a, 0x62));
    expect(await read([path])).toEqual({
      found: [['a'], ['b']],
      problems: [{ line: 2, reason: 'not valid UTF-8' }],
    });
  });
});

describe('the order of a corpus', () => {
  const corpus = Array.from({ length: 3000 }, (_, i): Document => [`${i}`.padStart(10, '0')]);

  it('shuffles in a buffer', async () => {
    let read = 0;
    let most = 0;
    async function* counted() {
      for (const document of corpus) {
        read++;
        yield document;
      }
    }
    const order: Document[] = [];
    for await (const document of shuffled(counted(), new Philox(1), 5000)) {
      order.push(document);
      most = Math.max(most, read - order.length);
    }
    expect(most).toBeLessThanOrEqual(500);
    expect(order).not.toEqual(corpus);
    expect(order.toSorted()).toEqual(corpus);
    const moved = order.map(([text], i) => Math.abs(Number(text) - i));
    expect(moved.reduce((a, b) => a + b) / moved.length).toBeGreaterThan(200);
    expect(await all(shuffled(stream(corpus), new Philox(1), 5000))).toEqual(order);
    expect(await all(shuffled(stream(corpus), new Philox(2), 5000))).not.toEqual(order);
  });

  it('sets a share aside, and trains on the rest', async () => {
    const [train, valid] = await Promise.all(
      (['train', 'valid'] as const).map((part) =>
        all(documentsOfSplit(stream(corpus), part, 0.1, 7)),
      ),
    );
    expect([...train, ...valid].toSorted()).toEqual(corpus);
    expect(Math.abs(valid.length - 300)).toBeLessThan(4 * Math.sqrt(3000 * 0.09));
    expect(await all(documentsOfSplit(stream(corpus), 'valid', 0, 7))).toEqual([]);
    // No more than some, of long ones two.
    const long = corpus.map(([text]): Document => [text.repeat(20_000)]);
    expect((await all(documentsOfSplit(stream(long.slice(0, 60)), 'valid', 0.5, 7))).length).toBe(
      2,
    );
    expect((await all(documentsOfSplit(stream(long.slice(0, 60)), 'train', 0.5, 7))).length).toBe(
      58,
    );
  });

  it('makes pools', async () => {
    expect((await all(pools(stream(corpus.slice(0, 25)), 10))).map(({ length }) => length)).toEqual(
      [10, 10, 5],
    );
  });
});

const options: PretrainOptions = {
  ...pretrainDefaults,
  maxLength: 24,
  batchSize: 4,
  totalSteps: 12,
  evalEvery: 5,
  saveEvery: 4,
  learningRate: 0.02,
  warmupRatio: 0.2,
};
const makerFor = (changes: Partial<ExampleBuilderOptions> = {}) =>
  new ExampleBuilder(tokenizer, { ...options, ...changes });

describe('trainingBatches', () => {
  const corpus = documents(300, 1);
  const source = () => stream(corpus);

  it.each(objectives)('gives the same for %s from any position on', async (objective) => {
    const maker = makerFor({ objective });
    // Pools of 128 documents: three an epoch, and into the second and third.
    const perEpoch = { mlm: 260, nsp: 160, 'mlm+nsp': 160 }[objective];
    const whole = await take(trainingBatches(source, maker, options), 2 * perEpoch + 60);
    expect(new Set(whole.map(({ epoch }) => epoch)).size).toBeGreaterThanOrEqual(2);
    for (const at of [0, 17, 90, whole.findIndex(({ epoch }) => epoch === 2) - 1, perEpoch + 33]) {
      const rest = await take(trainingBatches(source, maker, options, whole[at].next), 20);
      expect(rest).toEqual(whole.slice(at + 1, at + 21));
    }
    expect(new Set(whole.map(({ inputs }) => inputs.inputIds.shape[0]))).toEqual(new Set([4]));
    expect(new Set(whole.map(({ inputs }) => inputs.inputIds.shape[1])).size).toBeLessThanOrEqual(
      3,
    );
  });

  it('goes through every text once an epoch, in another order and with other masks in each', async () => {
    const batches = await take(trainingBatches(source, makerFor(), options), 700);
    const rowsOf = (epoch: number) =>
      batches
        .filter((batch) => batch.epoch === epoch)
        .flatMap(({ inputs: { inputIds, labels, labelPositions } }) => {
          const [rows, length] = inputIds.shape;
          const ids = Int32Array.from(inputIds.data);
          labels.data.forEach((label, i) => {
            if (label >= 0) ids[labelPositions.data[i]] = label;
          });
          return Array.from({ length: rows }, (_, row) =>
            tokenizer.decode(ids.subarray(row * length, (row + 1) * length), {
              skipSpecialTokens: true,
            }),
          );
        });
    const texts = [...new Set(corpus.flat())].toSorted();
    const [first, second] = [rowsOf(1), rowsOf(2)];
    for (const rows of [first, second]) {
      expect([...new Set(rows)].toSorted()).toEqual(texts);
      expect(rows.length - corpus.flat().length).toBeLessThan(3 * 4);
    }
    expect(second.slice(0, 50)).not.toEqual(first.slice(0, 50));
  });

  it.each([0.15, 0.4])('predicts a share of %f of the tokens', async (mlmProbability) => {
    const batches = await take(trainingBatches(source, makerFor({ mlmProbability }), options), 260);
    const sum = (field: 'predicted' | 'tokens' | 'examples') =>
      batches.reduce((total, batch) => total + batch[field], 0);
    // [CLS] and [SEP] are never predicted. A short text has one token to predict at least.
    const share = sum('predicted') / (sum('tokens') - 2 * sum('examples'));
    expect(share).toBeGreaterThan(0.97 * mlmProbability);
    expect(share).toBeLessThan(mlmProbability + 0.05);
  });

  it('cuts long texts, and leaves out those without words', async () => {
    const long = Array.from({ length: 50 }, (_, i) => `w${i % 40}`).join(' ');
    const examples = await makerFor().examples([[long, '한국', ''], ['w1']], 1);
    expect(examples.map(({ inputIds }) => inputIds.length)).toEqual([24, 24, 8, 3]);
    expect(examples.slice(0, 3).flatMap(({ inputIds }) => inputIds.slice(1, -1))).toEqual(
      tokenizer.encode(long, null, { addSpecialTokens: false }).inputIds,
    );
    const nothing = trainingBatches(() => stream([['한국']]), makerFor(), options);
    await expect(nothing.next()).rejects.toThrow('the corpus gives no example to train on');
    const single = trainingBatches(
      () => stream([['w1'], ['w2']]),
      makerFor({ objective: 'nsp' }),
      options,
    );
    await expect(single.next()).rejects.toThrow('two or more sentences');
  });
});

const corpus = documents(150, 2);
const config = bertConfig({
  vocabSize: tokenizer.vocabSize,
  hiddenSize: 16,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 32,
  initializerRange: 0.1,
});
const setUp = async (
  device: Device,
  objective: Objective,
  changes: Partial<PretrainOptions> = {},
) => {
  setDevice(device);
  const own = { ...options, objective, ...changes };
  const maker = makerFor(own);
  const held = await maker.examples(documents(20, 3), 9);
  const data = {
    documents: () => stream(corpus),
    exampleBuilder: maker,
    valid: [maker.collate(held.slice(0, 30), 9, 0)],
  };
  const model = pretrainModels[objective].fromConfig<PretrainModel>(config, 1);
  return {
    model,
    data,
    own,
    go: (hooks?: PretrainCallbacks) => pretrainModel(model, data, own, hooks),
  };
};
const weights = async (model: PretrainModel) =>
  Promise.all(model.parameters().map((parameter) => parameter.data()));

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('pretrain on %s', (_, device) => {
  it.skipIf(!device).each(objectives)(
    'goes on from a saved %s with the same bits',
    async (objective) => {
      const whole = await setUp(device!, objective);
      const history = await whole.go();
      expect(history.steps.length).toBe(12);
      expect(history.evaluations.map(({ step }) => step)).toEqual([5, 10, 12]);

      const part = await setUp(device!, objective);
      const out = join(dir, `${objective}-${device!.kind}`);
      const stop = new AbortController();
      const saves: number[] = [];
      const onCheckpoint: PretrainCallbacks['onCheckpoint'] = async (state) => {
        saves.push(state.step);
        await savePretraining(out, part.model, state, { any: 'thing' }, tokenizer.files());
      };
      await part.go({
        signal: stop.signal,
        onCheckpoint,
        onStep: ({ step }) => step === 4 && stop.abort(),
      });
      const { state, settings } = await readPretraining(out);
      expect(saves).toEqual([...new Set([0, 4, state.step])]);
      expect(state.step).toBeLessThan(12);
      expect(settings).toEqual({ any: 'thing' });

      const model = await pretrainModels[objective].fromPretrained<PretrainModel>(out);
      expect(model.loadReport).toEqual({ missing: [], unexpected: [] });
      const rest = await pretrainModel(model, part.data, part.own, {}, state);
      expect(rest).toEqual(history);
      expect(await weights(model)).toEqual(await weights(whole.model));
    },
  );

  it.skipIf(!device)('refuses a loss that is no number', async () => {
    const { go } = await setUp(device!, 'mlm', { learningRate: 1e30, warmupRatio: 0 });
    await expect(go()).rejects.toThrow(/the loss at step \d+ is .*lower the learning rate/);
  });
});

it('learns masked words, and which sentence follows', async () => {
  const { go, model, data } = await setUp(webgpu ?? new CpuDevice(), 'mlm+nsp', {
    totalSteps: 250,
    evalEvery: 250,
    batchSize: 16,
    learningRate: 5e-3,
  });
  const before = await evaluatePretraining(model, data.valid);
  expect(before.perplexity).toBeGreaterThan(30);
  const { evaluations } = await go();
  expect(evaluations[0].validPerplexity).toBeLessThan(0.6 * before.perplexity!);
  expect(model.training).toBe(true);
  const again = await evaluatePretraining(model, data.valid);
  expect(evaluations[0]).toMatchObject({
    validLoss: again.loss,
    validPerplexity: again.perplexity,
    validAccuracy: again.accuracy,
  });
});
