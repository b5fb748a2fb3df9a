import { defineKernel } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { maxAndExpSum } from '../normalization/softmax.ts';
import { forEachQueryRow, isDropped, type QueryRow } from './queryRows.ts';
import {
  type AttentionParams,
  attentionCases,
  attentionParams,
  keepBitsSize,
  kSize,
  maskSize,
  qSize,
  rowCount,
  scoreCount,
  visibleKeys,
  vSize,
  workgroupsFor,
} from './shape.ts';
import { forwardSubgroup, SUBGROUP_ROWS, SUBGROUP_SIZE } from './subgroup.ts';
import { attentionTiles } from './wasm.ts';
import { forwardWorkgroup, workgroupRows } from './workgroup.ts';

export interface AttentionConstants extends Record<string, string | number | boolean> {
  variant: 'subgroup' | 'workgroup';
  vectors: number;
  dropout: boolean;
  causal: boolean;
  width: number;
}

/** Chooses the variant for the adapter; its text is generated for one size of a head. */
export function specialize(p: AttentionParams, traits: Traits): AttentionConstants {
  const variant =
    traits.software && traits.subgroupSize === SUBGROUP_SIZE ? 'subgroup' : 'workgroup';
  return {
    variant,
    vectors: p.size / 4,
    dropout: p.keepScale !== 1,
    causal: p.causal === 1,
    width: 4,
  };
}

/** Rows that a workgroup owns. */
export const rowsPerWorkgroup = ({ variant, vectors }: AttentionConstants): number =>
  variant === 'subgroup' ? SUBGROUP_ROWS : workgroupRows(vectors);

/**
 * y = dropout(softmax(scale q kᵀ + mask)) v, without storing the scores: the softmax is computed
 * online, and the sums so far are rescaled when a larger score comes (Dao et al. 2022, arXiv
 * 2205.14135; Dao 2023, arXiv 2307.08691, §3.1). Shapes as in `attentionParams`; keepBits: see
 * `attentionKeepBits`. stats: [batch, length, heads, 2], each row's largest score and Σ exp(score -
 * largest). Their log-sum-exp alone is not enough: if all keys are masked, the mask absorbs the
 * logarithm.
 */
export const attention = defineKernel({
  name: 'attention',
  params: attentionParams,
  buffers: {
    q: { type: 'V', access: 'read', size: qSize },
    k: { type: 'V', access: 'read', size: kSize },
    v: { type: 'V', access: 'read', size: vSize },
    mask: { type: 'f32', access: 'read', size: maskSize },
    keepBits: { type: 'u32', access: 'read', size: keepBitsSize, fill: { below: () => 2 ** 32 } },
    y: { type: 'V', access: 'write', size: (p) => rowCount(p) * p.size },
    stats: { type: 'f32', access: 'write', size: (p) => rowCount(p) * 2 },
  },
  specialize,
  launch: (p, constants) => workgroupsFor(p, p.length, rowsPerWorkgroup(constants)),
  wgsl: (constants) =>
    constants.variant === 'subgroup' ? forwardSubgroup(constants) : forwardWorkgroup(constants),
  wasm: (p) => attentionTiles('attention', p, 1),
  reference({ y, stats, ...inputs }, p) {
    const scores = new Float32Array(p.keys);
    const sums = new Float64Array(p.size);
    forEachQueryRow(p, (query) => {
      const { rowMax, expSum } = attendRow(inputs, p, query, scores, sums);
      y.set(sums, query.row * p.size);
      stats[query.row * 2] = rowMax;
      stats[query.row * 2 + 1] = expSum;
    });
  },
  flops: (p) => 4 * scoreCount(p) * p.size,
  cases: attentionCases,
});

type Inputs = Record<'q' | 'k' | 'v' | 'mask', Float32Array> & { keepBits: Uint32Array };

/** One row of y, into `sums`, and its statistics; `scores` has room for a score per key. */
function attendRow(
  { q, k, v, mask, keepBits }: Inputs,
  p: AttentionParams,
  { b, r, qAt, kStart, vStart, keepAt }: QueryRow,
  scores: Float32Array,
  sums: Float64Array,
): { rowMax: number; expSum: number } {
  const { keys, size, masks, scale, keepScale } = p;
  const visible = visibleKeys(r, p);
  for (let c = 0; c < visible; c++) {
    const kAt = kStart + c * p.k[2];
    let dot = 0;
    for (let d = 0; d < size; d++) dot += q[qAt + d] * k[kAt + d];
    scores[c] = dot * scale + mask[(b % masks) * keys + c];
  }
  const { rowMax, expSum } = maxAndExpSum(scores, 0, visible);
  const divisor = expSum === 0 ? 1 : expSum;
  sums.fill(0);
  for (let c = 0; c < visible; c++) {
    if (keepScale !== 1 && isDropped(keepBits, keepAt, c)) continue;
    const weight = (Math.exp(scores[c] - rowMax) / divisor) * keepScale;
    const vAt = vStart + c * p.v[2];
    for (let d = 0; d < size; d++) sums[d] += weight * v[vAt + d];
  }
  return { rowMax, expSum };
}
