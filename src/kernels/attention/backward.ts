import { type ArrayOf, type BufferSpec, defineKernel, main, wgsl } from '../../device/kernel.ts';
import { rowTiles } from '../kit/wasmTiles.ts';
import { rowsPerWorkgroup, specialize } from './forward.ts';
import { forEachQueryRow, isDropped } from './queryRows.ts';
import {
  type AttentionParams,
  attentionCases,
  attentionParams,
  keepBitsSize,
  keyGradientSize,
  kSize,
  maskSize,
  qSize,
  rowCount,
  scoreCount,
  visibleKeys,
  vSize,
  workgroupsFor,
} from './shape.ts';
import { keyValueGradientSubgroup, queryGradientSubgroup } from './subgroup.ts';
import { attentionTiles, keyTiles } from './wasm.ts';
import { keyValueGradientWorkgroup, queryGradientWorkgroup } from './workgroupGradients.ts';

/**
 * Gradients of attention, with probabilities recomputed from each row's statistics (Dao et al.
 * 2022, arXiv 2205.14135, algorithm 4). Each gradient has one owner for each of its rows, so that
 * sums always run in the same order.
 */

const WORKGROUP_SIZE = 64;

/**
 * Inputs of both gradients per query row: its largest score, 1 / Σ exp, and Σ dy y, which equals Σ
 * probability times the probability's gradient. y, dy: [rows, size], stats: [rows, 2], terms:
 * [rows, 4], the last of each unused.
 */
export const attentionTerms = defineKernel({
  name: 'attentionTerms',
  params: { rows: 'u32', size: 'u32' },
  buffers: {
    y: { type: 'V', access: 'read', size: (p) => p.rows * p.size },
    dy: { type: 'V', access: 'read', size: (p) => p.rows * p.size },
    stats: { type: 'f32', access: 'read', size: (p) => p.rows * 2 },
    terms: { type: 'V', access: 'write', size: (p) => p.rows * 4 },
  },
  specialize: () => ({ width: 4 }),
  launch: (p) => Math.ceil(p.rows / WORKGROUP_SIZE),
  wgsl: () => wgsl`
${main(
  WORKGROUP_SIZE,
  `  let row = group * ${WORKGROUP_SIZE}u + lane;
  if (row >= p.rows) { return; }
  var dot = V(0.0);
  for (var i = row * p.size / 4u; i < (row + 1u) * p.size / 4u; i++) { dot += y[i] * dy[i]; }
  let expSum = stats[row * 2u + 1u];
  let divisor = select(expSum, 1.0, expSum == 0.0);
  terms[row] = V(stats[row * 2u], 1.0 / divisor, hsum(dot), 0.0);`,
)}`,
  wasm: ({ rows, size }) => rowTiles('attentionTerms', rows, size),
  reference({ y, dy, stats, terms }, { rows, size }) {
    for (let r = 0; r < rows; r++) {
      let dot = 0;
      for (let i = r * size; i < (r + 1) * size; i++) dot += y[i] * dy[i];
      const expSum = stats[r * 2 + 1];
      terms.set([stats[r * 2], 1 / (expSum === 0 ? 1 : expSum), dot, 0], r * 4);
    }
  },
  cases: [
    { rows: 35, size: 12 },
    { rows: 15360, size: 64 },
  ],
});

const inputs = {
  q: { type: 'V', access: 'read', size: qSize },
  k: { type: 'V', access: 'read', size: kSize },
  v: { type: 'V', access: 'read', size: vSize },
  mask: { type: 'f32', access: 'read', size: maskSize },
  keepBits: { type: 'u32', access: 'read', size: keepBitsSize, fill: { below: () => 2 ** 32 } },
  terms: { type: 'V', access: 'read', size: (p) => rowCount(p) * 4, fill: 'positive' },
  dy: { type: 'V', access: 'read', size: (p) => rowCount(p) * p.size },
} as const satisfies Record<string, BufferSpec<AttentionParams>>;

