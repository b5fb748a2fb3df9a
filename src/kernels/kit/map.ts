import {
  type BufferSpec,
  defineKernel,
  type ParamTypes,
  type ParamValues,
  wgsl,
} from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { fuseElementwise } from './fuseElementwise.ts';
import { mapReference, type ReferenceOperand } from './mapReference.ts';
import type { MapKernel, MapSpec } from './mapSpec.ts';
import { mapWasm } from './mapWasm.ts';
import {
  type PerElementConstants,
  perElementConstants,
  perElementMain,
  perElementWorkgroups,
} from './perElement.ts';
import { dims, extent, product, stridedIndexWgsl } from './shape.ts';
import { splitAlongShape } from './splitAxis.ts';

// biome-ignore lint/suspicious/noExplicitAny: the parameter names depend on the inputs
type P = any;

interface MapConstants extends PerElementConstants {
  flat: boolean;
  width: number;
}

const typeOf = (spec: MapSpec, name: string) => spec.types?.[name] ?? 'V';

/**
 * A kernel of the element-by-element family.
 * @throws ArgumentError for a spec without inputs, expression or reference, or with names that WGSL
 * does not take.
 * @example
 * const reference = (a: number) => a ** 3;
 * const cubes = defineMap({ name: 'cubes', inputs: ['a'], wgsl: 'a * a * a', reference });
 */
export function defineMap(spec: MapSpec): MapKernel {
  checkSpec(spec);
  const { inputs, scalars = [] } = spec;
  const kernel = defineKernel({
    name: spec.name,
    params: paramTypesOf(spec),
    buffers: buffersOf(spec),
    specialize: (p: P, traits) => specializeMap(spec, p, traits),
    wgsl: (constants) => (constants.flat ? flatWgsl : stridedWgsl)(spec, constants),
    launch: (p: P, constants) => perElementWorkgroups(p.count / constants.width, constants),
    splitAxes: (p: P, alignment) => [
      splitAlongShape(
        p,
        Object.fromEntries(inputs.map((name) => [`in_${name}`, name])),
        ['out'],
        alignment,
      ),
    ],
    elementwise: {
      count: (p: P) => (isFlat(spec, p) ? p.count : undefined),
      fuse: fuseElementwise,
    },
    wasm: (p: P) =>
      mapWasm(
        spec,
        p.count,
        inputs.map((name) => isFlatOperand(name, p)),
      ),
    reference: (arrays, p: P) => applyReference(spec, arrays as Record<string, Float32Array>, p),
    cases: mapCases(inputs, scalars),
    tolerance: spec.tolerance,
  });
  return Object.assign(kernel, { spec }) as unknown as MapKernel;
}

const IDENTIFIER = /^[A-Za-z]\w*$/;

function checkSpec({ name, inputs, scalars = [], wgsl, reference }: MapSpec): void {
  const refuse = (what: string, expected: string, got: unknown): never => {
    throw new ArgumentError(`defineMap: ${what}: expected ${expected}, got ${formatValue(got)}`);
  };
  if (!Array.isArray(inputs) || inputs.length === 0) refuse('`inputs`', 'names', inputs);
  for (const each of [name, ...inputs, ...scalars])
    if (typeof each !== 'string' || !IDENTIFIER.test(each))
      refuse('names', 'letters, digits and _, a letter first', each);
  if (typeof wgsl !== 'string' || wgsl.trim() === '') refuse('`wgsl`', 'an expression', wgsl);
  if (typeof reference !== 'function') refuse('`reference`', 'a function', reference);
}

function paramTypesOf({ inputs, scalars = [] }: MapSpec): ParamTypes {
  const params: ParamTypes = { shape: 'dims' };
  for (const name of inputs) params[`strides_${name}`] = 'dims';
  for (const name of inputs) params[`offset_${name}`] = 'u32';
  Object.assign(params, { rank: 'u32', count: 'u32' });
  for (const name of scalars) params[name] = 'f32';
  return params;
}

function buffersOf(spec: MapSpec): Record<string, BufferSpec<P>> {
  const buffers: Record<string, BufferSpec<P>> = {};
  for (const name of spec.inputs) {
    buffers[`in_${name}`] = {
      type: typeOf(spec, name),
      access: 'read',
      size: (p: P) => extent(p.rank, p.shape, p[`strides_${name}`], p[`offset_${name}`]),
      fill: spec.fill?.[name] ?? (typeOf(spec, name) === 'I' ? 'bool' : 'normal'),
    };
  }
  buffers.out = { type: typeOf(spec, 'out'), access: 'write', size: (p: P) => p.count };
  return buffers;
}

/** Whether an operand is read straight through. */
const isFlatOperand = (name: string, p: P): boolean =>
  p[`offset_${name}`] === 0 && isDense(p.rank, p.shape, p[`strides_${name}`]);
const isFlat = ({ inputs }: MapSpec, p: P): boolean =>
  inputs.every((name) => isFlatOperand(name, p));

/** Whether rows of a strided operand can be read in whole vec4s, or repeat one element. */
const isAligned = (strides: number[], offset: number, last: number): boolean =>
  strides[last] === 0 ||
  (strides[last] === 1 && offset % 4 === 0 && strides.slice(0, last).every((s) => s % 4 === 0));

