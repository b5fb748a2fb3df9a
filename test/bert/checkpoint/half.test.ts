import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { TorchDtype } from '../../../src/bert/checkpoint/torchDtype.ts';
import { BertForSequenceClassification, bertConfig } from '../../../src/entries/bert.ts';
import { parseSafetensors, toFloat16, toFloat32 } from '../../../src/formats/safetensors/file.ts';
import { noGrad, UsageError } from '../../../src/index.ts';
import { classOf, headNames, storedNames } from '../../support/heads.ts';
import { seeded } from '../../support/mutants.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-half-'));
afterAll(() => rm(root, { recursive: true }));

const config = bertConfig({
  vocabSize: 40,
  hiddenSize: 16,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 24,
  maxPositionEmbeddings: 10,
});
const fileOf = (dir: string) => readFile(join(dir, 'model.safetensors'));
/** Bytes behind the header. */
const dataBytes = (file: Buffer) => file.length - 8 - Number(file.readBigUInt64LE());
const half = { torchDtype: 'float16' } as const;

describe('saved as float16', () => {
  test.each(headNames)('%s: every weight, rounded, in half the bytes', async (head) => {
    const model = classOf(head).fromConfig(config, 1);
    const [single, dir] = [join(root, `${head}-single`), join(root, head)];
    await model.savePretrained(single);
    await model.savePretrained(dir, { 'vocab.txt': '[PAD]\n' }, half);

    const [whole, file] = [await fileOf(single), await fileOf(dir)];
    expect(2 * dataBytes(file)).toBe(dataBytes(whole));
    const { tensors } = parseSafetensors(file);
    expect([...tensors.keys()].sort()).toEqual(storedNames(head, 2));
    expect(new Set(Array.from(tensors.values(), ({ dtype }) => dtype))).toEqual(new Set(['F16']));
    const [before, after] = await Promise.all(
      [single, dir].map((of) => readFile(join(of, 'config.json'), 'utf8')),
    );
    expect(JSON.parse(after)).toEqual({ ...JSON.parse(before), torch_dtype: 'float16' });
    expect(await readFile(join(dir, 'vocab.txt'), 'utf8')).toBe('[PAD]\n');

    const back = await classOf(head).fromPretrained(dir);
    expect(back.loadReport).toEqual({ missing: [], unexpected: [] });
    const own = model.stateDict();
    for (const [name, weight] of back.stateDict()) {
      const bits = toFloat16((await own.get(name)!.data()) as Float32Array);
      expect(await weight.data(), name).toEqual(
        toFloat32({ dtype: 'F16', shape: [], data: new Uint8Array(bits.buffer) }),
      );
    }
  });

  test('gives the logits within half precision, and is saved as float32 unless asked', async () => {
    const model = BertForSequenceClassification.fromConfig(config, 2).eval();
    const random = seeded(2);
    for (const weight of model.parameters())
      weight.copy_(Float32Array.from({ length: weight.size }, () => random() - 0.5));
    const dir = join(root, 'logits');
    await model.savePretrained(dir, {}, half);
    const back = await BertForSequenceClassification.fromPretrained(dir);
    const inputIds = Array.from({ length: 4 }, () =>
      Array.from({ length: 9 }, () => Math.floor(40 * random())),
    );
    const logitsOf = (of: BertForSequenceClassification) =>
      noGrad(() => of.forward({ inputIds }).logits).data();
    const [expected, got] = [await logitsOf(model), await logitsOf(back)];
    const largest = Math.max(...expected.map(Math.abs));
    const worst = Math.max(...expected.map((value, i) => Math.abs(value - got[i])));
    expect(largest).toBeGreaterThan(0.1);
    // Each weight is off by 2^-11 of itself at most; that it is off at all says that it was
    // rounded.
    expect(worst).toBeLessThan(largest * 2 ** -8);
    expect(worst).toBeGreaterThan(0);
    const again = join(root, 'again');
    await back.savePretrained(again);
    expect(dataBytes(await fileOf(again))).toBe(2 * dataBytes(await fileOf(dir)));
  });
});

describe('refuses', () => {
  test.each([65520, -1e6, Number.POSITIVE_INFINITY, Number.NaN])(
    '%d by the name of its weight; the old folder stays',
    async (value) => {
      const model = BertForSequenceClassification.fromConfig(config, 3);
      const dir = await mkdtemp(join(root, 'refused-'));
      await model.savePretrained(dir, { 'vocab.txt': 'old' });
      const old = await fileOf(dir);
      model.stateDict().get('classifier.bias')!.copy_(Float32Array.of(0, value));
      const saving = model.savePretrained(dir, { 'vocab.txt': 'new' }, half);
      await expect(saving).rejects.toThrow(UsageError);
      await expect(saving).rejects.toThrow(
        /^tensor "classifier\.bias": expected numbers up to 65504 for float16, got/,
      );
      expect(Buffer.compare(await fileOf(dir), old)).toBe(0);
      expect(await readFile(join(dir, 'vocab.txt'), 'utf8')).toBe('old');
      expect((await readdir(dir)).sort()).toEqual([
        'config.json',
        'model.safetensors',
        'vocab.txt',
      ]);
    },
  );

  test('another dtype', async () => {
    const model = BertForSequenceClassification.fromConfig(config);
    const torchDtype = 'bfloat16' as TorchDtype;
    const saving = model.savePretrained(join(root, 'none'), {}, { torchDtype });
    await expect(saving).rejects.toThrow(UsageError);
    await expect(saving).rejects.toThrow(
      '`torchDtype`: expected one of float32, float16, int8, got "bfloat16"',
    );
  });
});
