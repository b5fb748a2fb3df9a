/**
 * What ranks tell each other of the sums of a step before they add up gradients: scalars, which
 * parameters have a gradient, and which rows of embeddings.
 */
import { cat, type Tensor, tensor, zeros } from '../../tensor/index.ts';
import type { Collective } from '../distributed/collective.ts';
import { addInPlace } from '../distributed/exchange.ts';
import { type PartialSum, SumTree } from '../distributed/sumTree.ts';
import { packRows, uniteRows } from '../distributed/touchedRows.ts';

/** Their count, the loss, and room for more. */
const VALUES = 8;

/** What all ranks found. */
export interface AgreedSums {
  values: Float32Array;
  /** Whether a parameter has a gradient. */
  hasGradient: readonly boolean[];
  /** Flags of the rows of each table. */
  touchedRows: readonly Int32Array[];
}

/** How the record of a sum lies in an array. */
export class SumRecord {
  readonly #parameters: number;
  readonly #rows: readonly number[];

  /** @param rows of each table */
  constructor(parameters: number, rows: readonly number[]) {
    this.#parameters = parameters;
    this.#rows = rows;
  }

  /** Elements before the rows. */
  get #head(): number {
    return VALUES + this.#parameters;
  }

  /**
   * @param touchedRows flags of each table
   * @throws RangeError if there are more than seven scalars.
   */
  pack(
    values: readonly Tensor[],
    hasGradient: readonly boolean[],
    touchedRows: readonly Tensor[],
  ): Tensor {
    const { device } = values[0];
    const pad = VALUES - 1 - values.length;
    if (pad < 0)
      throw new RangeError(`expected at most ${VALUES - 1} scalars, got ${values.length}`);
    const constant = (data: number[]) => tensor(data, { device, dtype: 'float32' });
    return cat([
      constant([values.length]),
      ...values.map((value) => value.reshape([1])),
      ...(pad > 0 ? [zeros([pad], { device })] : []),
      constant(hasGradient.map(Number)),
      ...touchedRows.map((flags) => flags.toFloat()),
    ]);
  }

  /**
   * Exchanges records. Each rank calls it.
   * @param records of this rank's sums, one behind the other
   * @param sumsOf `sumsOfRank` of each rank
   */
  exchange(
    group: Collective,
    records: Float32Array,
    sumsOf: readonly (readonly PartialSum<undefined>[])[],
  ): AgreedSums {
    const head = this.#head;
    const most = Math.max(...sumsOf.map(({ length }) => length));
    const length = head + this.#rows.reduce((sum, rows) => sum + rows, 0);
    const sums = Array.from({ length: sumsOf[group.rank].length }, (_, i) =>
      records.subarray(i * length, (i + 1) * length),
    );
    const bits = this.#rows.map((rows, table) => {
      const begin = head + this.#rows.slice(0, table).reduce((sum, each) => sum + each, 0);
      return packRows(
        sums.map((sum) => sum.subarray(begin, begin + rows)),
        rows,
      );
    });
    const sent = new Uint32Array(most * head + bits.reduce((sum, each) => sum + each.length, 0));
    const heads = new Float32Array(sent.buffer);
    for (const [i, sum] of sums.entries()) heads.set(sum.subarray(0, head), i * head);
    let at = most * head;
    const places = bits.map((of) => {
      sent.set(of, at);
      return { begin: at, end: (at += of.length) };
    });
    const all = group.allGather(sent);
    const ofRank = sumsOf.map((_, rank) => all.subarray(rank * at, (rank + 1) * at));
    return {
      ...this.#total(ofRank, sumsOf),
      touchedRows: this.#rows.map((rows, table) => {
        const { begin, end } = places[table];
        return uniteRows(
          ofRank.map((words) => words.subarray(begin, end)),
          rows,
        );
      }),
    };
  }

  #total(
    ofRank: readonly Uint32Array[],
    sumsOf: readonly (readonly PartialSum<undefined>[])[],
  ): Pick<AgreedSums, 'values' | 'hasGradient'> {
    const head = this.#head;
    const tree = new SumTree(addInPlace);
    for (const [rank, sums] of sumsOf.entries())
      for (const [i, { first, level }] of sums.entries()) {
        const { buffer, byteOffset } = ofRank[rank];
        tree.push({ first, level, sum: new Float32Array(buffer, byteOffset + 4 * i * head, head) });
      }
    const total = tree.total();
    return {
      values: total.slice(1, 1 + Math.round(total[0] / sumsOf.flat().length)),
      hasGradient: Array.from(total.subarray(VALUES), (count) => count > 0),
    };
  }
}
