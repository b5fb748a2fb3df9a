/** Gradients of attention with scores in workgroup memory; see workgroup.ts for the tiles. */
import { main } from '../../device/kernel.ts';
import { headAndTileWgsl } from './shape.ts';
import {
  addRow,
  declarations,
  ifKeepBit,
  keepBitsOfTile,
  keyTiles,
  ownStart,
  ownVectors,
  storeOwn,
  visibleEnd,
  visibleKeyRange,
  WORKGROUP_SIZE,
  type WorkgroupConstants,
  walkTiles,
  workgroupRows,
} from './workgroup.ts';

export const queryGradientWorkgroup = ({
  vectors,
  dropout,
  causal,
}: WorkgroupConstants): string => `
${declarations(vectors, ['scores', 'dProbs'])}
${main(
  WORKGROUP_SIZE,
  `${headAndTileWgsl('p.length', workgroupRows(vectors))}
${ownStart(vectors, 'p.length')}
  let at = (b * p.length + clampedRow) * p.heads + h;
  let term = terms[at];
${ownVectors(
  vectors,
  {
    ownQ: 'q[qStart + clampedRow * qStep + d] * p.scale',
    ownDy: `dy[at
  * ${vectors}u + d] * p.keepScale`,
  },
  ['sums'],
)}
${walkTiles(
  vectors,
  visibleKeyRange(vectors, causal),
  keyTiles,
  { scores: { own: 'ownQ', tile: 'left' }, dProbs: { own: 'ownDy', tile: 'right' } },
  `${keepBitsOfTile(dropout)}
    for (var other = start; other < ${visibleEnd(causal)}; other++) {
      let prob = exp(scoresOf(other - start, lane) + mask[maskStart + other] - term.x) * term.y;
      let dScore = prob * (${ifKeepBit(dropout, 'dProbsOf(other - start, lane)')} - term.z);
${addRow(vectors, [{ sums: 'sums', weight: 'dScore', tile: 'left' }])}
    }`,
)}
${storeOwn(vectors, 'p.length', [`dq[at * ${vectors}u + d] = sums[i] * p.scale;`])}`,
)}`;

export const keyValueGradientWorkgroup = ({
  vectors,
  dropout,
  causal,
}: WorkgroupConstants): string => `
${declarations(vectors, ['scores', 'dProbs'])}
${main(
  WORKGROUP_SIZE,
  `${headAndTileWgsl('p.keys', workgroupRows(vectors))}
${ownStart(vectors, 'p.keys')}
  let bias = mask[maskStart + clampedRow];
${ownVectors(
  vectors,
  {
    ownK: 'k[kStart + clampedRow * kStep + d] * p.scale',
    ownV: 'v[vStart + clampedRow * vStep + d]',
  },
  ['sumsK', 'sumsV'],
)}
${walkTiles(
  vectors,
  // Queries before the first own key do not see it.
  [causal ? 'first' : '0u', 'p.length'],
  {
    left: 'q[qStart + other * qStep + d]',
    right: `dy[((b * p.length + other) * p.heads + h) * ${vectors}u + d]`,
  },
  { scores: { own: 'ownK', tile: 'left' }, dProbs: { own: 'ownV', tile: 'right' } },
  `    for (var other = ${causal ? 'max(start, clampedRow)' : 'start'}; other < end; other++) {
      let term = terms[(b * p.length + other) * p.heads + h];
      let prob = exp(scoresOf(other - start, lane) + bias - term.x) * term.y;
${
  dropout
    ? `      let keepWord = keepBits[keepStart + other * ((p.keys + 31u) / 32u) + clampedRow / 32u];
      let keep = select(0.0, p.keepScale, ((keepWord >> (clampedRow % 32u)) & 1u) == 1u);`
    : '      let keep = 1.0;'
}
      let weight = prob * keep;
      let dScore = prob * (dProbsOf(other - start, lane) * keep - term.z);
${addRow(vectors, [
  { sums: 'sumsK', weight: 'dScore', tile: 'left' },
  { sums: 'sumsV', weight: 'weight', tile: 'right' },
])}
    }`,
)}
  let at = ((b * p.keys + clampedRow) * p.heads + h) * ${vectors}u;
  let values = (p.batch * p.keys * p.heads * ${vectors}u + 15u) / 16u * 16u;
${storeOwn(vectors, 'p.keys', [
  'dkv[at + d] = sumsK[i] * p.scale;',
  'dkv[values + at + d] = sumsV[i];',
])}`,
)}`;
