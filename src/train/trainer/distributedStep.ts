import type { Device } from '../../device/device.ts';
import { guardValue } from '../../tensor/captureGuard.ts';
import {
  type CapturedStep,
  capture,
  cat,
  type HostTensor,
  type Tensor,
  zeros,
} from '../../tensor/index.ts';
import { adoptGradBuffer, clearGradBuffer } from '../../tensor/pendingGradient.ts';
import { type Reduction, sumOverRanks } from '../distributed/exchange.ts';
import { processGroup } from '../distributed/processGroup.ts';
import { partsOfRank, sumsOfRank } from '../distributed/sumTree.ts';
import { fewRows, gatherRows, scatterRows } from '../distributed/touchedRows.ts';
import { countParts, selectParts, splitParts } from './accumulation.ts';
import { GradientMemory, type SparseTable } from './gradientMemory.ts';
import { leaveGradients, sumParts } from './partSums.ts';
import { SumRecord } from './sumRecord.ts';

/** What a step consists of. */
interface StepBody {
  /** Leaves the gradients of a part at the parameters; returns loss and scalars. */
  backward: (part: number, inputs: Record<string, Tensor>) => Tensor[];
  /** Updates the parameters by their gradients; returns their norm. */
  update: (loss: Tensor) => Tensor;
  reduction: Reduction;
}

/**
 * A step whose batch several processes share: each computes some of its parts, what they found is
 * added up on the host, and each updates its weights by the sum.
 */
export class DistributedStep {
  readonly #parameters: readonly Tensor[];
  readonly #memory: GradientMemory;
  readonly #record: SumRecord;
  readonly #reduction: Reduction;
  readonly #backwardOf: StepBody['backward'];
  readonly #backward: CapturedStep<Record<string, Tensor>>;
  readonly #update: CapturedStep<Record<string, Tensor>>;
  /** Which parameters have a gradient in this step. */
  #hasGradient: readonly boolean[] = [];

  constructor(
    device: Device,
    parameters: readonly Tensor[],
    { backward, update, reduction }: StepBody,
  ) {
    this.#parameters = parameters;
    this.#memory = new GradientMemory(parameters);
    const rows = this.#memory.tables.map(({ touchedRows }) => touchedRows.size);
    this.#record = new SumRecord(parameters.length, rows);
    this.#reduction = reduction;
    this.#backwardOf = backward;
    this.#backward = capture(device, (inputs) => cat(this.#runParts(inputs)));
    this.#update = capture(device, ({ loss }) => {
      guardValue(this, () => this.#hasGradient.join());
      for (const [i, parameter] of parameters.entries())
        if (this.#hasGradient[i]) adoptGradBuffer(parameter);
      return cat([loss, update(loss).reshape([1])]);
    });
  }

  get plan(): CapturedStep<Record<string, Tensor>>['plan'] {
    return this.#backward.plan;
  }

