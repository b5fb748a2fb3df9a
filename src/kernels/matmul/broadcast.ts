import { main, repeat, wgsl } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { type Epilogue, finishWgsl } from './epilogue.ts';
import { type Operand, operandsOf } from './fetch.ts';
import { isLong, type Layout, type MatmulParams, tileCount, tileStartWgsl } from './shape.ts';

/**
 * Subgroup-broadcast matmul, for software adapters with subgroups of 8: one subgroup per workgroup,
 * no barriers. At each step of k a lane holds four rows of a and four (or eight) columns of b;
 * broadcasts give every lane all rows.
 *
 * On such adapters a load costs as much as ten multiply-adds, each pass of a loop loads, blends and
 * stores every variable that the loop carries, and a loop must fit the instruction cache (32 KiB).
 * So a pass takes several steps of k at once: four if k is the adjacent dimension of an operand,
 * whose rows or columns then come as vec4s along k. Transposing them is free there, since each
 * component is a register of its own.
 */
const SUBGROUP_SIZE = 8;
/** Workgroups that keep a processor's cores busy. Rule of thumb. */
const MIN_WORKGROUPS = 8;
/**
 * Below this many multiply-adds a product takes a fraction of a millisecond, while compiling
 * another variant takes half a second.
 */
const SMALL_PRODUCT = 2 ** 22;
/**
 * Values of k in a block of a long sum, and in a block of blocks. Sums of whole blocks lie in
 * workgroup memory, which the loop within a block need not carry.
 */
const [BLOCK, BLOCK_OF_BLOCKS] = [256, 256 * 64];

export interface BroadcastConstants extends Record<string, string | number | boolean> {
  layout: Layout;
  /** Rows of a tile. */
  rows: number;
  /** Columns of a lane, in vec4s. */
  wide: number;
  /** Steps of k in a pass. */
  depth: number;
  /** Whether sums are added up in blocks. */
  long: boolean;
}

export const suitsBroadcast = (traits: Traits): boolean =>
  traits.software && traits.subgroupSize === SUBGROUP_SIZE;

/**
 * Best guess first: tiles of 32 rows, or fewer if that wastes less of a matrix that is neither
 * small nor tall. A lane takes eight columns if the product divides evenly and the loop has
 * registers left. The other choices follow.
 */
export function broadcastConstants(p: MatmulParams, layout: Layout): BroadcastConstants[] {
  const isSmall = p.m * p.n * p.k * p.batch0 * p.batch1 < SMALL_PRODUCT;
  const padded = (rows: number) => Math.ceil(p.m / rows) * rows;
  const heights = [32, 24, 16].sort((a, b) =>
    isSmall || p.m > 4 * 32 ? 0 : padded(a) - padded(b),
  );
  const constants = (rows: number, wide: number) => ({
    layout,
    rows,
    wide,
    depth: layout !== 'TN' ? 4 : p.k % 2 === 0 ? 2 : 1,
    long: isLong(p),
  });
  const narrow = heights.map((rows) => constants(rows, 1));
  if (layout !== 'TN') return narrow;
  const wide = constants(heights[0], 2);
  const { tileM, tileN } = broadcastTile(wide);
  const suits = p.n % tileN === 0 && tileCount(p, tileM, tileN) >= MIN_WORKGROUPS;
  return suits ? [wide, ...narrow] : [...narrow, wide];
}

export const broadcastTile = ({ rows, wide }: BroadcastConstants) => ({
  tileM: rows,
  tileN: 4 * SUBGROUP_SIZE * wide,
});

export function broadcastWgsl(constants: BroadcastConstants, epilogue: Epilogue): string {
  const { layout, rows, wide, depth, long } = constants;
  const { tileM, tileN } = broadcastTile(constants);
  const operands = operandsOf(layout);
  const a = laneOperand(operands.a, 'a', 0, depth);
  const b = Array.from({ length: wide }, (_, c) =>
    laneOperand(operands.b, `b${c}`, 4 * SUBGROUP_SIZE * c, depth),
  );
  const eachSum = (text: (row: number, c: number) => string) =>
    repeat(rows, (row) => repeat(wide, (c) => text(row, c)));
  const size = rows * wide * SUBGROUP_SIZE;
  const place = (row: number, c: number) => `${(row * wide + c) * SUBGROUP_SIZE}u + lane`;
  const zeros = eachSum((row, c) => `  var ${sum(row, c)} = V(0.0);`);
  const loop = (from: string, to: string) => `${zeros}
  for (var k = ${from}; k < ${to}; k += ${depth}u) {
${passWgsl(constants, a, b)}
  }`;
  const store = (to: string, operator: '=' | '+=') =>
    eachSum((row, c) => `  ${to}[${place(row, c)}] ${operator} ${sum(row, c)};`);
  return wgsl`
var<workgroup> tile: array<V, ${size}>;
${long ? `var<workgroup> blocks: array<V, ${size}>;` : ''}
${finishWgsl(epilogue)}
${main(
  SUBGROUP_SIZE,
  `${tileStartWgsl(tileM, tileN)}
${[a, ...b].map(({ setup }) => setup).join('\n')}
${long ? longLoop(loop, store, size) : loop('0u', 'p.k') + store('tile', '=')}
${repeat(
  wide,
  (c) => `
  let column${c} = n0 / 4u + ${SUBGROUP_SIZE * c}u + lane;
  // The compiler must not know this limit: it would unroll all passes.
  let rows${c} = select(0u, min(${rows}u, p.m - m0), column${c} * 4u < p.n);
  let bias${c} = biasOf(min(column${c}, p.n / 4u - 1u));
  var at${c} = (yStart + m0 * p.yRow) / 4u + column${c};
  for (var r = 0u; r < rows${c}; r++) {
    finish(at${c}, bias${c}, tile[(r * ${wide}u + ${c}u) * ${SUBGROUP_SIZE}u + lane]);
    at${c} += p.yRow / 4u;
  }`,
)}`,
)}`;
}

