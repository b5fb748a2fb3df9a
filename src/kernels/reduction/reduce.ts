import { defineKernel, main, type SplitAxis, wgsl } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { type Cascade, cascadeWgsl } from '../kit/cascade.ts';
import { maximumWgsl } from '../kit/mathFunctions.ts';
import { independentLanes, teamWgsl } from '../kit/perRow.ts';
import { alignedWindow, splitGranularity } from '../kit/splitAxis.ts';
import { columnTiles, rowTiles } from '../kit/wasmTiles.ts';

/**
 * Reductions of the middle axis: x [outer, n, inner] → y [outer, chunks, inner], written from
 * element `at` on; each chunk covers `size` elements of n, the last one fewer. Long reductions run
 * twice, over chunks and then over their results: no atomics, the same bits each time.
 */
const params = {
  outer: 'u32',
  n: 'u32',
  inner: 'u32',
  size: 'u32',
  chunks: 'u32',
  at: 'u32',
  long: 'u32',
} as const;
export interface ReduceParams {
  outer: number;
  n: number;
  inner: number;
  size: number;
  chunks: number;
  at: number;
  /** 1 if a sum is long, or adds up parts of a long one: it then goes in blocks. */
  long: number;
}
const inputCount = (p: ReduceParams) => p.outer * p.n * p.inner;
const outputCount = (p: ReduceParams) => p.outer * p.chunks * p.inner;

/** Splits between outer indices, or between chunks if `outer` is 1. */
function splitAxes(p: ReduceParams, alignment: number): SplitAxis<ReduceParams>[] {
  const splitBy = (
    length: number,
    places: number,
    results: number,
    params: (first: number, count: number) => ReduceParams,
  ) => ({
    length,
    granularity: splitGranularity(alignment, [places]),
    slice: (first: number, count: number) => {
      const [start, at] = alignedWindow(p.at + first * results, alignment);
      return { params: { ...params(first, count), at }, starts: { x: first * places, y: start } };
    },
  });
  if (p.outer > 1)
    return [splitBy(p.outer, p.n * p.inner, p.chunks * p.inner, (_, outer) => ({ ...p, outer }))];
  const partOf = (first: number, chunks: number) => ({
    ...p,
    n: Math.min(chunks * p.size, p.n - first * p.size),
    chunks,
  });
  return [splitBy(p.chunks, p.size * p.inner, p.inner, partOf)];
}
const cases: ReduceParams[] = [
  { outer: 5, n: 17, inner: 1, size: 17, chunks: 1, at: 3, long: 0 },
  { outer: 3, n: 5, inner: 7, size: 2, chunks: 3, at: 0, long: 0 },
  { outer: 1, n: 3072, inner: 128, size: 64, chunks: 48, at: 0, long: 1 },
  { outer: 2048, n: 256, inner: 1, size: 256, chunks: 1, at: 0, long: 0 },
  { outer: 2, n: 5001, inner: 3, size: 2500, chunks: 3, at: 0, long: 1 },
  { outer: 3, n: 3001, inner: 1, size: 3001, chunks: 1, at: 0, long: 1 },
];

/** The reference: the elements of each result are combined in their order. */
function combineInOrder(
  { x, y }: Record<'x' | 'y', Float32Array | Int32Array>,
  { outer, n, inner, size, chunks, at }: ReduceParams,
  identity: number,
  combine: (a: number, b: number) => number,
): void {
  for (let o = 0; o < outer; o++) {
    for (let c = 0; c < chunks; c++) {
      const end = Math.min((c + 1) * size, n);
      for (let j = 0; j < inner; j++) {
        let part = identity;
        for (let k = c * size; k < end; k++) part = combine(part, x[(o * n + k) * inner + j]);
        y[at + (o * chunks + c) * inner + j] = part;
      }
    }
  }
}

/** What reductions of other types share. */
export const reduceLayout = { params, cases, inputCount, outputCount, splitAxes, combineInOrder };

/** Sums of more elements are long; shorter ones lose few digits. */
export const LONG_SUM = 2048;
const BLOCK = 16;

interface Reduction {
  name: string;
  /** Whether it adds up: long lines then take blocks. */
  adds: boolean;
  /** WGSL functions that the following expressions may call. */
  functions: string;
  /** Identity element of `combine`, a WGSL scalar. */
  identity: string;
  combine: (a: string, b: string) => string;
  /** A team's result from its lanes' vectors. */
  combineLanes: (part: string) => string;
  identityReference: number;
  combineReference: (a: number, b: number) => number;
}

