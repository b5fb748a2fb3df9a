import { defineKernel } from '../../device/kernel.ts';
import type { Traits } from '../../device/traits.ts';
import { maxAndExpSum } from '../normalization/softmax.ts';
import {
  type AttentionParams,
  attentionCases,
  attentionParams,
  keepBitsSize,
  keepWords,
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
import { forwardWorkgroup, workgroupRows } from './workgroup.ts';

export interface AttentionConstants extends Record<string, string | number | boolean> {
  variant: 'subgroup' | 'workgroup';
  vectors: number;
  dropout: boolean;
  causal: boolean;
  width: number;
}

/** Which variant suits the adapter; each is made for one size of a head. */
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
 * y = dropout(softmax(scale q kᵀ + mask)) v, without storing the scores: the softmax is taken online, and what was summed
 * so far shrinks when a larger score comes (Dao et al. 2022, arXiv 2205.14135; Dao 2023, arXiv 2307.08691, §3.1).
 * Shapes as in `attentionParams`; keepBits: see `attentionKeepBits`. stats: [batch, length, heads, 2], each row's largest score and
 * Σ exp(score - largest). Their log-sum-exp alone would not do: where all keys are masked, the mask swallows the logarithm.
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
  reference({ q, k, v, mask, keepBits, y, stats }, p) {
    const { batch, heads, length, keys, size, masks, scale, keepScale } = p;
    const words = keepWords(keys);
    const scores = new Float32Array(keys);
    const sums = new Float64Array(size);
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < heads; h++) {
        const start = ([batchStride, head, , offset]: readonly number[]) =>
          b * batchStride + h * head + offset;
        const [qStart, kStart, vStart] = [start(p.q), start(p.k), start(p.v)];
        for (let r = 0; r < length; r++) {
          const qAt = qStart + r * p.q[2];
          const visible = visibleKeys(r, p);
          for (let c = 0; c < visible; c++) {
            const kAt = kStart + c * p.k[2];
            let dot = 0;
            for (let d = 0; d < size; d++) dot += q[qAt + d] * k[kAt + d];
            scores[c] = dot * scale + mask[(b % masks) * keys + c];
          }
          const { rowMax, expSum } = maxAndExpSum(scores, 0, visible);
          const keepAt = ((b * heads + h) * length + r) * words;
          sums.fill(0);
          for (let c = 0; c < visible; c++) {
            if (keepScale !== 1 && ((keepBits[keepAt + (c >>> 5)] >>> (c & 31)) & 1) === 0)
              continue;
            const weight = (Math.exp(scores[c] - rowMax) / expSum) * keepScale;
            const vAt = vStart + c * p.v[2];
            for (let d = 0; d < size; d++) sums[d] += weight * v[vAt + d];
          }
          const row = (b * length + r) * heads + h;
          y.set(sums, row * size);
          stats[row * 2] = rowMax;
          stats[row * 2 + 1] = expSum;
        }
      }
    }
  },
  flops: (p) => 4 * scoreCount(p) * p.size,
  cases: attentionCases,
});
