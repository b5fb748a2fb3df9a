import { main, wgsl } from '../../gpu/kernel.ts';
import type { Traits } from '../../gpu/traits.ts';
import { type Epilogue, finishWgsl } from './epilogue.ts';
import { type Layout, type MatmulParams, tileStart } from './shape.ts';

/**
 * Subgroup-broadcast matmul, for software adapters with subgroups of 8: one subgroup a workgroup, no barriers.
 * At each place of k a lane holds four rows of a and four columns of b; by broadcast every lane meets all rows.
 * On such adapters a load costs as much as ten multiply-adds and a loop must fit the instruction cache, so the loop is
 * short and has two loads. Operands whose adjacent dimension is k are turned on the way: each lane keeps its own four
 * rows or columns in a panel in workgroup memory. No other lane reads them, so nothing waits.
 */
const LANES = 8;
const COLUMNS = 4 * LANES;
/** Tiles of y, side by side, that one panel of a serves, where enough workgroups are left to keep processors busy. */
const SWEEP = 8;
const ENOUGH = 16;
/** Multiply-adds of a product that takes a fraction of a millisecond, where compiling a variant of its own takes a second. */
const SMALL = 2 ** 22;

export interface BroadcastConstants extends Record<string, string | number | boolean> {
  layout: Layout;
  /** Rows of a tile. */
  rows: number;
  sweep: number;
}

export const suitsBroadcast = (traits: Traits): boolean => traits.software && traits.subgroupSize === LANES;

/**
 * First the best guess: tiles of 32 rows, or fewer where that wastes less of a small matrix, and a sweep where enough
 * workgroups are left; small products take what large ones do. Then other heights, and the other choice of sweep.
 */
export function broadcastConstants(p: MatmulParams, layout: Layout): BroadcastConstants[] {
  const isSmall = p.m * p.n * p.k * p.batch0 * p.batch1 < SMALL;
  const padded = (rows: number) => Math.ceil(p.m / rows) * rows;
  const heights = [32, 24, 16].sort((a, b) => (isSmall || p.m > 4 * 32 ? 0 : padded(a) - padded(b)));
  const groups = Math.ceil(p.m / heights[0]) * Math.ceil(p.n / (COLUMNS * SWEEP)) * p.batch0 * p.batch1;
  const sweeps = layout === 'TN' ? [1] : isSmall || groups >= ENOUGH ? [SWEEP, 1] : [1, SWEEP];
  const constants = (rows: number, sweep: number) => ({ layout, rows, sweep });
  return [...heights.map((rows) => constants(rows, sweeps[0])), ...sweeps.slice(1).map((sweep) => constants(heights[0], sweep))];
}

export const broadcastTile = ({ rows, sweep }: BroadcastConstants) => ({ tileM: rows, tileN: COLUMNS * sweep });

/** Places of k that fit a panel. Products with b by rows have one panel and room for a tile of y; others have two panels. */
const panelDepth = (layout: Layout, { maxWorkgroupStorage }: Traits): number => {
  const vectors = Math.floor(maxWorkgroupStorage / 16);
  return 4 * Math.floor((layout === 'NT' ? vectors / 2 : vectors - 32 * LANES) / LANES / 4);
};

const lines = (n: number, line: (i: number) => string): string => Array.from({ length: n }, (_, i) => line(i)).join('\n');

/** Fills this lane's part of a panel with four rows of `matrix` (places `at0` to `at3`, in vec4s), turned. */
const turn = (panel: string, matrix: string) => `
    for (var k = 0u; k < depth / 4u; k++) {
      let t = transpose(mat4x4<f32>(${[0, 1, 2, 3].map((q) => `${matrix}[${matrix}At${q} + k]`).join(', ')}));
${lines(4, (q) => `      ${panel}[(4u * k + ${q}u) * ${LANES}u + lane] = t[${q}];`)}
    }`;

export function broadcastWgsl(constants: BroadcastConstants, epilogue: Epilogue, traits: Traits): string {
  const { layout, rows } = constants;
  const { tileM, tileN } = broadcastTile(constants);
  const depth = panelDepth(layout, traits);
  const turnA = layout !== 'TN';
  const turnB = layout === 'NT';
  // Where k may be longer than a panel, y is summed up in passes.
  const passes = turnA;
  // With two panels, that of b is free again when the tile is done.
  const tile = turnB ? 'bPanel' : 'tile';
  return wgsl`
${turnA ? `var<workgroup> aPanel: array<V, ${depth * LANES}>;` : ''}
var<workgroup> ${tile}: array<V, ${(turnB ? depth : 32) * LANES}>;
${finishWgsl(epilogue)}
${main(
  LANES,
  `${tileStart(tileM, tileN)}
  let nEnd = min(n0 + ${tileN}u, p.n);
  for (var k0 = 0u; k0 < p.k; k0 += ${passes ? `${depth}u` : 'p.k'}) {
    let depth = ${passes ? `min(${depth}u, p.k - k0)` : 'p.k'};
    ${turnA ? lines(4, (q) => `    let aAt${q} = (aStart + min(m0 + 4u * lane + ${q}u, p.m - 1u) * p.aRow + k0) / 4u;`) : ''}
    ${turnA ? turn('aPanel', 'a') : ''}
    for (var n = n0; n < nEnd; n += ${COLUMNS}u) {
      let column = min(n / 4u + lane, p.n / 4u - 1u);
      ${turnB ? lines(4, (q) => `      let bAt${q} = (bStart + (4u * column + ${q}u) * p.bCol + k0) / 4u;`) : ''}
      ${turnB ? turn('bPanel', 'b') : 'var bAt = (bStart + k0 * p.bRow) / 4u + column;'}
      ${turnA ? '' : 'var aAt = aStart / 4u + min(m0 / 4u + lane, p.m / 4u - 1u);'}
${lines(rows, (r) => `      var acc${r} = V(0.0);`)}
      for (var k = 0u; k < depth; k++) {
        let va = ${turnA ? `aPanel[k * ${LANES}u + lane]` : 'a[aAt]'};
        let vb = ${turnB ? `bPanel[k * ${LANES}u + lane]` : 'b[bAt]'};
        ${turnA ? '' : 'aAt += p.aCol / 4u;'}
        ${turnB ? '' : 'bAt += p.bRow / 4u;'}
${lines(rows, (r) => `        acc${r} += subgroupBroadcast(va[${r % 4}], ${Math.floor(r / 4)}u) * vb;`)}
      }
${lines(rows, (r) => `      ${tile}[${r * LANES}u + lane] = acc${r};`)}
      let rowsHere = select(0u, min(${rows}u, p.m - m0), n + lane * 4u < p.n);
      var at = (yStart + m0 * p.yRow) / 4u + column;
      for (var r = 0u; r < rowsHere; r++) {
        var sum = ${tile}[r * ${LANES}u + lane];
        ${passes ? 'if (k0 > 0u) { sum += y[at]; }' : ''}
        ${passes ? 'if (k0 + depth < p.k) { y[at] = sum; } else { finish(at, column, sum); }' : 'finish(at, column, sum);'}
        at += p.yRow / 4u;
      }
    }
  }`,
)}`;
}
