import type { Storage } from './storage.ts';

/** What the host knows of integers that it wrote, so that look-ups can check their indices. */
export interface IndexRange {
  /** The two least and the two greatest distinct values, or all if there are fewer. */
  readonly extremes: readonly number[];
  /** Number of elements, from the start of the storage. */
  readonly count: number;
}

const ranges = new WeakMap<Storage, IndexRange>();

/** Undefined if the integers do not come from the host as a whole. */
export const indexRangeOf = (storage: Storage): IndexRange | undefined => ranges.get(storage);

/** Notes what the host wrote to a whole storage; undefined: only to a part of it. */
export function noteIndexRange(storage: Storage, values: Int32Array | undefined): void {
  if (values) ranges.set(storage, { extremes: extremesOf(values), count: values.length });
  else ranges.delete(storage);
}

function extremesOf(values: Int32Array): number[] {
  let [least, nextLeast] = [0x7fffffff, 0x7fffffff];
  let [greatest, nextGreatest] = [-0x80000000, -0x80000000];
  for (const value of values) {
    if (value < least) {
      nextLeast = least;
      least = value;
    } else if (value > least && value < nextLeast) nextLeast = value;
    if (value > greatest) {
      nextGreatest = greatest;
      greatest = value;
    } else if (value < greatest && value > nextGreatest) nextGreatest = value;
  }
  if (least < greatest) return [least, nextLeast, nextGreatest, greatest];
  return values.length > 0 ? [least] : [];
}
