import { defineKernel, main, wgsl } from '../../device/kernel.ts';
import { flatConstants, flatGroups, flatMain } from '../kit/perElement.ts';
import { teamWgsl } from '../kit/perRow.ts';
import { along } from '../kit/splitAxis.ts';

/** Elements that one team sums. */
export const CHUNK = 4096;

/** Sums of squares over chunks: partial[first + c] = Σ x² over chunk c. x: [count], partial: at least first + ⌈count / 4096⌉. */
export const sumSquares = defineKernel({
  name: 'sumSquares',
  params: { count: 'u32', first: 'u32' },
  buffers: {
    x: { type: 'V', access: 'read', size: (p) => p.count },
    partial: {
      type: 'f32',
      access: 'readwrite',
      size: (p) => p.first + Math.ceil(p.count / CHUNK),
    },
  },
  specialize: (p, traits) => ({
    width: p.count % 4 === 0 ? 4 : 1,
    lanes: traits.subgroupSize || 64,
  }),
  launch: (p) => Math.ceil(p.count / CHUNK),
  axes: (p, step) => [
    {
      ...along(p, 'count', { x: 1 }, step, (at) => ({ first: p.first + at / CHUNK })),
      least: Math.max(CHUNK, step),
    },
  ],
  wgsl: (c, traits) => wgsl`
${teamWgsl(c, traits)}
${main(
  c.lanes,
  `  if (group * ${CHUNK}u >= p.count) { return; }
  var part = V(0.0);
  let end = min((group + 1u) * ${CHUNK}u, p.count) / ${c.width}u;
  for (var i = group * ${CHUNK / c.width}u + lane; i < end; i += ${c.lanes}u) { part += x[i] * x[i]; }
  let total = teamSum(hsum(part), lane);
  if (lane == 0u) { partial[p.first + group] = total; }`,
)}`,
  reference({ x, partial }, { count, first }) {
    for (let start = 0, c = first; start < count; start += CHUNK, c++) {
      let total = 0;
      for (let i = start; i < Math.min(start + CHUNK, count); i++) total += x[i] * x[i];
      partial[c] = total;
    }
  },
  cases: [
    { count: 333, first: 2 },
    { count: 1 << 20, first: 0 },
  ],
});

/**
 * Scales in place by min(1, maxNorm / (norm + 1e-6)), as PyTorch clips, but leaves zeros alone: gaps must not become NaN where the
 * norm is. x: [count], norm: [1].
 */
export const clipByNorm = defineKernel({
  name: 'clipByNorm',
  params: { count: 'u32', maxNorm: 'f32' },
  buffers: {
    norm: { type: 'f32', access: 'read', size: () => 1, fill: 'positive' },
    x: { type: 'V', access: 'update', size: (p) => p.count },
  },
  specialize: (p, traits) => ({ width: p.count % 4 === 0 ? 4 : 1, ...flatConstants(traits) }),
  launch: (p, c) => flatGroups(p.count / c.width, c),
  axes: (p, step) => [along(p, 'count', { x: 1 }, step)],
  wgsl: (c) => {
    // Nothing is to be done where the factor is 1.
    const count = `select(p.count / ${c.width}u, 0u, norm[0] + 1e-6 <= p.maxNorm)`;
    const ahead = 'let factor = p.maxNorm / (norm[0] + 1e-6);';
    return flatMain(c, count, 'x[i] = select(v * factor, v, v == V(0.0));', {
      reads: { v: 'x' },
      ahead,
    });
  },
  reference({ norm, x }, { count, maxNorm }) {
    if (norm[0] + 1e-6 <= maxNorm) return;
    const factor = maxNorm / (norm[0] + 1e-6);
    for (let i = 0; i < count; i++) if (x[i] !== 0) x[i] *= factor;
  },
  cases: [
    { count: 333, maxNorm: 0.5 },
    { count: 1 << 20, maxNorm: 100 },
  ],
});
