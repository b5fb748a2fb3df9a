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
  'divideBy',
];
const numberOf = new Map(operations.map((name, i) => [name, i]));

/** Number of an operation by its kernel's name; undefined if it has no WebAssembly. */
export const operationNumber = (name: string): number | undefined => numberOf.get(name);

/** Elements of a tile: of operations of many steps, and of those that wait for memory. */
const [LONG_TILE, TILE] = [4096, 16384];

/** Elements of a tile of these operations. */
export const tileElements = (specs: readonly MapSpec[]): number =>
  specs.some(({ functions }) => functions) ? LONG_TILE : TILE;

/** An element-by-element launch; `dense` tells of each operand whether it is read straight. */
export function mapWasm(
  spec: MapSpec,
  count: number,
  dense: readonly boolean[],
): WasmLaunch | undefined {
  const op = operationNumber(spec.name);
  if (op === undefined) return undefined;
  const size = tileElements([spec]);
  // Bits of operands that there are not are set.
  const bits = dense.reduce((mask, isDense, i) => (isDense ? mask : mask & ~(1 << i)), 7);
  return {
    phases: [{ entry: 'map', tiles: Math.ceil(count / size) }],
    words: [op, spec.inputs.length, size, bits],
  };
}
