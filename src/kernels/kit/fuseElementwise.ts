import type { ElementType, FusedOp, Kernel, ParamTypes, ParamValues } from '../../device/kernel.ts';
import { chainWasm } from './chainWasm.ts';
import type { MapKernel, MapSpec } from './mapSpec.ts';
import {
  type PerElementConstants,
  perElementConstants,
  perElementMain,
  perElementWorkgroups,
} from './perElement.ts';

const fusedKernels = new Map<string, Kernel>();

/**
 * One kernel for several element-wise launches of equal length; intermediate values stay in
 * registers.
 */
export function fuseElementwise(ops: readonly FusedOp[]): {
  kernel: Kernel;
  params: ParamValues<ParamTypes>;
} {
  const key = ops
    .map(({ kernel, reads, stored }) => `${kernel.name} ${JSON.stringify(reads)} ${stored}`)
    .join('\n');
  let kernel = fusedKernels.get(key);
  if (!kernel) fusedKernels.set(key, (kernel = defineFusedKernel(ops)));
  const params: Record<string, number> = { count: ops[0].params.count as number, zero: 0 };
  for (const [i, op] of ops.entries()) {
    for (const name of scalarsOf(op)) params[scalarParam(i, name)] = op.params[name] as number;
  }
  return { kernel, params: params as ParamValues<ParamTypes> };
}

const specOf = ({ kernel }: FusedOp): MapSpec => (kernel as MapKernel).spec;
const scalarsOf = (op: FusedOp): readonly string[] => specOf(op).scalars ?? [];
const scalarParam = (op: number, name: string) => `${name}_${op}`;
const typeOf = (spec: MapSpec, name: string) => spec.types?.[name] ?? 'V';

function defineFusedKernel(ops: readonly FusedOp[]): Kernel {
  const params: ParamTypes = { count: 'u32', zero: 'i32' };
  const buffers: Kernel['buffers'] = {};
  const size = (p: ParamValues<ParamTypes>) => p.count as number;
  for (const [i, op] of ops.entries()) {
    for (const name of scalarsOf(op)) params[scalarParam(i, name)] = 'f32';
    for (const [buffer, source] of Object.entries(op.reads)) {
      if ('input' in source)
        buffers[`in${source.input}`] ??= {
          type: op.kernel.buffers[buffer].type,
          access: 'read',
          size,
        };
    }
  }
  for (const [i, op] of ops.entries()) {
    if (op.stored) buffers[`out${i}`] = { type: typeOf(specOf(op), 'out'), access: 'write', size };
  }
  const kernel: Kernel<ParamTypes, PerElementConstants & { width: number }> = {
    name: nameOf(ops),
    params,
    buffers,
    specialize: (p, traits) => {
      const width = size(p) % 4 === 0 ? 4 : 1;
      return {
        width,
        ...perElementConstants(
          traits,
          ops.some((op) => specOf(op).functions) ? size(p) / width : undefined,
        ),
      };
    },
    launch: (p, c) => perElementWorkgroups(size(p) / c.width, c),
    wgsl: (c) => `${functionsOf(ops)}
${perElementMain(c, `p.count / ${c.width}u`, bodyOf(ops, buffers), { reads: readsOf(buffers) })}`,
    wasm: (p) => chainWasm(ops, Object.keys(buffers), size(p)),
    reference: (data, p) => {
      const values: number[] = [];
      for (let element = 0; element < size(p); element++) {
        for (const [i, op] of ops.entries()) {
          const spec = specOf(op);
          const inputs = spec.inputs.map((name) => {
            const source = sourceOf(ops, buffers, op, name);
            const value =
              'input' in source ? data[`in${source.input}`][element] : values[source.op];
            return source.type === typeOf(spec, name) ? value : bitcast(value, source.type);
          });
          const value = spec.reference(
            ...inputs,
            ...scalarsOf(op).map((name) => p[scalarParam(i, name)] as number),
          );
          values[i] = typeOf(spec, 'out') === 'V' ? Math.fround(value) : value;
          if (op.stored) data[`out${i}`][element] = values[i];
        }
      }
    },
    cases: [],
  };
  return kernel as unknown as Kernel;
}

/** Source of an operation's input, and its type there: copies take words of any type. */
function sourceOf(ops: readonly FusedOp[], buffers: Kernel['buffers'], op: FusedOp, name: string) {
  const source = op.reads[`in_${name}`];
  const type =
    'input' in source ? buffers[`in${source.input}`].type : typeOf(specOf(ops[source.op]), 'out');
  return { ...source, type };
}

const bits = new DataView(new ArrayBuffer(4));

