import { beforeEach, describe, expect, it, vi } from 'vitest';
import { namesIn, writePrivate } from '../../src/platform/browser/privateFiles.ts';
import { savedDtype } from '../../web/file/model.ts';
import { give } from '../../web/src/engine/data.ts';
import { splitRows } from '../../web/src/engine/labelled.ts';
import { lessonOf } from '../../web/src/engine/lessons.ts';
import { historyOf, newRun, type Row } from '../../web/src/engine/runs.ts';
import { fakeNavigator } from '../support/privateFileSystem.ts';

// In Node it looks for a folder of the disk.
vi.mock('wigbert/train', async (original) => ({
  ...(await original<object>()),
  getLastCheckpoint: async (dir: string) => `${dir}/checkpoint-2`,
}));

beforeEach(() => vi.stubGlobal('navigator', fakeNavigator('worker')));

describe('folders of the page', () => {
  it('have numbers of their own, whatever is begun at once', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => newRun(async (id) => id)));
    expect(ids).toEqual([1, 2, 3]);
  });

  it('go when they cannot be filled', async () => {
    const failing = newRun(async (id) => {
      await writePrivate(`opfs:/runs/${id}/train.jsonl`, '{}');
      throw new Error('there is no room');
    });
    await expect(failing).rejects.toThrow('no room');
    expect((await namesIn('opfs:/runs'))?.directory).toEqual([]);
    const unread = {} as File;
    await expect(give([{ path: 'model/model.safetensors', file: unread }])).rejects.toThrow();
    expect((await namesIn('opfs:/models'))?.directory).toEqual([]);
    const file = new File(['{"broken'], 'broken.json');
    await expect(give([{ path: 'broken.json', file }])).rejects.toThrow();
    expect((await namesIn('opfs:/sets'))?.directory).toEqual([]);
  });
});

describe('files that are given', () => {
  const given = (...paths: string[]) => paths.map((path) => ({ path, file: new File([], path) }));

  it.each([
    ['unknown', 'a.xlsx', ['a.xlsx']],
    ['unknown', 'bert/config.json, bert/vocab.txt', ['bert/config.json', 'bert/vocab.txt']],
    ['several', 'a.tsv, b.csv', ['a.tsv', 'b.csv', 'notes.md']],
    ['several', 'a/1.txt, a/2.txt, a/3.txt, …', ['a/1.txt', 'a/2.txt', 'a/3.txt', 'a/4.txt']],
    ['noWeights', 'bert/pytorch_model.bin', ['bert/config.json', 'bert/pytorch_model.bin']],
  ])('are not taken where they are %s', async (kind, names, paths) => {
    expect(await give(given(...paths))).toEqual({ refusal: { kind, names } });
    expect(await namesIn('opfs:/sets')).toBeUndefined();
  });
});

describe('rows that are set aside', () => {
  it('have no label that the others lack', () => {
    const rows = Array.from({ length: 20 }, (_, i): Row => {
      return { text: `text ${i}`, label: i % 3 ? ['common'] : ['common', `rare ${i}`] };
    });
    for (let seed = 0; seed < 8; seed++) {
      const { train, valid } = splitRows(rows, 'multi-label', seed);
      const known = new Set(train.flatMap(({ label }) => label));
      expect(valid.flatMap(({ label }) => label).filter((label) => !known.has(label))).toEqual([]);
      expect(new Set([...train, ...valid])).toEqual(new Set(rows));
      expect(valid.length).toBeGreaterThan(0);
    }
  });

  it('are missed where no label is one of two texts', () => {
    const rows = Array.from({ length: 5 }, (_, i): Row => ({ text: 'a', label: [`label ${i}`] }));
    expect(() => splitRows(rows, 'multi-label', 42)).toThrow(/^`data`: expected texts to validate/);
  });
});

describe('the history of a run', () => {
  const history = (steps: number) =>
    JSON.stringify({
      ...{ monitor: 'accuracy', epochs: [] },
      steps: Array.from({ length: steps }, (_, i) => ({
        ...{ step: i + 1, epoch: 1, learningRate: 1, loss: 1, accuracy: 1, gradNorm: 1 },
      })),
    });

  it.each([
    ['stopped, and gone on from there', 1, 2],
    ['ended', 2, 1],
  ])('of one that was %s is the longer one', async (_, stopped, saved) => {
    await writePrivate('opfs:/runs/1/model/history.json', history(stopped));
    await writePrivate('opfs:/runs/1/model/checkpoint-2/history.json', history(saved));
    expect((await historyOf(1))?.steps).toHaveLength(2);
  });
});

describe('a lesson', () => {
  const row = (text: string, label: string): Row => ({ text, label });
  const many = Array.from({ length: 500 }, (_, i) => row(`text ${i}`, 'common'));
  many[7].label = 'rare';
  const answers = [{ text: 'text 3', label: ['common'] }];
  const textsOf = (rows: Row[]) => rows.map(({ text }) => text);

  it('has a row of each label, and each answer in the place of its row', () => {
    const { train, rows } = lessonOf(many, [row('other', 'rare')], answers, 'classification');
    expect(new Set(train.map(({ label }) => label))).toEqual(new Set(['common', 'rare']));
    expect(train.length).toBeLessThan(200);
    expect(textsOf(train).filter((text) => text === 'text 3')).toHaveLength(4);
    expect(rows).toHaveLength(500);
  });

  it('is validated on its answers where no other row is left', () => {
    const valid = [row('text 3', 'rare')];
    expect(lessonOf(many, valid, answers, 'classification').valid).toEqual([
      { text: 'text 3', label: 'common', answered: true },
    ]);
    const more = [...valid, row('other', 'rare')];
    expect(textsOf(lessonOf(many, more, answers, 'classification').valid)).toEqual(['other']);
  });
});

it('the page of one file saves the type of its weights, and what int8 would round away', () => {
  const int8 = { torch_dtype: 'float32', quantization_config: {} };
  expect(savedDtype(int8, false)).toBe('int8');
  expect(savedDtype(int8, true)).toBe('float16');
  expect(savedDtype({ torch_dtype: 'float16' }, true)).toBe('float16');
  expect(savedDtype({}, true)).toBe('float32');
});
