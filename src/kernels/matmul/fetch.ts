import { repeat } from '../../device/kernel.ts';
import type { Layout } from './shape.ts';

/**
 * How the kernels with shared memory fetch an operand's tile from memory into registers: each
 * thread fetches 4 × 4 elements per step, as four vec4s along the dimension that is adjacent in
 * memory.
 *
 * No load needs a bounds check in the loop. Addresses past the edge of y are clamped once, before
 * the loop; their results are not stored. All steps of k are whole except the first, which starts
 * with `kPadding` zeros.
 */
export interface Operand {
  name: 'a' | 'b';
  /**
   * Start of the tile in t, the operand's dimension of y (rows of a, columns of b), and end of t.
   */
  first: string;
  limit: string;
  tStride: string;
  kStride: string;
  /** Whether k is the adjacent dimension; else t is. */
  alongK: boolean;
}

export const operandsOf = (layout: Layout): { a: Operand; b: Operand } => ({
  a: {
    name: 'a',
    first: 'm0',
    limit: 'p.m',
    tStride: 'p.aRow',
    kStride: 'p.aCol',
    alongK: layout !== 'TN',
  },
  b: {
    name: 'b',
    first: 'n0',
    limit: 'p.n',
    tStride: 'p.bCol',
    kStride: 'p.bRow',
    alongK: layout === 'NT',
  },
});

/** A thread's share: WGSL of its start in the tile, and the distance between its four vec4s. */
export interface ThreadShare {
  operand: Operand;
  t: string;
  k: string;
  spread: number;
  /** Name before its variables: `${prefix}0` … `${prefix}3` are the vec4s. */
  prefix: string;
}

const xyzw = 'xyzw';
const multiples = (s: number) => `vec4<u32>(0u, ${s}u, ${2 * s}u, ${3 * s}u)`;

export const declareShareWgsl = (prefix: string, width: number): string => `
  var ${prefix}At: vec4<u32>;
  var ${prefix}Step: u32;
${width === 1 ? `  var ${prefix}Offset: vec4<u32>;` : ''}
${repeat(4, (j) => `  var ${prefix}${j}: vec4<f32>;`)}`;

/** Reads zero before the start of k. */
export const firstReadWgsl = ({ name }: Operand): string => `
fn ${name}First(at: u32, inside: bool) -> V { return select(V(0.0), ${name}[select(0u, at,
  inside)], inside); }`;

const vector = (
  { prefix }: ThreadShare,
  width: number,
  j: number,
  read: (at: string, i: number) => string,
): string => {
  const at = `${prefix}At.${xyzw[j]}`;
  const value =
    width === 4
      ? read(at, 0)
      : `vec4<f32>(${repeat(4, (i) => read(`${at} + ${prefix}Offset.${xyzw[i]}`, i), ', ')})`;
  return `    ${prefix}${j} = ${value};`;
};

/**
 * WGSL: computes the addresses and fetches the first step, `depth` values of k. Needs `kPadding`.
 */
export function fetchFirst(share: ThreadShare, width: number, depth: number): string {
  const { operand, t, k, spread, prefix } = share;
  const { name, first, limit, tStride, kStride, alongK } = operand;
  const [at, offset] = [`${prefix}At`, `${prefix}Offset`];
  const clamped = (ts: string) =>
    `min(${first} + ${t} + ${ts}, vec4<u32>(${limit} - 1u)) * ${tStride}`;
  const ks = `(${k} + ${multiples(spread)}) * ${kStride}`;
  const wholeT = `min(${first} + ${t}, ${limit} - 4u)`;
  const place = alongK
    ? `${at} = (${name}Start + ${clamped(multiples(spread))} + ${k} * ${kStride}) / ${width}u;`
    : `${at} = (${name}Start + ${width === 4 ? `${wholeT} + ` : ''}${ks}) / ${width}u;`;
  const inside = (j: number, i: number) => `${k} + ${alongK ? i : j * spread}u >= kPadding`;
  return `
    ${place}
${
  width === 1
    ? `    ${offset} = ${
        alongK
          ? `${multiples(1)}
  * ${kStride}`
          : clamped(multiples(1))
      };`
    : ''
}
    // May wrap around below zero, but nothing is read there.
    ${at} -= kPadding * ${kStride} / ${width}u;
    ${prefix}Step = ${depth}u * ${kStride} / ${width}u;
${repeat(4, (j) =>
  vector(
    share,
    width,
    j,
    (where, i) => `${name}First(${where},
  ${inside(j, i)})`,
  ),
)}`;
}

/** WGSL: fetches the next step. */
export const fetchNext = (share: ThreadShare, width: number): string => `
    ${share.prefix}At += ${share.prefix}Step;
${repeat(4, (j) => vector(share, width, j, (where) => `${share.operand.name}[${where}]`))}`;
