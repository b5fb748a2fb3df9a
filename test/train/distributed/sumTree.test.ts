import { expect, it } from 'vitest';
import { SumTree, sumsOfRank } from '../../../src/train/distributed/sumTree.ts';

const join = (a: string, b: string) => `(${a}${b})`;

/** The additions of so many addends by one process. */
function alone(count: number): string {
  const tree = new SumTree(join);
  for (let first = 0; first < count; first++) tree.push({ first, level: 0, sum: `${first} ` });
  return tree.total();
}

it('adds neighbours, then neighbours of their sums', () => {
  expect(alone(1)).toBe('0 ');
  expect(alone(3)).toBe('((0 1 )2 )');
  expect(alone(7)).toBe('(((0 1 )(2 3 ))((4 5 )6 ))');
});

it('keeps at most one sum of each level', () => {
  const tree = new SumTree<number>((a, b) => a + b);
  for (let first = 0; first < 100; first++) {
    tree.push({ first, level: 0, sum: 1 });
    expect(tree.parts.length).toBeLessThanOrEqual(Math.ceil(Math.log2(first + 2)));
  }
  expect(tree.total()).toBe(100);
});

it('adds in the same order however many ranks share the addends', () => {
  for (let count = 1; count <= 20; count++)
    for (let size = 1; size <= 9; size++) {
      const tree = new SumTree(join);
      for (let rank = 0; rank < size; rank++)
        for (const { first, level } of sumsOfRank(count, rank, size)) {
          const own = new SumTree(join);
          for (let i = first; i < first + 2 ** level; i++)
            own.push({ first: i, level: 0, sum: `${i} ` });
          tree.push({ first, level, sum: own.total() });
        }
      expect(tree.total()).toBe(alone(count));
    }
});

it('gives each rank a run of parts, all of them together once', () => {
  for (const [count, size] of [
    [5, 2],
    [2, 4],
    [12, 3],
  ]) {
    const parts = Array.from({ length: size }, (_, rank) => sumsOfRank(count, rank, size)).flat();
    expect(parts.reduce((sum, { level }) => sum + 2 ** level, 0)).toBe(count);
  }
});