const sum = (row: number, c: number) => `sum${row}_${c}`;

/** WGSL: loads `depth` steps of k and adds their products to the sums; to long ones in pairs. */
function passWgsl(
  { rows, wide, depth, long }: BroadcastConstants,
  a: LaneOperand,
  b: readonly LaneOperand[],
): string {
  const product = (d: number, c: number) => `x${d}\n  * ${b[c].vector(d)}`;
  const products = (c: number) =>
    long && depth === 4
      ? ` + ((${product(0, c)} + ${product(1, c)}) + (${product(2, c)} + ${product(3, c)}))`
      : repeat(depth, (d) => ` + ${product(d, c)}`, '');
  return `${[a, ...b].map(({ load }) => load).join('\n')}
${repeat(
  rows,
  (row) => `    {
${repeat(
  depth,
  (d) => `      let x${d} = subgroupBroadcast(${a.at(row % 4, d)},
  ${Math.floor(row / 4)}u);`,
)}
${repeat(wide, (c) => `      ${sum(row, c)} = ${sum(row, c)}${products(c)};`)}
    }`,
)}`;
}

/** WGSL: sums of blocks in `blocks`, and of blocks of those in `tile`. */
const longLoop = (
  loop: (from: string, to: string) => string,
  store: (to: string, operator: '=' | '+=') => string,
  size: number,
): string => `
  for (var k2 = 0u; k2 < p.k; k2 += ${BLOCK_OF_BLOCKS}u) {
    let end2 = min(k2 + ${BLOCK_OF_BLOCKS}u, p.k);
    for (var k1 = k2; k1 < end2; k1 += ${BLOCK}u) {
${loop('k1', `min(k1 + ${BLOCK}u, end2)`)}
      if (k1 == k2) {
${store('blocks', '=')}
      } else {
${store('blocks', '+=')}
      }
    }
    for (var i = lane; i < ${size}u; i += ${SUBGROUP_SIZE}u) {
      tile[i] = select(V(0.0), tile[i], k2 > 0u) + blocks[i];
    }
  }`;

type LaneOperand = ReturnType<typeof laneOperand>;

/**
 * How a lane reads its four rows (or columns) of an operand, which begin at `tileOffset` in the
 * tile, clamped to the last: WGSL for their addresses and for loading `depth` steps of k. `at(i,
 * d)` is the value of row i at step d, `vector(d)` the values of all four there.
 */
function laneOperand(
  { name, first, limit, tStride, kStride, alongK }: Operand,
  id: string,
  tileOffset: number,
  depth: number,
) {
  const t = `${first} + ${tileOffset}u + 4u * lane`;
  const load = (i: number, setup: string) => `    let ${id}_${i} = ${name}[${setup}];`;
  if (alongK) {
    return {
      setup: repeat(
        4,
        (i) =>
          `  let ${id}At${i} = (${name}Start + min(${t} + ${i}u, ${limit} - 1u) * ${tStride})
            / 4u;`,
      ),
      load: repeat(4, (i) => load(i, `${id}At${i} + k / 4u`)),
      at: (i: number, d: number) => `${id}_${i}[${d}]`,
      vector: (d: number) => `V(${repeat(4, (i) => `${id}_${i}[${d}]`, ', ')})`,
    };
  }
  return {
    setup: `  let ${id}At = (${name}Start + min(${t}, ${limit} - 4u))
      / 4u;\n  let ${id}Step = ${kStride} / 4u;`,
    load: repeat(depth, (d) => load(d, `${id}At + (k + ${d}u) * ${id}Step`)),
    at: (i: number, d: number) => `${id}_${d}[${i}]`,
    vector: (d: number) => `${id}_${d}`,
  };
}
