import { ArgumentError } from '../platform/errors.ts';
import type { Traits } from './traits.ts';

/** Type of a parameter: one 32-bit word, or `dims`, up to eight u32 (shapes, strides). */
export type ParamType = 'u32' | 'i32' | 'f32' | 'dims';
/** The parameters of a kernel by name, with their types. */
export type ParamTypes = Record<string, ParamType>;
/** Values for the parameters of a kernel. */
export type ParamValues<T extends ParamTypes> = {
  [K in keyof T]: T[K] extends 'dims' ? readonly number[] : number;
};

/** `V` is f32 or vec4<f32>, and `I` is i32 or vec4<i32>, depending on the variant's `width`. */
export type ElementType = 'f32' | 'i32' | 'u32' | 'V' | 'I';
export type HostArray = Float32Array | Int32Array | Uint32Array;

/** Random values that a buffer gets in tests. */
export type Fill<P> = 'normal' | 'positive' | 'bool' | { below: (p: P) => number };

/** Element type of each buffer, by name. */
export type BufferTypes = Record<string, ElementType>;

/** Array on the host of an element type. */
export type ArrayOf<E extends ElementType> = E extends 'f32' | 'V'
  ? Float32Array
  : E extends 'i32' | 'I'
    ? Int32Array
    : Uint32Array;

/** A buffer of a kernel: its type, its size, and how cases fill it. */
export interface BufferSpec<P, E extends ElementType = ElementType> {
  type: E;
  /**
   * `write`: the launch overwrites all that it touches. `readwrite`: it overwrites a part.
   * `update`: it reads all, then overwrites it.
   */
  access: 'read' | 'write' | 'readwrite' | 'update';
  /** Number of scalars that the kernel may touch. */
  size: (p: P) => number;
  /** What tests put in; default `normal`. */
  fill?: Fill<P>;
}

/** A launch on windows of its buffers. `starts`: first element of each window that is not 0. */
export interface LaunchPart<P> {
  params: P;
  starts: Readonly<Record<string, number>>;
}

/**
 * An axis along which a launch can be split: `length` places, of which each part but the last takes
 * a multiple of `granularity`.
 */
export interface SplitAxis<P> {
  length: number;
  granularity: number;
  /** The part of `count` places that begins at `first`. */
  slice(first: number, count: number): LaunchPart<P>;
}

/** How launches of an element-wise kernel are fused with others. */
export interface Elementwise<P> {
  /** Elements of a launch whose buffers are all dense and start at 0; undefined for others. */
  count(p: P): number | undefined;
  /**
   * A kernel that does all `ops` in order, and its parameters. Its buffers are `in0`, `in1`, …, and
   * `out` with the number of the operation.
   */
  fuse(ops: readonly FusedOp[]): { kernel: Kernel; params: ParamValues<ParamTypes> };
}

/** One operation of a fused launch. */
export interface FusedOp {
  kernel: Kernel;
  params: ParamValues<ParamTypes>;
  /** For each buffer it reads: an input of the fused launch, or an earlier operation's result. */
  reads: Readonly<Record<string, { input: number } | { op: number }>>;
  /** Whether its result goes to memory; if not, only later operations read it. */
  stored: boolean;
}

/** One phase of a launch on the `wasm` device: `entry` is called for each of its `tiles`. */
export interface WasmPhase {
  /** Name of a function that assembly/index.ts exports. */
  entry: string;
  /** Parts of the work, by parameters alone: never by the number of threads. */
  tiles: number;
}

/**
 * A launch on the `wasm` device: its phases, one after the other. assembly/index.ts tells how to
 * write one, and in which order the functions find what they are given.
 */
export interface WasmLaunch {
  phases: readonly WasmPhase[];
  /** 32-bit words that the functions get before the buffers. */
  words?: readonly number[];
  /** Bytes of memory that the phases share. */
  scratch?: number;
}

/** Constants baked into the text of one variant. `width` 4 makes `V` a vec4. */
export type Constants = Record<string, string | number | boolean>;

/**
 * A kernel in one declaration: its buffers and parameters, its WGSL, its launch shape, its CPU
 * reference and its cases. Tests, benchmarks and all devices work from it.
 */
export interface Kernel<
  T extends ParamTypes = ParamTypes,
  C extends Constants = Constants,
  B extends BufferTypes = BufferTypes,
> {
  name: string;
  params: T;
  buffers: { [K in keyof B]: BufferSpec<ParamValues<T>, B[K]> };
  /** Chooses the variant for parameters and adapter; default: one variant, `{ width: 1 }`. */
  specialize?(p: ParamValues<T>, traits: Traits): C;
  /** Instead of `specialize`, if only measuring can tell: variants to try, best guess first. */
  candidates?(p: ParamValues<T>, traits: Traits): C[];
  /** Launches of one class share the choice that tuning makes. */
  tuningClass?(p: ParamValues<T>): string;
  /** The WGSL after the generated declarations; `main(size, body)` writes the entry point. */
  wgsl(constants: C, traits: Traits): string;
  /** Workgroups to launch; more than 65,535 are folded. WGSL has one flat index, `group`. */
  launch(p: ParamValues<T>, constants: C, traits: Traits): number;
  /**
   * Axes along which a launch can be split if a buffer exceeds one binding, best first; default:
   * none. Windows of buffers start at multiples of `alignment` elements.
   */
  splitAxes?(p: ParamValues<T>, alignment: number): SplitAxis<ParamValues<T>>[];
  /** For element-wise kernels, which have one output, `out`. */
  elementwise?: Elementwise<ParamValues<T>>;
  /** The launch as WebAssembly, or undefined if the reference is to run; default: the reference. */
  wasm?(p: ParamValues<T>): WasmLaunch | undefined;
  /** The same mathematics in plain loops, accumulating in float64. */
  reference(buffers: { [K in keyof B]: ArrayOf<B[K]> }, p: ParamValues<T>): void;
  /** Parameter sets that tests check and benchmarks time. */
  cases: ParamValues<T>[];
  /** Floating-point operations of one launch, for kernels that compute much. */
  flops?(p: ParamValues<T>): number;
  /** Largest error between devices, relative to the output's largest magnitude; default 1e-5. */
  tolerance?: number;
}

