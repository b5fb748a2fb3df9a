import type { WasmLaunch } from '../../device/kernel.ts';
import type { MapSpec } from './mapSpec.ts';

/** Operations by their numbers in assembly/mapOps.ts. */
const operations = [
  ...['copy', 'add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'affine'],
  ...['exp', 'log', 'sqrt', 'rsqrt', 'reciprocal', 'abs', 'sign', 'tanh', 'sigmoid', 'relu'],
  ...['erf', 'softplus', 'gelu', 'geluTanh', 'geluBackward', 'geluTanhBackward'],
  ...['clamp', 'leakyRelu', 'eq', 'ne', 'lt', 'le', 'gt', 'ge', 'toFloat', 'toInt'],
  ...['where', 'whereInt', 'tanhBackward', 'sigmoidBackward', 'reluBackward'],
  ...['leakyReluBackward', 'clampBackward', 'erfBackward', 'divBackward'],
  ...['addInt', 'subInt', 'mulInt', 'eqInt', 'neInt', 'ltInt', 'leInt', 'gtInt', 'geInt'],
];
const numberOf = new Map(operations.map((name, i) => [name, i]));

/** Elements of a tile: of operations of many steps, and of those that wait for memory. */
const [LONG_TILE, TILE] = [4096, 16384];

/** An element-by-element launch; `dense` tells of each operand whether it is read straight. */
export function mapWasm(
  { name, inputs, functions }: MapSpec,
  count: number,
  dense: readonly boolean[],
): WasmLaunch | undefined {
  const op = numberOf.get(name);
  if (op === undefined) return undefined;
  const size = functions ? LONG_TILE : TILE;
  // Bits of operands that there are not are set.
  const bits = dense.reduce((mask, isDense, i) => (isDense ? mask : mask & ~(1 << i)), 7);
  return {
    phases: [{ entry: 'map', tiles: Math.ceil(count / size) }],
    words: [op, inputs.length, size, bits],
  };
}
