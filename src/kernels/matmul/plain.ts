import { main, wgsl } from '../../device/kernel.ts';
import { cascadeWgsl } from '../kit/cascade.ts';
import { suitsBroadcast } from './broadcast.ts';
import { finishWgsl } from './epilogue.ts';
import { isLong, isVectorized, layoutOf, type MatmulParams, tileStartWgsl } from './shape.ts';
import type { MatmulConstants, Variant } from './variant.ts';

/**
 * One element of y per thread, any strides: for small products, and on the software adapters that
 * take `broadcast` for those that are not in whole vec4s.
 */
const TILE = 8;
/** Few elements and short sums: done before a better variant has started. Rule of thumb. */
const isSmall = (p: MatmulParams): boolean => p.m * p.n * p.batch0 * p.batch1 <= 1024 && p.k <= 64;

const term = 'a[aStart + row * p.aRow + k * p.aCol] * b[bStart + k * p.bRow + column * p.bCol]';
const longSumWgsl = cascadeWgsl({
  sums: ['total'],
  type: 'f32',
  variable: 'k',
  from: '0u',
  to: 'p.k',
  step: 1,
  block: 32,
  body: `part_total += ${term};`,
});

export const plain: Variant<MatmulConstants & { long: boolean }> = {
  name: 'plain',
  constants(p, traits) {
    const needed = suitsBroadcast(traits) && !isVectorized(p, layoutOf(p));
    return isSmall(p) || needed ? [{ variant: 'plain', width: 1, long: isLong(p) }] : [];
  },
  tile: () => ({ tileM: TILE, tileN: TILE }),
  wgsl: ({ long }, epilogue) => wgsl`
${finishWgsl(epilogue)}
${main(
  TILE * TILE,
  `${tileStartWgsl(TILE, TILE)}
  let row = m0 + lane / ${TILE}u;
  let column = n0 + lane % ${TILE}u;
  if (row >= p.m || column >= p.n) { return; }
${long ? longSumWgsl : `var total = 0.0; for (var k = 0u; k < p.k; k++) { total += ${term}; }`}
  finish(yStart + row * p.yRow + column, biasOf(column), total);`,
)}`,
};