const defined = new Map<string, Kernel>();

/**
 * All kernels so far, in order: tests, gradient checks and the benchmarks walk them.
 * @example
 * definedKernels().map(({ name }) => name);
 */
export const definedKernels = (): Kernel[] => [...defined.values()];

/**
 * Declares a kernel. TypeScript infers the names and types of its parameters and buffers, so that a
 * misspelt one does not compile.
 * @throws ArgumentError if a kernel of that name is defined already.
 * @example
 * const buffer = (access: 'read' | 'write') =>
 *   ({ type: 'f32', access, size: (p: { count: number }) => p.count }) as const;
 * const twice = defineKernel({
 *   name: 'twice',
 *   params: { count: 'u32' },
 *   buffers: { x: buffer('read'), y: buffer('write') },
 *   launch: ({ count }) => Math.ceil(count / 64),
 *   wgsl: () => main(64, 'let i = group * 64u + lane; if (i < p.count) { y[i] = 2.0 * x[i]; }'),
 *   reference({ x, y }, { count }) {
 *     for (let i = 0; i < count; i++) y[i] = 2 * x[i];
 *   },
 *   cases: [{ count: 5 }],
 * });
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

/**
 * Marks WGSL text for editors.
 * @example
 * const body = wgsl`y[i] = 2.0 * x[i];`;
 */
export const wgsl = String.raw;

/**
 * `n` lines (or expressions) of WGSL, one for each i from 0 to n - 1.
 * @example
 * repeat(2, (i) => `let x${i} = ${i}u;`); // two lines
 */
export const repeat = (n: number, line: (i: number) => string, separator = '\n'): string =>
  Array.from({ length: n }, (_, i) => line(i)).join(separator);

/**
 * The entry point. The body can use `group` (flat workgroup index, may exceed the launch), `lane`,
 * and `inputs`.
 * @example
 * main(64, '  let i = group * 64u + lane;\n  if (i < p.count) { y[i] = x[i]; }');
 */
export const main = (size: number, body: string, inputs = ''): string => wgsl`
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) launched: vec3<u32>,
        @builtin(local_invocation_index) lane: u32, ${inputs}) {
  let group = workgroup.x + workgroup.y * launched.x;
${body}
}`;

const wordsOf = (type: ParamType): number => (type === 'dims' ? 8 : 1);

/** Order of the parameters of a kernel in memory, and the number of their words. */
interface ParamLayout {
  names: readonly string[];
  words: number;
}
const layouts = new WeakMap<ParamTypes, ParamLayout>();

function layoutOf(types: ParamTypes): ParamLayout {
  let layout = layouts.get(types);
  if (!layout) {
    const names = orderedParams(types);
    const words = names.reduce((sum, name) => sum + wordsOf(types[name]), 0);
    layouts.set(types, (layout = { names, words: Math.max(4, Math.ceil(words / 4) * 4) }));
  }
  return layout;
}

const scratch = new ArrayBuffer(2048);
const [scratchWords, scratchFloats] = [new Uint32Array(scratch), new Float32Array(scratch)];

/**
 * Packs parameters as the WGSL struct lays them out: 16-byte `dims` first, then single words. The
 * next call overwrites the result.
 */
export function packParams(
  types: ParamTypes,
  p: Record<string, number | readonly number[]>,
): Uint32Array {
  const { names, words } = layoutOf(types);
  let at = 0;
  for (const name of names) {
    const value = p[name];
    if (typeof value === 'number') {
      if (types[name] === 'f32') scratchFloats[at++] = value;
      else scratchWords[at++] = value;
    } else for (let d = 0; d < 8; d++) scratchWords[at++] = value[d];
  }
  scratchWords.fill(0, at, words);
  return scratchWords.subarray(0, words);
}

function orderedParams(types: ParamTypes): string[] {
  const names = Object.keys(types);
  return [...names.filter((n) => types[n] === 'dims'), ...names.filter((n) => types[n] !== 'dims')];
}

/**
 * The whole WGSL of a variant: directives, vector aliases, the parameter struct, the bindings, the
 * kernel.
 */
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
      ? 'fn hsum(v: V) -> f32 { return (v.x + v.y) + (v.z + v.w); }\n' +
        'fn hmax(v: V) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }'
      : 'fn hsum(v: V) -> f32 { return v; }\nfn hmax(v: V) -> f32 { return v; }',
    `struct Params {\n${fields.join('\n') || '  unused: u32,'}\n}`,
    '@group(0) @binding(0) var<uniform> p: Params;',
    ...bindings,
    text,
  ].join('\n');
}
