import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import {
  BertBackbone,
  BertBiLMHeadModel,
  BertForMaskedLM,
  BertLMHeadModel,
  BiLstmLMHeadModel,
  bertConfig,
  CbowLMHeadModel,
} from '../../../src/entries/bert.ts';
import { BertTokenizer } from '../../../src/entries/tokenizers.ts';
import { FeatureExtractionPipeline, type FeatureOptions } from '../../../src/entries/train.ts';
import {
  parseSafetensors,
  streamSafetensors,
  toFloat32,
  toInt32,
} from '../../../src/formats/safetensors/file.ts';
import { noGrad, setDevice } from '../../../src/index.ts';
import { wigbert, wigbertHere } from '../../support/cli.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { seeded } from '../../support/mutants.ts';

const webgpu = await tryWebGpu();
const dir = mkdtempSync(join(tmpdir(), 'embed-'));
afterAll(() => {
  webgpu?.destroy();
  rmSync(dir, { recursive: true });
});
afterEach(() => setDevice(new CpuDevice()));

const tokenizer = new BertTokenizer(
  readFileSync(new URL('../../../data/vocab.txt', import.meta.url), 'utf8'),
);
const config = bertConfig({
  vocabSize: tokenizer.vocabSize,
  hiddenSize: 8,
  numHiddenLayers: 3,
  numAttentionHeads: 2,
  intermediateSize: 12,
  maxPositionEmbeddings: 24,
  initializerRange: 0.3,
});
const words = ['a', 'wonderful', 'terrible', 'film', 'plot', 'music', 'great', '!', 'the'];
const random = seeded(3);
const texts = Array.from({ length: 23 }, () =>
  Array.from(
    { length: Math.floor(random() * 9) },
    () => words[Math.floor(random() * words.length)],
  ).join(' '),
);
const pairs = texts.slice(1, 6).map((text, i): [string, string] => [text, texts[i]]);

const expectNear = (actual: ArrayLike<number>, expected: number[]) => {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i] - value), `${i}`).toBeLessThan(2e-5);
};

/** The states of one text alone, without padding: [layer][token][hidden]. */
async function statesOf(
  model: BertBackbone,
  text: string | [string, string],
): Promise<number[][][]> {
  const [first, second] = typeof text === 'string' ? [text] : text;
  const { inputIds, tokenTypeIds } = tokenizer.encode(first, second, {
    maxLength: 24,
    truncation: 'longest_first',
  });
  const { hiddenStates } = noGrad(() =>
    model.forward({ inputIds: [inputIds], tokenTypeIds: [tokenTypeIds] }),
  );
  return Promise.all(
    hiddenStates.map(async (state) => {
      const values = Array.from(await state.data());
      return inputIds.map((_, i) => values.slice(i * 8, (i + 1) * 8));
    }),
  );
}
const mean = (rows: number[][]) =>
  rows[0].map((_, d) => rows.reduce((sum, row) => sum + row[d] / rows.length, 0));

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('features on %s', (_, device) => {
  const here = it.skipIf(!device);
  const ways: [FeatureOptions, (states: number[][][]) => number[]][] = [
    [{}, (states) => mean(states[3])],
    [{ pooling: 'cls' }, (states) => states[3][0]],
    [{ pooling: 'cls', layers: [0] }, (states) => states[0][0]],
    [{ pooling: 'mean', layers: [-2] }, (states) => mean(states[2])],
    [{ layers: [-4, -3, -2, -1] }, (states) => states.flatMap(mean)],
    [
      { layers: [1, 2, 3], combine: 'sum' },
      (states) => mean(states.slice(1).flat()).map((value) => 3 * value),
    ],
    [
      { pooling: 'tokens', layers: [3, 1] },
      (states) => states[3].flatMap((row, i) => [...row, ...states[1][i]]),
    ],
  ];

  here.each(ways)(
    '%j: each text as if it were alone, in the order given',
    async (options, expected) => {
      setDevice(device!);
      const pipeline = new FeatureExtractionPipeline(BertBackbone.fromConfig(config, 1), tokenizer);
      for (const given of [texts, pairs]) {
        pipeline.model.train();
        // Two windows of batches, the last one of each not full.
        const features = await pipeline.predict(given, { ...options, batchSize: 2 });
        expect(features.length).toBe(given.length);
        expect(pipeline.model.training).toBe(true);
        pipeline.model.eval();
        for (const [i, text] of given.entries()) {
          const states = await statesOf(pipeline.model as BertBackbone, text);
          expectNear(features[i], expected(states));
          expect(features[i].length % pipeline.featureSize(options)).toBe(0);
        }
      }
    },
  );
});

