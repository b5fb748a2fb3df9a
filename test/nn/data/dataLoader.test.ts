import { describe, expect, it } from 'vitest';
import { nn } from '../../../src/index.ts';
import { manualSeed, tensor } from '../../../src/tensor/index.ts';

const { DataLoader, TensorDataset, Subset, randomSplit, defaultCollate } = nn.data;
const features = () =>
  tensor(
    Float32Array.from({ length: 14 }, (_, i) => i),
    { shape: [7, 2] },
  );
const labels = () => tensor(Int32Array.from({ length: 7 }, (_, i) => 2 ** 25 + i));
const squares: nn.data.Dataset<number> = { length: 5, get: async (i) => i * i };

async function labelsOf(loader: nn.data.DataLoader<ReturnType<typeof features>[]>) {
  const batches: number[][] = [];
  for await (const [x, y] of loader) {
    const values = [...(await y.data())].map((v) => v - 2 ** 25);
    expect(y.dtype).toBe('int32');
    expect([...(await x.data())]).toEqual(values.flatMap((v) => [2 * v, 2 * v + 1]));
    batches.push(values);
  }
  return batches;
}

describe('DataLoader', () => {
  it('gives batches in order; the last may be smaller, or left out', async () => {
    const dataset = new TensorDataset(features(), labels());
    const loader = new DataLoader(dataset, { batchSize: 3 });
    expect(loader.length).toBe(3);
    expect(await labelsOf(loader)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    const full = new DataLoader(dataset, { batchSize: 3, dropLast: true });
    expect(full.length).toBe(2);
    expect((await labelsOf(full)).flat()).toHaveLength(6);
    expect(await dataset.get(4)[0].tolist()).toEqual([8, 9]);
  });

  it('shuffles each pass by its seed', async () => {
    const dataset = new TensorDataset(features(), labels());
    const options = { batchSize: 7, shuffle: true, seed: 3 };
    const loader = new DataLoader(dataset, options);
    const [first, second] = [await labelsOf(loader), await labelsOf(loader)];
    expect(first).not.toEqual(second);
    expect(first[0].toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(await labelsOf(new DataLoader(dataset, options))).toEqual(first);
    manualSeed(5);
    const unseeded = await labelsOf(new DataLoader(dataset, { ...options, seed: undefined }));
    manualSeed(5);
    expect(await labelsOf(new DataLoader(dataset, { ...options, seed: undefined }))).toEqual(
      unseeded,
    );
  });

  it('collates what a dataset of one’s own gives', async () => {
    const batches: unknown[] = [];
    for await (const batch of new DataLoader(squares, { batchSize: 2 }))
      batches.push(await batch.tolist());
    expect(batches).toEqual([[0, 1], [4, 9], [16]]);
    const sums = new DataLoader(squares, {
      batchSize: 5,
      collate: (list) => list.reduce((a, b) => a + b),
    });
    for await (const sum of sums) expect(sum).toBe(30);
  });

  it('collates members, and refuses what it does not know', async () => {
    const batch = defaultCollate([
      { ids: Int32Array.of(1, 2), text: 'a', pair: [true, 0.5] },
      { ids: Int32Array.of(3, 4), text: 'b', pair: [false, 1] },
    ] as { ids: Int32Array; text: string; pair: [boolean, number] }[]);
    expect(await batch.ids.tolist()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect([batch.ids.dtype, batch.pair[0].dtype]).toEqual(['int32', 'bool']);
    expect(batch.text).toEqual(['a', 'b']);
    expect(() => defaultCollate([[1], [1, 2]])).toThrow('arrays of one length');
    expect(() => defaultCollate([null])).toThrow('got null');
    for (const [example, got] of [
      [new Set([1]), 'Set'],
      [new Date(), 'Date'],
      [Promise.resolve(1), 'Promise'],
    ])
      expect(() => defaultCollate([{ example }])).toThrow(`maps or objects, got ${got}`);
    expect(() => new DataLoader(squares, { batchSize: 0 })).toThrow('`batchSize`');
  });
});

it('defaultCollate takes maps, and the fields of instances', async () => {
  class Example {
    readonly x: number;

    constructor(x: number) {
      this.x = x;
    }
  }
  const maps = defaultCollate([1, 2].map((n) => new Map([['x', new Example(n)]])));
  expect([...maps.keys()]).toEqual(['x']);
  expect(await maps.get('x')!.x.tolist()).toEqual([1, 2]);
});

describe('datasets', () => {
  it('randomSplit parts by counts or fractions, by its seed', () => {
    const parts = randomSplit(squares, [3, 2], 1);
    expect(parts.map(({ length }) => length)).toEqual([3, 2]);
    expect(parts.flatMap(({ indices }) => indices).toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(randomSplit(squares, [3, 2], 1)[0].indices).toEqual(parts[0].indices);
    expect(randomSplit(squares, [0.5, 0.5], 1).map(({ length }) => length)).toEqual([3, 2]);
    expect(() => randomSplit(squares, [3, 3])).toThrow('add up to 5');
  });

  it('Subset gives its examples, in batches too', async () => {
    const some = new Subset(new TensorDataset(features(), labels()), [6, 2]);
    expect(await labelsOf(new DataLoader(some, { batchSize: 2 }))).toEqual([[6, 2]]);
    expect(await new Subset(squares, [3]).get(0)).toBe(9);
    expect(() => new Subset(squares, [5])).toThrow('from 0 to 4, got 5');
  });

  it('TensorDataset refuses tensors of other lengths', () => {
    expect(() => new TensorDataset(features(), labels().slice([[0, 3]]))).toThrow('[7, 2], [3]');
    expect(() => new TensorDataset()).toThrow('got none');
  });
});
