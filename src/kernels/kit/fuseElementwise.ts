import {
  defineKernel,
  type ElementType,
  type Kernel,
  type Link,
  type ParamTypes,
  type ParamValues,
} from '../../device/kernel.ts';
import type { MapKernel, MapSpec } from './mapSpec.ts';
import { flatConstants, flatGroups, flatMain } from './perElement.ts';

const known = new Map<string, Kernel>();

/** One kernel for several element-by-element launches of equal length, which keeps what they hand on in registers. */
export function joinMaps(links: readonly Link[]): {
  kernel: Kernel;
  params: ParamValues<ParamTypes>;
} {
  const key = links
    .map(({ kernel, reads, stored }) => `${kernel.name} ${JSON.stringify(reads)} ${stored}`)
    .join('\n');
  let kernel = known.get(key);
  if (!kernel) known.set(key, (kernel = defineJoined(links)));
  const params: Record<string, number> = { count: links[0].params.count as number, zero: 0 };
  for (const [i, link] of links.entries()) {
    for (const name of scalarsOf(link)) params[scalar(i, name)] = link.params[name] as number;
  }
  return { kernel, params: params as ParamValues<ParamTypes> };
}

const specOf = ({ kernel }: Link): MapSpec => (kernel as MapKernel).spec;
const scalarsOf = (link: Link): readonly string[] => specOf(link).scalars ?? [];
const scalar = (link: number, name: string) => `${name}_${link}`;
const typeOf = (spec: MapSpec, name: string) => spec.types?.[name] ?? 'V';

function defineJoined(links: readonly Link[]): Kernel {
  const params: ParamTypes = { count: 'u32', zero: 'i32' };
  const buffers: Kernel['buffers'] = {};
  const size = (p: ParamValues<ParamTypes>) => p.count as number;
  for (const [i, link] of links.entries()) {
    for (const name of scalarsOf(link)) params[scalar(i, name)] = 'f32';
    for (const [buffer, source] of Object.entries(link.reads)) {
      if ('input' in source)
        buffers[`in${source.input}`] ??= {
          type: link.kernel.buffers[buffer].type,
          access: 'read',
          size,
        };
    }
  }
  for (const [i, link] of links.entries()) {
    if (link.stored)
      buffers[`out${i}`] = { type: typeOf(specOf(link), 'out'), access: 'write', size };
  }
  return defineKernel({
    name: nameOf(links),
    params,
    buffers,
    specialize: (p, traits) => {
      const width = size(p) % 4 === 0 ? 4 : 1;
      return {
        width,
        ...flatConstants(
          traits,
          links.some((link) => specOf(link).functions) ? size(p) / width : undefined,
        ),
      };
    },
    launch: (p, c) => flatGroups(size(p) / c.width, c),
    wgsl: (c) => `${functionsOf(links)}
${flatMain(c, `p.count / ${c.width}u`, bodyOf(links, buffers), { reads: readsOf(buffers) })}`,
    reference: (data, p) => {
      const values: number[] = [];
      for (let element = 0; element < size(p); element++) {
        for (const [i, link] of links.entries()) {
          const spec = specOf(link);
          const inputs = spec.inputs.map((name) => {
            const source = sourceOf(links, buffers, link, name);
            const value =
              'input' in source ? data[`in${source.input}`][element] : values[source.link];
            return source.type === typeOf(spec, name) ? value : bitcast(value, source.type);
          });
          const value = spec.reference(
            ...inputs,
            ...scalarsOf(link).map((name) => p[scalar(i, name)] as number),
          );
          values[i] = typeOf(spec, 'out') === 'V' ? Math.fround(value) : value;
          if (link.stored) data[`out${i}`][element] = values[i];
        }
      }
    },
    cases: [],
  }) as unknown as Kernel;
}

/** Where a link's input comes from, and the type that it has there: copies take words of any type. */
function sourceOf(links: readonly Link[], buffers: Kernel['buffers'], link: Link, name: string) {
  const source = link.reads[`in_${name}`];
  const type =
    'input' in source
      ? buffers[`in${source.input}`].type
      : typeOf(specOf(links[source.link]), 'out');
  return { ...source, type };
}

const word = new DataView(new ArrayBuffer(4));

/** The bits of a float as an integer, or the other way round. */
function bitcast(value: number, from: ElementType): number {
  if (from === 'V') word.setFloat32(0, value);
  else word.setInt32(0, value);
  return from === 'V' ? word.getInt32(0) : word.getFloat32(0);
}

/** The names in order, each run of one with its length: `mul, add × 3`. */
function nameOf(links: readonly Link[]): string {
  const runs: { name: string; times: number }[] = [];
  for (const { kernel } of links) {
    if (runs.at(-1)?.name === kernel.name) runs.at(-1)!.times++;
    else runs.push({ name: kernel.name, times: 1 });
  }
  return runs.map(({ name, times }) => (times > 1 ? `${name} × ${times}` : name)).join(', ');
}

/**
 * WGSL: `link_NAME` for each kind of link, and `aloneV` and `aloneI`, which keep compilers from simplifying across links, as they
 * may where two stand in one text (a product is not rounded before it is added to, a zero loses its sign): they cannot know that
 * `zero` is 0.
 */
function functionsOf(links: readonly Link[]): string {
  const texts = new Set<string>();
  for (const link of links) {
    const { name, inputs, scalars = [], wgsl, functions = '' } = specOf(link);
    // Some kernels have functions in common.
    for (const text of functions.split(/(?=^fn )/m)) if (text.trim()) texts.add(text.trim());
    const types = [
      ...inputs.map((input) => `${input}: ${typeOf(specOf(link), input)}`),
      ...scalars.map((one) => `${one}: f32`),
    ];
    const expression = scalars.reduce((text, one) => text.replaceAll(`p.${one}`, one), wgsl);
    texts.add(
      `fn link_${name}(${types.join(', ')}) -> ${typeOf(specOf(link), 'out')} { return ${expression}; }`,
    );
  }
  texts.add('fn aloneI(x: I) -> I { return x ^ I(p.zero); }');
  texts.add('fn aloneV(x: V) -> V { return bitcast<V>(aloneI(bitcast<I>(x))); }');
  return [...texts].join('\n');
}

const readsOf = (buffers: Kernel['buffers']): Record<string, string> =>
  Object.fromEntries(
    Object.keys(buffers).flatMap((name) => (name.startsWith('in') ? [[`v_${name}`, name]] : [])),
  );

function bodyOf(links: readonly Link[], buffers: Kernel['buffers']): string {
  const lines: string[] = [];
  for (const [i, link] of links.entries()) {
    const spec = specOf(link);
    const values = spec.inputs.map((name) => {
      const source = sourceOf(links, buffers, link, name);
      const value = 'input' in source ? `v_in${source.input}` : `v${source.link}`;
      const wanted = typeOf(spec, name);
      return source.type === wanted ? value : `bitcast<${wanted}>(${value})`;
    });
    const call = `link_${spec.name}(${[...values, ...scalarsOf(link).map((name) => `p.${scalar(i, name)}`)].join(', ')})`;
    lines.push(`let v${i} = alone${typeOf(spec, 'out')}(${call});`);
  }
  for (const [i, { stored }] of links.entries()) if (stored) lines.push(`out${i}[i] = v${i};`);
  return lines.join('\n    ');
}