describe('features of folders', () => {
  beforeAll(async () => {
    const decoder = bertConfig({ ...config, isDecoder: true });
    await BertForMaskedLM.fromConfig(config, 2).savePretrained(
      join(dir, 'masked'),
      tokenizer.files(),
    );
    await BertLMHeadModel.fromConfig(decoder, 2).savePretrained(
      join(dir, 'causal'),
      tokenizer.files(),
    );
    for (const [name, model] of [
      ['joined', BertBiLMHeadModel.fromConfig(decoder, 2)],
      ['bilstm', BiLstmLMHeadModel.fromConfig(decoder, 2)],
    ] as const)
      await model.savePretrained(join(dir, name), tokenizer.files());
    await CbowLMHeadModel.fromConfig(config, 2).savePretrained(
      join(dir, 'cbow'),
      tokenizer.files(),
    );
  });

  test.each([
    ['masked', 8],
    ['causal', 8],
    ['joined', 16],
    ['bilstm', 16],
    ['cbow', 8],
  ])('of a %s model', async (name, size) => {
    const pipeline = await FeatureExtractionPipeline.fromPretrained(join(dir, name));
    const [vector, tokens] = [
      await pipeline.predict(['a film']),
      await pipeline.predict(['a film'], { pooling: 'tokens' }),
    ];
    expect(vector[0].length).toBe(size);
    expect(tokens[0].length).toBe(4 * size);
    // What comes later changes the first states only of what looks ahead.
    const [other] = await pipeline.predict(['a plot'], { pooling: 'tokens' });
    const same = (from: number, to: number) =>
      expect(Array.from(other.slice(from, to)), name).toEqual(
        Array.from(tokens[0].slice(from, to)),
      );
    if (name === 'causal') same(0, 16);
    if (name === 'joined' || name === 'bilstm') same(0, 8);
    if (name === 'cbow') same(0, 16);
    if (name === 'masked') expect(other[0]).not.toBe(tokens[0][0]);
  });

  test('what is not there is refused', async () => {
    const pipeline = await FeatureExtractionPipeline.fromPretrained(join(dir, 'masked'));
    for (const layers of [[4], [-5], [0.5], []])
      await expect(pipeline.predict(['a'], { layers })).rejects.toThrow(
        'expected whole numbers from -4',
      );
    pipeline.model.embeddings.wordEmbeddings.weight.copy_(
      new Float32Array(config.vocabSize * 8).fill(Number.NaN),
    );
    await expect(pipeline.predict(['a'])).rejects.toThrow('expected finite numbers');
    await expect(
      (async () => {
        async function* pieces() {
          yield new Float32Array(3);
        }
        for await (const _ of streamSafetensors([
          ['x', { dtype: 'F32', shape: [2, 2], data: pieces }],
        ]))
          void _;
      })(),
    ).rejects.toThrow('got 12');
  });
});