  /** Resolves with loss, norm of the gradients and scalars, once the update is queued. */
  async run(
    inputs: Record<string, HostTensor>,
    around: (body: () => Promise<Float32Array>) => Promise<Float32Array>,
  ): Promise<Float32Array> {
    const group = processGroup();
    const { rank, size } = group;
    const count = countParts(inputs);
    const sumsOf = Array.from({ length: size }, (_, each) => sumsOfRank(count, each, size));
    const own = selectParts(inputs, partsOfRank(count, rank, size));
    const sums = sumsOf[rank].length;
    this.#memory.reserve(sums);
    if (sums === 0) this.#memory.clear();
    const records = sums > 0 ? await around(() => this.#backward.run(own)) : new Float32Array();
    const { values, hasGradient, touchedRows } = this.#record.exchange(group, records, sumsOf);
    const [first, ...further] = await this.#memory.read(Math.max(1, sums));
    this.#addUp(sums > 0 ? [first, ...further] : [], first, sumsOf, touchedRows);
    this.#memory.write(first);
    for (const [i, table] of this.#memory.tables.entries())
      table.touchedRows.upload(touchedRows[i]);
    this.#hasGradient = hasGradient;
    const [loss, ...scalars] = values;
    const updated = await this.#update.run({ loss: { data: Float32Array.of(loss), shape: [1] } });
    return Float32Array.of(...updated, ...scalars);
  }

  dispose(): void {
    this.#backward.dispose();
    this.#update.dispose();
    this.#memory.dispose();
  }

  /**
   * Runs the parts of this rank; a record of each of their sums. The first one's gradients stay in
   * the memory where the optimizer looks for them.
   */
  #runParts(inputs: Record<string, Tensor>): Tensor[] {
    const parts = splitParts(inputs);
    const [{ part, inputs: only }] = parts;
    if (parts.length === 1) return [this.#recordFirst(this.#backwardOf(part, only))];
    const { parts: sums } = sumParts(this.#parameters, parts, this.#backwardOf);
    const [first, ...further] = sums.map(({ sum }) => sum);
    leaveGradients(this.#parameters, first);
    const records = further.map(({ values, gradients }, number) => {
      for (const [i, gradient] of gradients.entries())
        this.#memory.store(number, i, gradient?.dense ?? null);
      const flags = this.#memory.tables.map(
        ({ parameter, touchedRows: { size, device } }) =>
          gradients[parameter]?.touchedRows ?? zeros([size], { dtype: 'int32', device }),
      );
      return this.#record.pack(
        values,
        gradients.map((gradient) => gradient !== null),
        flags,
      );
    });
    return [this.#recordFirst(first.values), ...records];
  }

  /** The record of the sum whose gradients are at the parameters, which lose them. */
  #recordFirst(values: Tensor[]): Tensor {
    const hasGradient = this.#parameters.map(({ grad }) => grad !== null);
    for (const parameter of this.#parameters) {
      if (!parameter.grad) clearGradBuffer(parameter);
      parameter.grad?.dispose();
      parameter.grad = null;
    }
    const flags = this.#memory.tables.map(({ touchedRows }) => touchedRows);
    return this.#record.pack(values, hasGradient, flags);
  }

  /** Adds up the gradients of all ranks: of tables with few touched rows, these alone. */
  #addUp(
    sums: readonly (readonly Float32Array[])[],
    into: readonly Float32Array[],
    sumsOf: Parameters<typeof sumOverRanks>[3]['sumsOf'],
    touchedRows: readonly Int32Array[],
  ): void {
    const options = { reduction: this.#reduction, sumsOf };
    const group = processGroup();
    const few = this.#memory.tables.flatMap((table, i) => {
      const rows = fewRows(touchedRows[i]);
      return rows ? [{ table, rows }] : [];
    });
    for (const [arena, total] of into.entries()) {
      const tables = few.filter(({ table }) => table.arena === arena);
      for (const [begin, end] of gapsBetween(tables, total.length)) {
        const target = total.subarray(begin, end);
        const parts = sums.map((of) => (of === into ? target : of[arena].subarray(begin, end)));
        sumOverRanks(group, parts, target, options);
      }
    }
    if (few.length === 0) return;
    const gathered = sums.map((of) => gatherAll(few, of));
    const total = gathered[0] ?? gatherAll(few, into);
    sumOverRanks(group, gathered, total, options);
    let at = 0;
    for (const { table, rows } of few) {
      const { arena, begin, end, columns } = table;
      const part = total.subarray(at, (at += rows.length * columns));
      scatterRows(part, columns, rows, into[arena].subarray(begin, end));
    }
  }
}

interface TouchedTable {
  table: SparseTable;
  rows: readonly number[];
}

function gatherAll(tables: readonly TouchedTable[], of: readonly Float32Array[]): Float32Array {
  const length = tables.reduce((sum, { table, rows }) => sum + rows.length * table.columns, 0);
  const gathered = new Float32Array(length);
  let at = 0;
  for (const { table, rows } of tables) {
    const { arena, begin, end, columns } = table;
    const part = gathered.subarray(at, (at += rows.length * columns));
    gatherRows(of[arena].subarray(begin, end), columns, rows, part);
  }
  return gathered;
}

/** What lies between the tables of an arena of `length` elements. */
function gapsBetween(tables: readonly TouchedTable[], length: number): [number, number][] {
  const ends = [0, ...tables.map(({ table }) => table.end)];
  return ends
    .map((end, i): [number, number] => [end, tables[i]?.table.begin ?? length])
    .filter(([begin, end]) => end > begin);
}
