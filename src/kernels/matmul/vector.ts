import { main, repeat, wgsl } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { cascadeWgsl } from '../kit/cascade.ts';
import { suitsBroadcast } from './broadcast.ts';
import { finishWgsl } from './epilogue.ts';
import { isLong, isVectorized, layoutOf, type MatmulParams, tileStartWgsl } from './shape.ts';
import type { MatmulConstants, Variant } from './variant.ts';

/**
 * Products with few rows or few columns (a pooler on one sequence, a classifier's labels, their
 * gradients). Memory is the limit and y is too small to occupy an adapter, so several lanes share
 * each sum.
 *
 * - dot: a team of lanes walks along k, each with its part of the sums of a few rows or columns,
 *   then adds up. For a larger operand that is adjacent along k. Any adapter.
 * - sweep: lanes lie along the other dimension of the larger operand, if that one is adjacent. Each
 *   part of the workgroup takes every sixteenth value of k; the parts are added up in shared
 *   memory. For adapters with real workgroup memory.
 */
interface VectorConstants extends MatmulConstants {
  form: 'dot' | 'sweep';
  /** Rows and columns of y that a workgroup computes. */
  rows: number;
  columns: number;
  lanes: number;
  /** Whether a lane adds up in blocks. */
  long: boolean;
}
/** Terms of a lane in a block. */
const BLOCK = 32;

const MAX_NARROW = 8;
/** With a shorter k there is nothing to share. Rule of thumb. */
const MIN_K = 16;
/** Few sums of this length occupy a whole workgroup each. Rule of thumb. */
const LONG_K = 4096;
const LONG_LANES = 256;
const TREE_LANES = 64;
/** Lanes of a sweep side by side, and parts of k. */
const SWEEP = 16;

export const vector: Variant<VectorConstants> = {
  name: 'vector',
  constants(p, traits) {
    if ((p.m > MAX_NARROW && p.n > MAX_NARROW) || p.k <= MIN_K) return [];
    const layout = layoutOf(p);
    const long = isLong(p);
    const wide = isVectorized(p, layout);
    const fewColumns = p.n <= MAX_NARROW && (layout !== 'TN' || p.m <= MAX_NARROW);
    if (fewColumns || (layout === 'NT' && p.m <= MAX_NARROW)) {
      const width = wide && layout === 'NT' ? 4 : 1;
      const [rows, columns] = fewColumns ? [1, roundUp(p.n)] : [roundUp(p.m), width];
      const lanes = lanesFor(p, traits);
      return [{ variant: 'vector', width, form: 'dot', rows, columns, lanes, long }];
    }
    if (suitsBroadcast(traits)) return [];
    const width = wide && p.m <= MAX_NARROW ? 4 : 1;
    const [rows, columns] =
      p.m <= MAX_NARROW ? [roundUp(p.m), SWEEP * width] : [SWEEP, roundUp(p.n)];
    const lanes = SWEEP * SWEEP;
    return [{ variant: 'vector', width, form: 'sweep', rows, columns, lanes, long }];
  },
  tile: ({ rows, columns }) => ({ tileM: rows, tileN: columns }),
  wgsl: (c, epilogue, { subgroupSize }) => wgsl`
${totalWgsl(c, subgroupSize)}
${finishWgsl(epilogue)}
${main(
  c.lanes,
  `${tileStartWgsl(c.rows, c.columns)}
${c.form === 'dot' ? dot(c) : sweep(c)}`,
)}`,
};

/** 1, 2, 4 or 8: few values, so few pipelines. */
const roundUp = (narrow: number): number => 2 ** Math.ceil(Math.log2(narrow));

function lanesFor(p: MatmulParams, traits: Traits): number {
  const long = p.k >= LONG_K && p.m * p.n * p.batch0 * p.batch1 < LONG_LANES && !traits.software;
  return long ? LONG_LANES : traits.subgroupSize || TREE_LANES;
}

/**
 * WGSL `total(x, lane)`: the sum of x over a team; in a sweep over all parts, valid in the first
 * part.
 */
function totalWgsl({ form, lanes }: VectorConstants, subgroupSize: number): string {
  if (form === 'dot' && lanes === subgroupSize)
    return 'fn total(x: V, lane: u32) -> V { return subgroupAdd(x); }';
  return `var<workgroup> parts: array<V, ${lanes}>;
fn total(x: V, lane: u32) -> V {
  workgroupBarrier();
  parts[lane] = x;
  for (var step = ${lanes / 2}u; step >= ${form === 'dot' ? 1 : SWEEP}u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) { parts[lane] += parts[lane + step]; }
  }
  return parts[lane];
}`;
}

