import { ArgumentError } from '../platform/errors.ts';
import type { Traits } from './traits.ts';

/** How a parameter travels: one 32-bit word, or `dims`: up to eight u32 (shapes, strides). */
export type ParamType = 'u32' | 'i32' | 'f32' | 'dims';
export type ParamTypes = Record<string, ParamType>;
export type ParamValues<T extends ParamTypes> = {
  [K in keyof T]: T[K] extends 'dims' ? readonly number[] : number;
};

/** `V` is f32 or vec4<f32> and `I` is i32 or vec4<i32>, as the variant's `width` says. */
export type ElementType = 'f32' | 'i32' | 'u32' | 'V' | 'I';
export type HostArray = Float32Array | Int32Array | Uint32Array;

/** What random test data a buffer can take. */
export type Fill<P> = 'normal' | 'positive' | 'bool' | { below: (p: P) => number };

/** Element type of each buffer, by name. */
export type BufferTypes = Record<string, ElementType>;

/** Array on the host of an element type. */
export type ArrayOf<E extends ElementType> = E extends 'f32' | 'V'
  ? Float32Array
  : E extends 'i32' | 'I'
    ? Int32Array
    : Uint32Array;

export interface BufferSpec<P, E extends ElementType = ElementType> {
  type: E;
  /** `write`: all that the launch touches is overwritten; `readwrite`: part of it; `update`: all of it is read, then overwritten. */
  access: 'read' | 'write' | 'readwrite' | 'update';
  /** Scalars the kernel may touch. */
  size: (p: P) => number;
  /** What tests and benchmarks put in; default `normal`. */
  fill?: Fill<P>;
}

/** A launch on windows of its buffers: `starts` says where those begin that do not at 0, in elements. */
export interface LaunchPart<P> {
  params: P;
  starts: Readonly<Record<string, number>>;
}

/** A way to cut a launch into several: `length` places, of which each part takes a multiple of `granularity`, but the last. */
export interface SplitAxis<P> {
  length: number;
  granularity: number;
  /** The part of `count` places from `first` on. */
  slice(first: number, count: number): LaunchPart<P>;
}

/** Of a kernel that does each element by itself: how launches that follow each other can be done by one. */
export interface Elementwise<P> {
  /** Elements of a launch that goes through all its buffers from their starts and without gaps; undefined for others. */
  count(p: P): number | undefined;
  /** A kernel that does what the links do, in order, and its parameters. Its buffers are `in0`, `in1`, …, and `out` with the link's number. */
  fuse(ops: readonly FusedOp[]): { kernel: Kernel; params: ParamValues<ParamTypes> };
}

/** One of several launches that are joined. */
export interface FusedOp {
  kernel: Kernel;
  params: ParamValues<ParamTypes>;
  /** What each buffer that it reads holds: an input of the joined launch, or the result of an earlier link. */
  reads: Readonly<Record<string, { input: number } | { op: number }>>;
  /** Whether its result is stored; else only later links see it. */
  stored: boolean;
}

/** Constants baked into the text of one variant. `width` 4 makes `V` a vec4. */
export type Constants = Record<string, string | number | boolean>;

/**
 * A kernel is one declaration: its buffers and parameters, its WGSL, its launch shape, its CPU reference and its cases.
 * Tests, benchmarks and the CPU device all read it from here.
 */
export interface Kernel<
  T extends ParamTypes = ParamTypes,
  C extends Constants = Constants,
  B extends BufferTypes = BufferTypes,
> {
  name: string;
  params: T;
  buffers: { [K in keyof B]: BufferSpec<ParamValues<T>, B[K]> };
  /** Chooses the variant for these parameters on this adapter; default: one variant, `{ width: 1 }`. */
  specialize?(p: ParamValues<T>, traits: Traits): C;
  /** In its stead, where only measuring can tell: a few variants worth trying, best guess first. */
  candidates?(p: ParamValues<T>, traits: Traits): C[];
  /** Launches that share what tuning found have the same class. */
  tuningClass?(p: ParamValues<T>): string;
  /** The kernel's text after the generated declarations; `main(size, body)` writes the entry point. */
  wgsl(constants: C, traits: Traits): string;
  /** Workgroups to launch; more than 65,535 are folded. The text sees one flat index, `group`. */
  launch(p: ParamValues<T>, constants: C, traits: Traits): number;
  /**
   * Along what a launch may be cut when a buffer is larger than the adapter binds at once, best first; default: nothing.
   * Windows of buffers start at multiples of `alignment` elements.
   */
  splitAxes?(p: ParamValues<T>, alignment: number): SplitAxis<ParamValues<T>>[];
  /** Of kernels with one output, `out`. */
  elementwise?: Elementwise<ParamValues<T>>;
  /** The same mathematics in plain loops, accumulating in float64. */
  reference(buffers: { [K in keyof B]: ArrayOf<B[K]> }, p: ParamValues<T>): void;
  /** Parameter sets that tests check and benchmarks time. */
  cases: ParamValues<T>[];
  /** Floating-point operations of one launch, where it is worth telling. */
  flops?(p: ParamValues<T>): number;
  /** Largest error allowed between devices, relative to the output's largest magnitude; default 1e-5. */
  tolerance?: number;
}

