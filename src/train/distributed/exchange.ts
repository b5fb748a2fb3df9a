/**
 * Adds up float32 arrays that several ranks have, in the order of `SumTree`. Each rank adds one
 * stretch of the elements: it receives that stretch of all sums and sends its total to all, which
 * takes no more traffic than a ring. This is done bucket by bucket, so that no call takes long.
 */
import type { Collective } from './collective.ts';
import { type PartialSum, SumTree } from './sumTree.ts';

/** How gradients are added up: in an order that no number of ranks changes, or by MPI. */
export const reductionNames = ['tree', 'fast'] as const;
export type Reduction = (typeof reductionNames)[number];

/** 25 MB, as in torch's DistributedDataParallel. */
const BUCKET = 25 * 2 ** 18;

/** How a sum is made. */
export interface SumOptions {
  reduction: Reduction;
  /** `sumsOfRank` of each rank. */
  sumsOf: readonly (readonly PartialSum<undefined>[])[];
  /** Elements of a bucket. */
  bucket?: number;
}

/** a + b, in a's place. */
export function addInPlace(a: Float32Array, b: Float32Array): Float32Array {
  for (let i = 0; i < a.length; i++) a[i] += b[i];
  return a;
}

/**
 * The sum over all parts of a batch comes to `into`.
 * @param sums of this rank's parts, as `sumsOfRank` lists them; they are written over. The first
 *   may be `into`.
 */
export function sumOverRanks(
  group: Collective,
  sums: readonly Float32Array[],
  into: Float32Array,
  { reduction, sumsOf, bucket = BUCKET }: SumOptions,
): void {
  for (let begin = 0; begin < into.length; begin += bucket) {
    const part = into.subarray(begin, begin + bucket);
    const parts = sums.map((sum) => (sum === into ? part : sum.subarray(begin, begin + bucket)));
    if (reduction === 'tree') sumByTree(group, parts, part, sumsOf);
    else sumByLibrary(group, parts, part);
  }
}

function sumByLibrary(group: Collective, sums: readonly Float32Array[], into: Float32Array): void {
  if (!sums.includes(into)) into.fill(0);
  for (const sum of sums) if (sum !== into) addInPlace(into, sum);
  group.allReduce(into);
}

function sumByTree(
  group: Collective,
  sums: readonly Float32Array[],
  into: Float32Array,
  sumsOf: SumOptions['sumsOf'],
): void {
  const { rank, size } = group;
  const counts = Array.from(
    { length: size },
    (_, r) => stretchStart(into, r + 1, size) - stretchStart(into, r, size),
  );
  const stretchOf = (array: Float32Array) =>
    array.subarray(stretchStart(into, rank, size), stretchStart(into, rank + 1, size));
  const total = stretchOf(into);
  const received = receive(group, sums, counts, sumsOf);
  received[rank] = sums.map((sum) => (sum === into ? total : stretchOf(sum)));
  // The result belongs in `total`, and the order of two addends does not matter.
  const tree = new SumTree<Float32Array>((a, b) =>
    b === total ? addInPlace(b, a) : addInPlace(a, b),
  );
  for (const [from, of] of sumsOf.entries())
    for (const [i, { first, level }] of of.entries())
      tree.push({ first, level, sum: received[from][i] });
  const sum = tree.total();
  if (sum !== total) total.set(sum);
  group.fillIn(into, counts);
}

/** Where the stretch of a rank begins. */
const stretchStart = ({ length }: Float32Array, rank: number, size: number): number =>
  Math.floor((rank * length) / size);

/** This rank's stretch of the sums of each other rank. */
function receive(
  group: Collective,
  sums: readonly Float32Array[],
  counts: readonly number[],
  sumsOf: SumOptions['sumsOf'],
): Float32Array[][] {
  const { rank } = group;
  const received: Float32Array[][] = sumsOf.map(() => []);
  const rounds = Math.max(...sumsOf.map(({ length }) => length));
  for (let round = 0; round < rounds; round++) {
    const has = (r: number) => round < sumsOf[r].length;
    const sent = counts.map((count) => (has(rank) ? count : 0));
    const expected = counts.map((_, from) => (has(from) && from !== rank ? counts[rank] : 0));
    const into = new Float32Array(expected.reduce((all, count) => all + count, 0));
    group.allToAll(sums[round] ?? into, sent, expected, into);
    let at = 0;
    for (const [from, count] of expected.entries())
      if (has(from)) received[from].push(into.subarray(at, (at += count)));
  }
  return received;
}