/** The bits of a float as an integer, or the other way round. */
function bitcast(value: number, from: ElementType): number {
  if (from === 'V') bits.setFloat32(0, value);
  else bits.setInt32(0, value);
  return from === 'V' ? bits.getInt32(0) : bits.getFloat32(0);
}

/** The names in order, repeated ones with their count: `mul, add × 3`. */
function nameOf(ops: readonly FusedOp[]): string {
  const runs: { name: string; times: number }[] = [];
  for (const { kernel } of ops) {
    if (runs.at(-1)?.name === kernel.name) runs.at(-1)!.times++;
    else runs.push({ name: kernel.name, times: 1 });
  }
  return runs.map(({ name, times }) => (times > 1 ? `${name} × ${times}` : name)).join(', ');
}

/**
 * WGSL: `op_NAME` for each kind of operation, and `opaqueV` and `opaqueI`. These stop compilers
 * from simplifying across operations (an unrounded product in a sum, a zero that loses its sign): a
 * compiler cannot know that `zero` is 0.
 */
function functionsOf(ops: readonly FusedOp[]): string {
  const declared = declarationsOf(`fn opaqueI(x: I) -> I { return x ^ I(p.zero); }
fn opaqueV(x: V) -> V { return bitcast<V>(opaqueI(bitcast<I>(x))); }`);
  for (const op of ops) {
    const { name, inputs, scalars = [] } = specOf(op);
    const { wgsl, declarations } = helpersOf(specOf(op), declared);
    for (const [key, text] of declarations) declared.set(key, text);
    const types = [
      ...inputs.map((input) => `${input}: ${typeOf(specOf(op), input)}`),
      ...scalars.map((one) => `${one}: f32`),
    ];
    const expression = scalars.reduce((text, one) => text.replaceAll(`p.${one}`, one), wgsl);
    const call = `fn op_${name}(${types.join(', ')}) -> ${typeOf(specOf(op), 'out')} {
  return ${expression};
}`;
    declared.set(call, call);
  }
  return [...declared.values()].join('\n');
}

/**
 * The expression of a kernel, and what it calls, by name. Several kernels may share a function;
 * others of the same name get one of their own.
 * @param declared what the kernels before it call
 */
function helpersOf({ name, wgsl, functions = '' }: MapSpec, declared: ReadonlyMap<string, string>) {
  const declarations = declarationsOf(functions);
  const isKnownOrNew = ([key, text]: [string, string]) => (declared.get(key) ?? text) === text;
  if ([...declarations].every(isKnownOrNew)) return { wgsl, declarations };
  // What stands before the first of them, such as a comment, has no name.
  const names = [...declarations.keys()].filter((key) => /^\w+$/.test(key));
  const rename = (text: string) =>
    text.replaceAll(new RegExp(`\\b(?:${names.join('|')})\\b`, 'g'), `$&_${name}`);
  return { wgsl: rename(wgsl), declarations: declarationsOf(rename(functions)) };
}

const DECLARATION = /^(?:fn|const|struct|alias)\s+(\w+)/m;

/** The declarations of a text, by their names. */
function declarationsOf(functions: string): Map<string, string> {
  const parts = functions.split(/(?=^(?:fn|const|struct|alias)\s)/m);
  const texts = parts.map((text) => text.trim()).filter((text) => text !== '');
  return new Map(texts.map((text) => [DECLARATION.exec(text)?.[1] ?? text, text]));
}

const readsOf = (buffers: Kernel['buffers']): Record<string, string> =>
  Object.fromEntries(
    Object.keys(buffers).flatMap((name) => (name.startsWith('in') ? [[`v_${name}`, name]] : [])),
  );

function bodyOf(ops: readonly FusedOp[], buffers: Kernel['buffers']): string {
  const lines: string[] = [];
  for (const [i, op] of ops.entries()) {
    const spec = specOf(op);
    const values = spec.inputs.map((name) => {
      const source = sourceOf(ops, buffers, op, name);
      const value = 'input' in source ? `v_in${source.input}` : `v${source.op}`;
      const wanted = typeOf(spec, name);
      return source.type === wanted ? value : `bitcast<${wanted}>(${value})`;
    });
    const scalars = scalarsOf(op).map((name) => `p.${scalarParam(i, name)}`);
    const call = `op_${spec.name}(${[...values, ...scalars].join(', ')})`;
    lines.push(`let v${i} = opaque${typeOf(spec, 'out')}(${call});`);
  }
  for (const [i, { stored }] of ops.entries()) if (stored) lines.push(`out${i}[i] = v${i};`);
  return lines.join('\n    ');
}
