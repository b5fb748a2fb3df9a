import type { FusedOp, WasmLaunch } from '../../device/kernel.ts';
import type { MapKernel } from './mapSpec.ts';
import { operationNumber, tileElements } from './mapWasm.ts';

/** Parameters before the operations' numbers: the count and a zero. */
const FIRST_NUMBER = 2;

/**
 * A fused launch as a program for assembly/chain.ts; undefined if one of its operations has no
 * WebAssembly. `buffers` are those of the fused kernel, in order.
 */
export function chainWasm(
  ops: readonly FusedOp[],
  buffers: readonly string[],
  count: number,
): WasmLaunch | undefined {
  const specs = ops.map(({ kernel }) => (kernel as MapKernel).spec);
  const slots = slotsOf(ops);
  const resultOf = (op: number) => (ops[op].stored ? buffers.indexOf(`out${op}`) : -1 - slots[op]);
  const words: number[] = [];
  let number = FIRST_NUMBER;
  for (const [i, { inputs, name, scalars = [] }] of specs.entries()) {
    const operation = operationNumber(name);
    if (operation === undefined) return undefined;
    const operands = inputs.map((input) => {
      const source = ops[i].reads[`in_${input}`];
      return 'op' in source ? resultOf(source.op) : buffers.indexOf(`in${source.input}`);
    });
    // Those that there are not may lie anywhere.
    while (operands.length < 3) operands.push(operands[0]);
    words.push(operation, ...operands, resultOf(i), number);
    number += scalars.length;
  }
  const size = tileElements(specs);
  return {
    phases: [{ entry: 'chain', tiles: Math.ceil(count / size) }],
    words: [size, buffers.length, ops.length, ...words],
  };
}

/** A slot of scratch for each result that is not stored; free again after its last reader. */
function slotsOf(ops: readonly FusedOp[]): number[] {
  const lastUse = ops.map((_, i) => i);
  for (const [i, { reads }] of ops.entries())
    for (const source of Object.values(reads)) if ('op' in source) lastUse[source.op] = i;
  const owners: number[] = [];
  return ops.map((op, i) => {
    if (op.stored) return -1;
    const free = owners.findIndex((owner) => lastUse[owner] < i);
    const slot = free < 0 ? owners.length : free;
    owners[slot] = i;
    return slot;
  });
}
