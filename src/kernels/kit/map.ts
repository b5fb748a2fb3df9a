import { defineKernel, type ParamTypes, type ParamValues, wgsl } from '../../device/kernel.ts';
import { fuseElementwise } from './fuseElementwise.ts';
import type { MapKernel, MapSpec } from './mapSpec.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from './perElement.ts';
import { dims, extent, forEachStrided, product, stridedIndexWgsl } from './shape.ts';
import { splitAlongShape } from './splitAxis.ts';

/** A kernel of the element-by-element family. */
export function defineMap(spec: MapSpec): MapKernel {
  const { inputs, scalars = [] } = spec;
  const typeOf = (name: string) => spec.types?.[name] ?? 'V';
  const params: ParamTypes = { shape: 'dims' };
  for (const name of inputs) params[`strides_${name}`] = 'dims';
  for (const name of inputs) params[`offset_${name}`] = 'u32';
  Object.assign(params, { rank: 'u32', count: 'u32' });
  for (const name of scalars) params[name] = 'f32';
  // biome-ignore lint/suspicious/noExplicitAny: the parameter names depend on the inputs
  type P = any;

  const isFlat = (p: P) =>
    inputs.every(
      (name) => p[`offset_${name}`] === 0 && isDense(p.rank, p.shape, p[`strides_${name}`]),
    );
  const load = (name: string, width: number): string => {
    if (width === 1) return `let ${name} = in_${name}[at_${name}(i)];`;
    return `let at_v_${name} = at_${name}(i * 4u);
  var ${name} = in_${name}[at_v_${name} / 4u];
  if (repeats_${name}) { ${name} = ${typeOf(name)}(${name}[at_v_${name} % 4u]); }`;
  };
  /** The last dimension is either walked (stride 1) or repeated (stride 0). */
  const repeats = (name: string) =>
    `let repeats_${name} = p.strides_${name}[last / 4u][last % 4u] == 0u;`;

  const kernel = defineKernel({
    name: spec.name,
    params,
    buffers: {
      ...Object.fromEntries(
        inputs.map((name) => [
          `in_${name}`,
          {
            type: typeOf(name),
            access: 'read' as const,
            size: (p: P) => extent(p.rank, p.shape, p[`strides_${name}`], p[`offset_${name}`]),
            fill: spec.fill?.[name] ?? (typeOf(name) === 'I' ? 'bool' : 'normal'),
          },
        ]),
      ),
      out: { type: typeOf('out'), access: 'write' as const, size: (p: P) => p.count },
    },
    specialize(p: P, traits) {
      const last = p.rank - 1;
      const flat = isFlat(p);
      const whole = p.rank > 0 && p.shape[last] % 4 === 0;
      const aligned = (strides: number[], offset: number) =>
        strides[last] === 0 ||
        (strides[last] === 1 &&
          offset % 4 === 0 &&
          strides.slice(0, last).every((s) => s % 4 === 0));
      const wide = flat
        ? p.count % 4 === 0
        : whole && inputs.every((n) => aligned(p[`strides_${n}`], p[`offset_${n}`]));
      const width = wide ? 4 : 1;
      return {
        flat,
        width,
        ...perElementConstants(traits, flat && spec.functions ? p.count / width : undefined),
      };
    },
    wgsl: (constants) => {
      const count = `p.count / ${constants.width}u`;
      const reads = Object.fromEntries(inputs.map((name) => [name, `in_${name}`]));
      const functions = spec.functions ?? '';
      if (constants.flat)
        return `${functions}${perElementMain(constants, count, `out[i] = ${spec.wgsl};`, { reads })}`;
      return wgsl`
${functions}
${inputs.map(stridedIndexWgsl).join('\n')}
${perElementMain(
  constants,
  count,
  `${inputs.map((name) => load(name, constants.width)).join('\n    ')}
    out[i] = ${spec.wgsl};`,
  {
    prologue:
      constants.width === 4 ? `let last = p.rank - 1u;\n  ${inputs.map(repeats).join('\n  ')}` : '',
  },
)}`;
    },
    launch: (p: P, constants) => perElementWorkgroups(p.count / constants.width, constants),
    splitAxes: (p: P, alignment) => [
      splitAlongShape(
        p,
        Object.fromEntries(inputs.map((name) => [`in_${name}`, name])),
        ['out'],
        alignment,
      ),
    ],
    elementwise: { count: (p: P) => (isFlat(p) ? p.count : undefined), fuse: fuseElementwise },
    reference(arrays, p: P) {
      const buffers = arrays as Record<string, Float32Array>;
      const values = scalars.map((name) => p[name]);
      const views = inputs.map((name) => buffers[`in_${name}`]);
      const f = spec.reference;
      const out = buffers.out;
      const strides = inputs.map((name) => p[`strides_${name}`]);
      const offsets = inputs.map((name) => p[`offset_${name}`]);
      const [a, b, c] = views;
      const arity = inputs.length;
      forEachStrided(p.rank, p.shape, strides, offsets, (i, at) => {
        if (arity === 1) out[i] = f(a[at[0]], ...values);
        else if (arity === 2) out[i] = f(a[at[0]], b[at[1]], ...values);
        else out[i] = f(a[at[0]], b[at[1]], c[at[2]], ...values);
      });
    },
    cases: mapCases(inputs, scalars),
    tolerance: spec.tolerance,
  });
  return Object.assign(kernel, { spec }) as unknown as MapKernel;
}

/** Whether strides are those of a row-major tensor without gaps; a dimension of size 1 may have any stride. */
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

/** A flat one, an odd one, and one with the second operand repeated along rows and the first transposed. */
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
