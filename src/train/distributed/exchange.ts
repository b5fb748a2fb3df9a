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

const addInPlace = (a: Float32Array, b: Float32Array): Float32Array => {
  for (let i = 0; i < a.length; i++) a[i] += b[i];
  return a;
};

/**
 * The sum over all parts of a batch.
 * @param sums of this rank's parts, as `sumsOfRank` lists them, of `length` elements each
 * @param sumsOf `sumsOfRank` of each rank
 */
export function sumOverRanks(
  group: Collective,
  reduction: Reduction,
  sums: readonly Float32Array[],
  { length, sumsOf, bucket = BUCKET }: { length: number; sumsOf: SumsOf; bucket?: number },
): Float32Array {
  const total = new Float32Array(length);
  // The last layers come first, as their gradients do.
  for (let end = length; end > 0; end -= bucket) {
    const begin = Math.max(0, end - bucket);
    const parts = sums.map((sum) => sum.subarray(begin, end));
    const into = total.subarray(begin, end);
    if (reduction === 'tree') sumByTree(group, parts, into, sumsOf);
    else {
      for (const part of parts) addInPlace(into, part);
      group.allReduce(into);
    }
  }
  return total;
}

type SumsOf = readonly (readonly PartialSum<undefined>[])[];

function sumByTree(
  group: Collective,
  parts: readonly Float32Array[],
  into: Float32Array,
  sumsOf: SumsOf,
): void {
  const { size } = group;
  const stretch = Math.ceil(into.length / size);
  const sent = new Float32Array(size * parts.length * stretch);
  for (let rank = 0; rank < size; rank++)
    for (const [i, part] of parts.entries())
      sent.set(
        part.subarray(rank * stretch, (rank + 1) * stretch),
        (rank * parts.length + i) * stretch,
      );
  const received = group.allToAll(
    sent,
    sumsOf.map(() => parts.length * stretch),
    sumsOf.map((of) => of.length * stretch),
  );
  const tree = new SumTree(addInPlace);
  for (const [i, { first, level }] of sumsOf.flat().entries())
    tree.push({ first, level, sum: received.subarray(i * stretch, (i + 1) * stretch) });
  into.set(group.allGather(tree.total()).subarray(0, into.length));
}