/** WGSL: `acc`, of the values along a walk. */
function walkWgsl(
  { identity, combine }: Reduction,
  inBlocks: boolean,
  { value, ...walk }: Pick<Cascade, 'variable' | 'from' | 'to' | 'step'> & { value: string },
): string {
  if (inBlocks)
    return cascadeWgsl({
      ...walk,
      sums: ['acc'],
      type: 'V',
      block: BLOCK,
      body: `part_acc += ${value};`,
    });
  const { variable, from, to, step } = walk;
  return `  var acc = V(${identity});
  for (var ${variable} = ${from}; ${variable} < ${to}; ${variable} += ${step}u) {
    acc = ${combine('acc', value)};
  }`;
}

/**
 * A team of lanes shares a row (inner 1); otherwise each lane reduces columns, four at a time if
 * possible.
 */
function defineReduction(r: Reduction) {
  return defineKernel({
    name: r.name,
    params,
    buffers: {
      x: { type: 'V', access: 'read', size: inputCount },
      y: { type: 'f32', access: 'readwrite', size: (p) => p.at + outputCount(p) },
    },
    splitAxes,
    specialize: ({ inner, n, size, long }: ReduceParams, traits: Traits) => {
      const inBlocks = r.adds && long === 1;
      return inner === 1
        ? {
            rows: true,
            lanes: traits.subgroupSize || 64,
            width: n % 4 === 0 && size % 4 === 0 ? 4 : 1,
            inBlocks,
          }
        : {
            rows: false,
            lanes: independentLanes(traits, 64),
            width: inner % 4 === 0 ? 4 : 1,
            inBlocks,
          };
    },
    launch: (p: ReduceParams, { rows, lanes, width }) =>
      rows ? p.outer * p.chunks : Math.ceil(outputCount(p) / (lanes * width)),
    wgsl: (c, traits) =>
      c.rows
        ? wgsl`
${teamWgsl(c, traits)}
${r.functions}
${main(
  c.lanes,
  `  if (group >= p.outer * p.chunks) { return; }
  let first = (group % p.chunks) * p.size;
  let end = (group / p.chunks) * p.n + min(first + p.size, p.n);
${walkWgsl(r, c.inBlocks, {
  variable: 'i',
  from: `(end - min(p.size, p.n - first)) / ${c.width}u + lane`,
  to: `end / ${c.width}u`,
  step: c.lanes,
  value: 'x[i]',
})}
  let total = ${r.combineLanes('acc')};
  if (lane == 0u) { y[p.at + group] = total; }`,
)}`
        : r.functions +
          main(
            c.lanes,
            `  let inner = p.inner / ${c.width}u;
  let column = group * ${c.lanes}u + lane;
  if (column >= p.outer * p.chunks * inner) { return; }
  let block = column / inner;
  let first = (block % p.chunks) * p.size;
  let base = ((block / p.chunks) * p.n) * inner + column % inner;
  let end = min(first + p.size, p.n);
${walkWgsl(r, c.inBlocks, {
  variable: 'k',
  from: 'first',
  to: 'end',
  step: 1,
  value: 'x[base + k * inner]',
})}
  ${
    c.width === 4
      ? 'for (var j = 0u; j < 4u; j++) { y[p.at + column * 4u + j] = acc[j]; }'
      : 'y[p.at + column] = acc;'
  }`,
          ),
    wasm: ({ outer, inner, size, chunks }: ReduceParams) =>
      inner === 1
        ? rowTiles(`${r.name}Rows`, outer * chunks, size)
        : columnTiles([`${r.name}Group`, `${r.name}Groups`], {
            chunks: outer * chunks,
            rows: size,
            cols: inner,
            results: 1,
          }),
    reference: (arrays, p: ReduceParams) =>
      combineInOrder(arrays, p, r.identityReference, r.combineReference),
    cases,
  });
}

export const sum = defineReduction({
  name: 'sum',
  adds: true,
  functions: '',
  identity: '0.0',
  combine: (a, b) => `${a} + ${b}`,
  combineLanes: (part) => `teamSum(hsum(${part}), lane)`,
  identityReference: 0,
  combineReference: (a, b) => a + b,
});

export const max = defineReduction({
  name: 'max',
  adds: false,
  functions: maximumWgsl,
  identity: 'bitcast<f32>((p.n & 0u) | 0xff800000u)',
  combine: (a, b) => `maximum(${a}, ${b})`,
  combineLanes: (part) =>
    `select(teamMax(hmax(${part}), lane), bitcast<f32>(p.n | 0x7fc00000u),
      teamSum(hsum(select(V(0.0), V(1.0), isNan(${part}))), lane) > 0.0)`,
  identityReference: Number.NEGATIVE_INFINITY,
  combineReference: (a, b) => Math.max(a, b),
});