function specializeMap(spec: MapSpec, p: P, traits: Traits): MapConstants {
  const last = p.rank - 1;
  const flat = isFlat(spec, p);
  const hasWholeRows = p.rank > 0 && p.shape[last] % 4 === 0;
  const wide = flat
    ? p.count % 4 === 0
    : hasWholeRows &&
      spec.inputs.every((n) => isAligned(p[`strides_${n}`], p[`offset_${n}`], last));
  const width = wide ? 4 : 1;
  const vectors = flat && spec.functions ? p.count / width : undefined;
  return { flat, width, ...perElementConstants(traits, vectors) };
}

function flatWgsl(spec: MapSpec, constants: MapConstants): string {
  const reads = Object.fromEntries(spec.inputs.map((name) => [name, `in_${name}`]));
  const count = `p.count / ${constants.width}u`;
  return `${spec.functions ?? ''}${perElementMain(
    constants,
    count,
    `out[i] =
    ${spec.wgsl};`,
    { reads },
  )}`;
}

function stridedWgsl(spec: MapSpec, constants: MapConstants): string {
  const { inputs, functions = '' } = spec;
  const { width } = constants;
  // The last dimension is either walked (stride 1) or repeated (stride 0).
  const repeats = (name: string) =>
    `let repeats_${name} = p.strides_${name}[last / 4u][last % 4u] == 0u;`;
  const prologue = `let last = p.rank - 1u;\n  ${inputs.map(repeats).join('\n  ')}`;
  const loads = inputs.map((name) => loadWgsl(spec, name, width)).join('\n    ');
  return wgsl`
${functions}
${inputs.map(stridedIndexWgsl).join('\n')}
${perElementMain(
  constants,
  `p.count / ${width}u`,
  `${loads}
    out[i] = ${spec.wgsl};`,
  { prologue: width === 4 ? prologue : '' },
)}`;
}

/** WGSL: reads an operand's element or vec4 `i`. */
function loadWgsl(spec: MapSpec, name: string, width: number): string {
  if (width === 1) return `let ${name} = in_${name}[at_${name}(i)];`;
  return `let at_v_${name} = at_${name}(i * 4u);
  var ${name} = in_${name}[at_v_${name} / 4u];
  if (repeats_${name}) { ${name} = ${typeOf(spec, name)}(${name}[at_v_${name} % 4u]); }`;
}

/** Runs the reference of a map; scalars are operands that repeat one number. */
function applyReference(
  { inputs, scalars = [], reference }: MapSpec,
  buffers: Record<string, Float32Array>,
  p: P,
): void {
  const operands: ReferenceOperand[] = inputs.map((name) => ({
    data: buffers[`in_${name}`],
    strides: p[`strides_${name}`],
    offset: p[`offset_${name}`],
  }));
  for (const name of scalars)
    operands.push({ data: [p[name]], strides: SCALAR_STRIDES, offset: 0 });
  mapReference(reference, operands, buffers.out, p.rank, p.shape);
}
const SCALAR_STRIDES = dims([]);

/**
 * Whether strides are those of a row-major tensor without gaps; a dimension of size 1 may have any
 * stride.
 */
export function isDense(
  rank: number,
  shape: readonly number[],
  strides: readonly number[],
): boolean {
  let expected = 1;
  for (let d = rank - 1; d >= 0; d--) {
    if (shape[d] !== 1 && strides[d] !== expected) return false;
    expected *= shape[d];
  }
  return true;
}

/** Parameters of an element-wise launch over one shape: strides and offset of each operand. */
export function mapParams(
  shape: readonly number[],
  operands: Readonly<Record<string, { strides: readonly number[]; offset: number }>>,
  scalars: Readonly<Record<string, number>> = {},
): ParamValues<ParamTypes> {
  const params: Record<string, number | readonly number[]> = {
    shape: dims(shape, 1),
    rank: shape.length,
    count: product(shape),
    ...scalars,
  };
  for (const [name, { strides, offset }] of Object.entries(operands)) {
    params[`strides_${name}`] = dims(strides);
    params[`offset_${name}`] = offset;
  }
  return params as ParamValues<ParamTypes>;
}

/**
 * A flat case, an odd size, one with the second operand repeated along rows, one with the first
 * transposed.
 */
function mapCases(
  inputs: readonly string[],
  scalars: readonly string[],
): ParamValues<ParamTypes>[] {
  const values = Object.fromEntries(scalars.map((name, i) => [name, 0.75 + i]));
  const one = (shape: number[], stridesOf: (input: number) => number[]) =>
    mapParams(
      shape,
      Object.fromEntries(inputs.map((name, i) => [name, { strides: stridesOf(i), offset: 0 }])),
      values,
    );
  return [
    one([1024 * 128], () => [1]),
    one([333], () => [1]),
    one([64, 128], (i) => (i === 1 ? [0, 1] : [128, 1])),
    one([6, 20], (i) => (i === 0 ? [1, 6] : [20, 1])),
  ];
}