/** dq: [batch, length, heads, size]. terms: see `attentionTerms`; the rest as in `attention`. */
export const attentionQueryGradient = defineKernel({
  name: 'attentionQueryGradient',
  params: attentionParams,
  buffers: { ...inputs, dq: { type: 'V', access: 'write', size: (p) => rowCount(p) * p.size } },
  specialize,
  launch: (p, constants) => workgroupsFor(p, p.length, rowsPerWorkgroup(constants)),
  wgsl: (constants) =>
    constants.variant === 'subgroup'
      ? queryGradientSubgroup(constants)
      : queryGradientWorkgroup(constants),
  wasm: (p) => attentionTiles('attentionQueryGradient', p, 2),
  reference({ dq, ...rest }, p) {
    const sums = new Float64Array(dq.length);
    forEachScore(rest, p, ({ k }, { yAt, kAt, dScore }) => {
      for (let d = 0; d < p.size; d++) sums[yAt + d] += dScore * k[kAt + d];
    });
    dq.set(sums);
  },
  flops: (p) => 6 * scoreCount(p) * p.size,
  cases: attentionCases,
});

/**
 * dkv: the gradient of k, [batch, keys, heads, size], and `keyGradientSize` elements further the
 * gradient of v: one buffer, since adapters need not bind more than eight.
 */
export const attentionKeyValueGradient = defineKernel({
  name: 'attentionKeyValueGradient',
  params: attentionParams,
  buffers: { ...inputs, dkv: { type: 'V', access: 'write', size: (p) => 2 * keyGradientSize(p) } },
  specialize,
  launch: (p, constants) => workgroupsFor(p, p.keys, rowsPerWorkgroup(constants)),
  wgsl: (constants) =>
    constants.variant === 'subgroup'
      ? keyValueGradientSubgroup(constants)
      : keyValueGradientWorkgroup(constants),
  wasm: (p) => keyTiles('attentionKeyValueGradient', p),
  reference({ dkv, ...rest }, p) {
    const [dk, dv] = [0, 1].map(() => new Float64Array(p.batch * p.keys * p.heads * p.size));
    forEachScore(rest, p, ({ q, dy }, { qAt, yAt, keyGradAt, weight, dScore }) => {
      for (let d = 0; d < p.size; d++) {
        dk[keyGradAt + d] += dScore * q[qAt + d];
        dv[keyGradAt + d] += weight * dy[yAt + d];
      }
    });
    dkv.set(dk);
    dkv.set(dv, keyGradientSize(p));
  },
  flops: (p) => 8 * scoreCount(p) * p.size,
  cases: attentionCases,
});

/**
 * Start of one score's operands, its probability after dropout, and the gradient of q k before
 * scaling.
 */
interface Score {
  qAt: number;
  kAt: number;
  yAt: number;
  keyGradAt: number;
  weight: number;
  dScore: number;
}
type Inputs = { [K in keyof typeof inputs]: ArrayOf<(typeof inputs)[K]['type']> };

/** Recomputes every score and passes it to `visit`. */
function forEachScore(
  buffers: Inputs,
  p: AttentionParams,
  visit: (buffers: Inputs, score: Score) => void,
): void {
  const { q, k, v, mask, keepBits, terms, dy } = buffers;
  const { heads, keys, size, masks, scale, keepScale } = p;
  const score: Score = { qAt: 0, kAt: 0, yAt: 0, keyGradAt: 0, weight: 0, dScore: 0 };
  forEachQueryRow(p, ({ b, h, r, row, qAt, kStart, vStart, keepAt }) => {
    score.qAt = qAt;
    const yAt = (score.yAt = row * size);
    const [rowMax, inverseExpSum, dot] = terms.subarray(row * 4, row * 4 + 3);
    for (let c = 0; c < visibleKeys(r, p); c++) {
      const kAt = (score.kAt = kStart + c * p.k[2]);
      const vAt = vStart + c * p.v[2];
      let product = 0;
      let dProb = 0;
      for (let d = 0; d < size; d++) {
        product += q[qAt + d] * k[kAt + d];
        dProb += dy[yAt + d] * v[vAt + d];
      }
      const logit = Math.fround(product * scale + mask[(b % masks) * keys + c]);
      const prob = Math.exp(logit - rowMax) * inverseExpSum;
      const keep = keepScale !== 1 && isDropped(keepBits, keepAt, c) ? 0 : keepScale;
      score.keyGradAt = ((b * keys + c) * heads + h) * size;
      score.weight = prob * keep;
      score.dScore = prob * (dProb * keep - dot) * scale;
      visit(buffers, score);
    }
  });
}
