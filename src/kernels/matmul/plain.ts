import { main, wgsl } from '../../device/kernel.ts';
import { suitsBroadcast } from './broadcast.ts';
import { finishWgsl } from './epilogue.ts';
import { isVectorized, layoutOf, type MatmulParams, tileStartWgsl } from './shape.ts';
import type { Variant } from './variant.ts';

/**
 * One element of y per thread, any strides: for small products, and for those that `broadcast`
 * cannot take on software adapters.
 */
const TILE = 8;
/** Few elements and short sums: done before a better variant has started. Rule of thumb. */
const isSmall = (p: MatmulParams): boolean => p.m * p.n * p.batch0 * p.batch1 <= 1024 && p.k <= 64;

export const plain: Variant = {
  name: 'plain',
  constants(p, traits) {
    const needed = traits.software && !(suitsBroadcast(traits) && isVectorized(p, layoutOf(p)));
    return isSmall(p) || needed ? [{ variant: 'plain', width: 1 }] : [];
  },
  tile: () => ({ tileM: TILE, tileN: TILE }),
  wgsl: (_, epilogue) => wgsl`
${finishWgsl(epilogue)}
${main(
  TILE * TILE,
  `${tileStartWgsl(TILE, TILE)}
  let row = m0 + lane / ${TILE}u;
  let column = n0 + lane % ${TILE}u;
  if (row >= p.m || column >= p.n) { return; }
  var total = 0.0;
  for (var k = 0u; k < p.k; k++) {
    total += a[aStart + row * p.aRow + k * p.aCol] * b[bStart + k * p.bRow + column * p.bCol];
  }
  finish(yStart + row * p.yRow + column, biasOf(column), total);`,
)}`,
};