const defined = new Map<string, Kernel>();

/** Every kernel defined so far, in order: tests, gradient checks, `bench` and `wigbert kernels` walk it. */
export const definedKernels = (): Kernel[] => [...defined.values()];

/**
 * Declares a kernel. TypeScript infers the names and types of its parameters and buffers, so that a
 * misspelt one does not compile.
 * @throws ArgumentError if a kernel of that name is defined already.
 */
export function defineKernel<
  const T extends ParamTypes,
  C extends Constants,
  const B extends BufferTypes,
>(kernel: Kernel<T, C, B>): Kernel<T, C, B> {
  if (defined.has(kernel.name))
    throw new ArgumentError(`defineKernel: expected a new name, got '${kernel.name}' again`);
  defined.set(kernel.name, kernel as unknown as Kernel);
  return kernel;
}

/** Marks WGSL text for editors. */
export const wgsl = String.raw;

/** `n` lines (or expressions) of WGSL, one for each of 0 … n - 1. */
export const repeat = (n: number, line: (i: number) => string, separator = '\n'): string =>
  Array.from({ length: n }, (_, i) => line(i)).join(separator);

/** The entry point. The body sees `group` (flat workgroup index, may exceed the launch), `lane`, and `inputs` if any. */
export const main = (size: number, body: string, inputs = ''): string => wgsl`
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) launched: vec3<u32>,
        @builtin(local_invocation_index) lane: u32, ${inputs}) {
  let group = workgroup.x + workgroup.y * launched.x;
${body}
}`;

const wordsOf = (type: ParamType): number => (type === 'dims' ? 8 : 1);

/** Packs parameters as the WGSL struct lays them out: 16-byte `dims` first, then single words. */
export function packParams(
  types: ParamTypes,
  p: Record<string, number | readonly number[]>,
): Uint32Array<ArrayBuffer> {
  const names = orderedParams(types);
  const words = names.reduce((sum, name) => sum + wordsOf(types[name]), 0);
  const bytes = new ArrayBuffer(Math.max(4, Math.ceil(words / 4) * 4) * 4);
  const u32 = new Uint32Array(bytes);
  const f32 = new Float32Array(bytes);
  let at = 0;
  for (const name of names) {
    const value = p[name];
    if (types[name] === 'dims') u32.set(value as readonly number[], at);
    else if (types[name] === 'f32') f32[at] = value as number;
    else u32[at] = value as number;
    at += wordsOf(types[name]);
  }
  return u32;
}

function orderedParams(types: ParamTypes): string[] {
  const names = Object.keys(types);
  return [...names.filter((n) => types[n] === 'dims'), ...names.filter((n) => types[n] !== 'dims')];
}

/** The whole text of a variant: directives, the vector aliases, the parameter struct, the bindings, the kernel. */
export function kernelText(kernel: Kernel, constants: Constants, traits: Traits): string {
  const text = kernel.wgsl(constants, traits);
  const wide = constants.width === 4;
  const fields = orderedParams(kernel.params).map(
    (name) =>
      `  ${name}: ${kernel.params[name] === 'dims' ? 'array<vec4<u32>, 2>' : kernel.params[name]},`,
  );
  const bindings = Object.entries(kernel.buffers).map(([name, { type, access }], i) => {
    const mode = access === 'read' ? 'read' : 'read_write';
    return `@group(0) @binding(${i + 1}) var<storage, ${mode}> ${name}: array<${type}>;`;
  });
  return [
    /\bsubgroup/.test(text) ? 'enable subgroups;' : '',
    /\bf16\b/.test(text) ? 'enable f16;' : '',
    /\bsubgroup_matrix/.test(text) ? 'enable chromium_experimental_subgroup_matrix;' : '',
    wide
      ? 'alias V = vec4<f32>; alias I = vec4<i32>; alias B = vec4<bool>;'
      : 'alias V = f32; alias I = i32; alias B = bool;',
    wide
      ? 'fn hsum(v: V) -> f32 { return (v.x + v.y) + (v.z + v.w); }\nfn hmax(v: V) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }'
      : 'fn hsum(v: V) -> f32 { return v; }\nfn hmax(v: V) -> f32 { return v; }',
    `struct Params {\n${fields.join('\n') || '  unused: u32,'}\n}`,
    '@group(0) @binding(0) var<uniform> p: Params;',
    ...bindings,
    text,
  ].join('\n');
}
