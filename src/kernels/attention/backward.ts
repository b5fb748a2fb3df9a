import { type ArrayOf, type BufferSpec, defineKernel, main, wgsl } from '../../device/kernel.ts';
import { rowsPerWorkgroup, specialize } from './forward.ts';
import {
  type AttentionParams,
  attentionCases,
  attentionParams,
  keepBitsSize,
  keepWords,
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
import { keyValueGradientWorkgroup, queryGradientWorkgroup } from './workgroup.ts';

/**
 * Gradients of attention by probabilities computed anew from each row's statistics (Dao et al. 2022, arXiv 2205.14135,
 * algorithm 4). Each gradient has one owner for each of its rows, so that sums always run in the same order.
 */

const WORKGROUP_SIZE = 64;

/**
 * What both gradients need of each query row: its largest score, 1 / Σ exp, and Σ dy y, which is Σ probability times the
 * probability's gradient. y, dy: [rows, size], stats: [rows, 2], terms: [rows, 4], the last of each unused.
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
  terms[row] = V(stats[row * 2u], 1.0 / stats[row * 2u + 1u], hsum(dot), 0.0);`,
)}`,
  reference({ y, dy, stats, terms }, { rows, size }) {
    for (let r = 0; r < rows; r++) {
      let dot = 0;
      for (let i = r * size; i < (r + 1) * size; i++) dot += y[i] * dy[i];
      terms.set([stats[r * 2], 1 / stats[r * 2 + 1], dot, 0], r * 4);
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
 * dkv: the gradient of k, [batch, keys, heads, size], and `keyGradientSize` elements on that of v: one buffer, since eight
 * is all that adapters must bind.
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

/** Where one score's operands start, its probability after dropout, and the gradient of q k before scaling. */
interface Score {
  qAt: number;
  kAt: number;
  yAt: number;
  keyGradAt: number;
  weight: number;
  dScore: number;
}
type Inputs = { [K in keyof typeof inputs]: ArrayOf<(typeof inputs)[K]['type']> };

/** Recomputes every score and shows it to `visit`. */
function forEachScore(
  buffers: Inputs,
  p: AttentionParams,
  visit: (buffers: Inputs, score: Score) => void,
): void {
  const { q, k, v, mask, keepBits, terms, dy } = buffers;
  const { batch, heads, length, keys, size, masks, scale, keepScale } = p;
  const words = keepWords(keys);
  const score: Score = { qAt: 0, kAt: 0, yAt: 0, keyGradAt: 0, weight: 0, dScore: 0 };
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const start = ([batchStride, head, , offset]: readonly number[]) =>
        b * batchStride + h * head + offset;
      const [qStart, kStart, vStart] = [start(p.q), start(p.k), start(p.v)];
      for (let r = 0; r < length; r++) {
        const row = (b * length + r) * heads + h;
        const keepAt = ((b * heads + h) * length + r) * words;
        const qAt = (score.qAt = qStart + r * p.q[2]);
        const yAt = (score.yAt = row * size);
        for (let c = 0; c < visibleKeys(r, p); c++) {
          const kAt = (score.kAt = kStart + c * p.k[2]);
          const vAt = vStart + c * p.v[2];
          let dot = 0;
          let dProb = 0;
          for (let d = 0; d < size; d++) {
            dot += q[qAt + d] * k[kAt + d];
            dProb += dy[yAt + d] * v[vAt + d];
          }
          const prob =
            Math.exp(Math.fround(dot * scale + mask[(b % masks) * keys + c]) - terms[row * 4]) *
            terms[row * 4 + 1];
          const keep =
            keepScale !== 1 && ((keepBits[keepAt + (c >>> 5)] >>> (c & 31)) & 1) === 0
              ? 0
              : keepScale;
          score.keyGradAt = ((b * keys + c) * heads + h) * size;
          score.weight = prob * keep;
          score.dScore = prob * (dProb * keep - terms[row * 4 + 2]) * scale;
          visit(buffers, score);
        }
      }
    }
  }
}