describe('wigbert embed', () => {
  const command = ['embed', '--model', join(dir, 'masked'), '--device', 'cpu'];
  const embed = (args: string[]) => wigbertHere([...command, ...args]);
  const some = texts.slice(0, 7);
  const read = (path: string) => parseSafetensors(new Uint8Array(readFileSync(path))).tensors;

  test('writes safetensors and JSON lines of the same', async () => {
    const pipeline = await FeatureExtractionPipeline.fromPretrained(join(dir, 'masked'));
    const table = join(dir, 'texts.tsv');
    writeFileSync(table, `label\tdocument\n${some.map((text) => `x\t${text}\n`).join('')}`);
    const [binary, lines] = [join(dir, 'a.safetensors'), join(dir, 'a.jsonl')];
    const options = ['--layers', '-2,-1', '--batch-size', '3'];
    const done = await embed(['--input', table, '--out', binary, '--json', ...options]);
    expect(done.stderr).toBe('');
    expect(JSON.parse(done.stdout)).toMatchObject({
      out: binary,
      texts: 7,
      size: 16,
      device: 'cpu',
    });
    const expected = await pipeline.predict(some, { layers: [-2, -1] });
    const { shape, data } = { ...read(binary).get('embeddings')! };
    expect(shape).toEqual([7, 16]);
    expect(toFloat32({ dtype: 'F32', shape, data }).length).toBe(7 * 16);
    expectNear(
      toFloat32(read(binary).get('embeddings')!),
      expected.flatMap((vector) => Array.from(vector)),
    );

    expect((await embed(['--out', lines, ...options, ...some])).stdout).toBe(
      `${lines}: 7 texts, vectors of 16\n`,
    );
    const rows = readFileSync(lines, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ text }) => text)).toEqual(some);
    expect(rows.flatMap(({ embedding }) => embedding).map(Math.fround)).toEqual(
      Array.from(toFloat32(read(binary).get('embeddings')!)),
    );
  });

  test('a vector for each token, of pairs', async () => {
    const [binary, lines] = [join(dir, 't.safetensors'), join(dir, 't.jsonl')];
    const input = pairs.map((pair) => pair.join('\t')).join('\n');
    for (const out of [binary, lines]) {
      const args = [...command, '--pairs', '--pooling', 'tokens', '--out', out];
      expect(wigbert(args, input).status).toBe(0);
    }
    const rows = readFileSync(lines, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ text, pair }) => [text, pair])).toEqual(pairs);
    const tensors = read(binary);
    const offsets = Array.from(toInt32(tensors.get('offsets')!));
    const encoded = pairs.map(([text, pair]) => tokenizer.encode(text, pair).inputIds);
    expect(offsets).toEqual([0, ...encoded.map((_, i) => encoded.slice(0, i + 1).flat().length)]);
    expect(tensors.get('embeddings')!.shape).toEqual([offsets.at(-1), 8]);
    expect(rows.map(({ tokens }) => tokens)).toEqual(
      encoded.map((ids) => tokenizer.convertIdsToTokens(ids)),
    );
    expect(
      rows
        .flatMap(({ embeddings }) => embeddings)
        .flat()
        .map(Math.fround),
    ).toEqual(Array.from(toFloat32(tensors.get('embeddings')!)));
  });

  test.each([
    [['--out', join(dir, 'x.txt'), 'a'], /--out: expected \.safetensors or \.jsonl/],
    [
      ['--out', join(dir, 'x.jsonl'), '--layers', '9', 'a'],
      /--layers: expected whole numbers from -4/,
    ],
    [['--out', join(dir, 'x.jsonl'), '--layers', '1,,2', 'a'], /whole numbers separated by commas/],
    [
      ['--out', join(dir, 'x.jsonl'), '--input', 'y.tsv', 'a'],
      /--input and texts exclude each other/,
    ],
    [
      ['--out', join(dir, 'x.jsonl'), '--input', 'y.tsv', '--pairs'],
      /--input and --pairs exclude each other/,
    ],
    [['--out', join(dir, 'x.jsonl'), '--max-length', '99', 'a'], /24 positions/],
  ])('refuses %j', async (args, message) => {
    const { status, stderr } = await embed(args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });
});