/** Rows and columns past the end are read as the last one and not stored. */
function dot({ rows, columns, width, lanes, long }: VectorConstants): string {
  const at = (stride: string) => (width === 4 ? 'k' : `k * ${stride}`);
  const sums = (line: (r: number, c: number) => string) =>
    repeat(rows, (r) => repeat(columns, (c) => line(r, c)));
  const body = (prefix: string) => `
${repeat(rows, (r) => `    let a${r} = a[aAt${r} + ${at('p.aCol')}];`)}
${repeat(columns, (c) => `    let b${c} = b[bAt${c} + ${at('p.bRow')}];`)}
${sums((r, c) => `    ${prefix}sum${r}_${c} += hsum(a${r} * b${c});`)}`;
  const vectors = columns / width;
  const sum = (i: number) => {
    const first = (i % vectors) * width;
    return `V(${repeat(width, (c) => `sum${Math.floor(i / vectors)}_${first + c}`, ', ')})`;
  };
  return `
${repeat(rows, (r) => `  let aAt${r} = (aStart + min(m0 + ${r}u, p.m - 1u) * p.aRow) / ${width}u;`)}
${repeat(
  columns,
  (c) => `  let bAt${c} = (bStart + min(n0 + ${c}u, p.n - 1u) * p.bCol)
  / ${width}u;`,
)}
${
  long
    ? cascadeWgsl({
        sums: sums((r, c) => `sum${r}_${c}`).split('\n'),
        type: 'f32',
        variable: 'k',
        from: 'lane',
        to: `p.k / ${width}u`,
        step: lanes,
        block: BLOCK,
        body: body('part_'),
      })
    : `${sums((r, c) => `  var sum${r}_${c} = 0.0;`)}
  for (var k = lane; k < p.k / ${width}u; k += ${lanes}u) {
${body('')}
  }`
}
${finishSums(
  rows * vectors,
  sum,
  'lane == 0u',
  `m0 + i / ${vectors}u`,
  `n0 + i % ${vectors}u
  * ${width}u`,
  width,
)}`;
}

function sweep({ rows, columns, width, long }: VectorConstants): string {
  const alongN = rows !== SWEEP;
  const few = alongN ? rows : columns;
  const a = { name: 'a', t: 'p.aRow', k: 'p.aCol', limit: 'p.m' };
  const b = { name: 'b', t: 'p.bCol', k: 'p.bRow', limit: 'p.n' };
  const [large, small] = alongN ? [b, a] : [a, b];
  // A single element of the small operand, whatever its vectors.
  const element = (at: string) =>
    `${small.name}[${width === 4 ? `(${at}) / 4u][(${at}) % 4u` : at}]`;
  const step = (k: string, prefix = '') => `
    {
      let k = ${k};
      let x = ${large.name}[largeAt + k * ${large.k} / ${width}u];
${repeat(few, (f) => `      ${prefix}sum${f} += ${element(`smallAt${f} + k * ${small.k}`)} * x;`)}
    }`;
  // Four at a time, so that four loads are in flight.
  const straight = `${repeat(few, (f) => `  var sum${f} = V(0.0);`)}
  var kAt = part;
  for (; kAt + ${3 * SWEEP}u < p.k; kAt += ${4 * SWEEP}u) {${repeat(
    4,
    (i) =>
      step(`kAt
    + ${i * SWEEP}u`),
    '',
  )}
  }
  for (; kAt < p.k; kAt += ${SWEEP}u) {${step('kAt')}
  }`;
  const blocks = cascadeWgsl({
    sums: Array.from({ length: few }, (_, f) => `sum${f}`),
    type: 'V',
    variable: 'kAt',
    from: 'part',
    to: 'p.k',
    step: SWEEP,
    block: BLOCK,
    body: step('kAt', 'part_'),
  });
  return `
  let part = lane / ${SWEEP}u;
  let t = ${alongN ? 'n0' : 'm0'} + lane % ${SWEEP}u * ${width}u;
  let largeAt = (${large.name}Start + min(t, ${large.limit} - ${width}u) * ${large.t}) / ${width}u;
${repeat(
  few,
  (f) => `  let smallAt${f} = ${small.name}Start + min(${f}u, ${small.limit} - 1u)
  * ${small.t};`,
)}
${long ? blocks : straight}
${finishSums(few, (f) => `sum${f}`, 'part == 0u', alongN ? 'i' : 't', alongN ? 't' : 'i', width)}`;
}

/** Adds up and stores `count` vectors of sums; `i` counts them. */
const finishSums = (
  count: number,
  sum: (i: number) => string,
  stores: string,
  row: string,
  column: string,
  width: number,
) => `
  var sums = array<V, ${count}>(${repeat(count, sum, ', ')});
  for (var i = 0u; i < ${count}u; i++) {
    let result = total(sums[i], lane);
    let row = ${row};
    let column = ${column};
    if (${stores} && row < p.m && column < p.n) {
      finish((yStart + row * p.yRow + column) / ${width}u, biasOf(column / ${width}u), result);
    }
  }`;
