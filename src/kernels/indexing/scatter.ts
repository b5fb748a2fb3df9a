import { defineKernel, main, wgsl } from '../../device/kernel.ts';
import { splitAlong } from '../kit/splitAxis.ts';
import { RUN } from '../reduction/sort.ts';

/**
 * Writing along the middle axis by index: y [outer, n, inner] from x of the same shape and source
 * [outer, m, inner]. The indices are given sorted, so that each element of y finds those that name
 * it by bisection, in their order, without atomics: `keys` (index + 2^31) and `order` [lines, m],
 * with a line for each of outer × inner, or one line for all (`oneLine` 1).
 */
const LANES = 64;
const params = {
  outer: 'u32',
  n: 'u32',
  inner: 'u32',
  m: 'u32',
  oneLine: 'u32',
  invalid: 'i32',
} as const;
type P = Record<keyof typeof params, number>;

/** This index stands for no place: the source's element is not used. */
export const NO_INDEX = -0x80000000;

const sortedSize = (p: P) => (p.oneLine ? 1 : p.outer * p.inner) * p.m;
const sorted = { type: 'u32', access: 'read', size: sortedSize, fill: { below: () => 1 } } as const;
const size = (p: P) => p.outer * p.n * p.inner;
const splitAxes = (p: P, alignment: number) => {
  const sources = p.m * p.inner;
  const elements = { x: p.n * p.inner, source: sources, y: p.n * p.inner };
  const lines: Record<string, number> = p.oneLine ? {} : { keys: sources, order: sources };
  return [splitAlong(p, 'outer', { ...elements, ...lines }, alignment)];
};
const sourceSize = (p: P) => p.outer * p.m * p.inner;

const text = (body: string) => wgsl`
// The first place from base on, in a line, whose key is not less.
fn lowerBound(base: u32, key: u32) -> u32 {
  var low = 0u;
  var high = p.m;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (keys[base + middle] < key) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}
${main(
  LANES,
  `  let at = group * ${LANES}u + lane;
  if (at >= p.outer * p.n * p.inner) { return; }
  let o = at / (p.n * p.inner);
  let j = at % p.inner;
  let base = select(o * p.inner + j, 0u, p.oneLine == 1u) * p.m;
  let key = ((at / p.inner) % p.n) | 0x80000000u;
  let real = lowerBound(base, 1u);
  if (real < p.m && (keys[base + real] < 0x80000000u ||
      keys[base + p.m - 1u] >= (p.n | 0x80000000u))) {
    y[at] = INVALID;
    return;
  }
  let first = lowerBound(base, key);
${body}`,
)}`;

/**
 * The source elements that go to each place of a line, in order; undefined if an index is out of
 * range.
 */
function sourcesOf(
  { n, inner, m, oneLine }: P,
  keys: Uint32Array,
  order: Uint32Array,
  [o, j]: [o: number, j: number],
): number[][] | undefined {
  const base = (oneLine ? 0 : o * inner + j) * m;
  const sources = Array.from({ length: n }, (): number[] => []);
  for (let k = base; k < base + m; k++) {
    const index = keys[k] - 0x80000000;
    if (index === NO_INDEX) continue;
    if (index < 0 || index >= n) return undefined;
    sources[index].push((o * m + order[k]) * inner + j);
  }
  return sources;
}

/** Calls `visit` for each element of y with the source elements that go there. */
function forEachTarget(
  p: P,
  keys: Uint32Array,
  order: Uint32Array,
  visit: (at: number, sources: number[] | undefined) => void,
): void {
  const { outer, n, inner } = p;
  for (let line = 0; line < outer * inner; line++) {
    const [o, j] = [Math.floor(line / inner), line % inner];
    const sources = sourcesOf(p, keys, order, [o, j]);
    for (let v = 0; v < n; v++) visit((o * n + v) * inner + j, sources?.[v]);
  }
}

// `fill` of tests gives keys of 0: no index. The operations' own tests cover the others.
const cases: P[] = [
  { outer: 3, n: 7, inner: 5, m: 4, oneLine: 0, invalid: 0 },
  { outer: 2, n: 70, inner: 64, m: RUN, oneLine: 1, invalid: 0 },
];

/**
 * y = x with the last element of source that names each place, if there is one. Words of any type.
 * If an index of a line is out of range, the line is `invalid`.
 */
export const scatter = defineKernel({
  name: 'scatter',
  params,
  buffers: {
    x: { type: 'i32', access: 'read', size },
    keys: sorted,
    order: sorted,
    source: { type: 'i32', access: 'read', size: sourceSize },
    y: { type: 'i32', access: 'write', size },
  },
  launch: (p) => Math.ceil(size(p) / LANES),
  splitAxes,
  wgsl: () =>
    text(
      `  var last = first;
  while (last < p.m && keys[base + last] == key) { last++; }
  if (last == first) { y[at] = x[at]; return; }
  y[at] = source[(o * p.m + order[base + last - 1u]) * p.inner + j];`,
    ).replaceAll('INVALID', 'p.invalid'),
  reference({ x, keys, order, source, y }, p) {
    forEachTarget(p, keys, order, (at, sources) => {
      const last = sources?.at(-1);
      y[at] = !sources ? p.invalid : last === undefined ? x[at] : source[last];
    });
  },
  cases,
});

/** y = x plus all elements of source that name each place, in their order; else as `scatter`. */
function defineScatterAdd<T extends 'f32' | 'i32'>(name: string, type: T) {
  const element = type as 'f32' | 'i32';
  const wrap = type === 'f32' ? (value: number) => value : (value: number) => value | 0;
  return defineKernel({
    name,
    params,
    buffers: {
      x: { type: element, access: 'read', size },
      keys: sorted,
      order: sorted,
      source: { type: element, access: 'read', size: sourceSize },
      y: { type: element, access: 'write', size },
    },
    launch: (p) => Math.ceil(size(p) / LANES),
    splitAxes,
    wgsl: () =>
      text(
        `  var total = x[at];
  for (var k = first; k < p.m && keys[base + k] == key; k++) {
    total += source[(o * p.m + order[base + k]) * p.inner + j];
  }
  y[at] = total;`,
      ).replaceAll('INVALID', `bitcast<${type}>(p.invalid)`),
    reference({ x, keys, order, source, y }, p) {
      const invalid = type === 'f32' ? Number.NaN : p.invalid;
      forEachTarget(p, keys, order, (at, sources) => {
        const add = (total: number, from: number) => wrap(total + source[from]);
        y[at] = sources ? sources.reduce(add, x[at]) : invalid;
      });
    },
    cases,
  });
}
export const scatterAdd = defineScatterAdd('scatterAdd', 'f32');
/** The same of int32, which wraps. */
export const scatterAddIntegers = defineScatterAdd('scatterAddIntegers', 'i32');
