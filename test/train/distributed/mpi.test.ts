import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hasMpi, runRanks } from './mpi.ts';
import { trainAll } from './training.mjs';

describe.skipIf(!hasMpi)('ranks that mpirun starts', () => {
  it('exchange arrays, and add up in the order of the tree', () => {
    const { status, values } = runRanks(3, 'collectives');
    expect(status).toBe(0);
    const addends = [1e8, 1, -1e8].map((first) =>
      Float32Array.from({ length: 13 }, (_, i) => first + i / 7),
    );
    const tree = Array.from(addends[0], (value, i) =>
      Math.fround(Math.fround(value + addends[1][i]) + addends[2][i]),
    );
    expect(values.map(({ rank }) => rank)).toEqual([0, 1, 2]);
    for (const { rank, fast, ...value } of values) {
      expect(value).toEqual({
        size: 3,
        sum: [3, 3],
        word: 12,
        all: [0, 7, 1, 7, 2, 7],
        sent: [0, 1, 1, 2, 2, 2].filter((from) => from !== rank),
        filled: [0, 1, 1, 2, 2, 2],
        tree,
      });
      expect(fast.length).toBe(13);
      expect(Math.abs(fast[3] - tree[3])).toBeLessThan(32);
    }
  });

  it('train to the bits of one process that accumulates the same parts', async () => {
    const alone = JSON.parse(JSON.stringify(await trainAll(false)));
    expect(alone.wasm.steps.length).toBe(4);
    expect(alone.both.rest.evaluations.length).toBe(2);
    const { status, values } = runRanks(3, 'train');
    expect(status).toBe(0);
    expect(values).toEqual([0, 1, 2].map((rank) => ({ rank, ...alone })));
  });

  it.each([1, 2, 3])('have the gradients of DistributedDataParallel, %i of them', (ranks) => {
    const { status, values } = runRanks(ranks, 'gradients');
    expect(status).toBe(0);
    const data = new URL('../../golden/data/ddp/gradients.json', import.meta.url);
    const expected: Record<string, number[]> = JSON.parse(readFileSync(data, 'utf8')).gradients;
    for (const { gradients } of values)
      for (const found of Object.values<Record<string, number[]>>(gradients)) {
        expect(Object.keys(found)).toEqual(Object.keys(expected));
        for (const [name, values] of Object.entries(found))
          for (const [i, value] of values.entries())
            expect(Math.abs(value - expected[name][i])).toBeLessThan(1e-6);
      }
  });

  it('stop when the weights of one differ, and name the tensor', () => {
    const { status, stderr } = runRanks(2, 'differ');
    expect(status).not.toBe(0);
    expect(stderr).toMatch(
      /the weight bert\.embeddings\.LayerNorm\.weight after step \d: .* rank 0's on 1/,
    );
  });

  it('wait at the end for the one that writes the report', () => {
    const { status, stderr, values } = runRanks(2, 'late', '1');
    expect([status, stderr]).toEqual([0, '']);
    expect(values.length).toBe(2);
  });

  it('open the device that `auto` is on the first of them', () => {
    const { status, values } = runRanks(3, 'device');
    expect(status).toBe(0);
    expect(values).toEqual([0, 1, 2].map((rank) => ({ rank, device: 'cpu' })));
  });

  it('end when one of them hangs, and say who waited where', () => {
    const { status, stderr, seconds } = runRanks(2, 'hang', '1');
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/wigbert: rank 0 has waited \d+ s in allReduce for the others/);
    expect(seconds).toBeLessThan(50);
  });
});
