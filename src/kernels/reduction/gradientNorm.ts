import { defineKernel, main, wgsl } from '../../device/kernel.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from '../kit/perElement.ts';
import { teamWgsl } from '../kit/perRow.ts';
import { splitAlong } from '../kit/splitAxis.ts';
import { elementTiles, rowTiles } from '../kit/wasmTiles.ts';

/** Elements that one team sums. */
export const CHUNK_SIZE = 4096;

/**
 * Sums of squares: partial[first + c] = Σ x² over chunk c. x: [count], partial: at least first +
 * ⌈count / 4096⌉.
 */
export const sumSquares = defineKernel({
  name: 'sumSquares',
  params: { count: 'u32', first: 'u32' },
  buffers: {
    x: { type: 'V', access: 'read', size: (p) => p.count },
    partial: {
      type: 'f32',
      access: 'readwrite',
      size: (p) => p.first + Math.ceil(p.count / CHUNK_SIZE),
    },
  },
  specialize: (p, traits) => ({
    width: p.count % 4 === 0 ? 4 : 1,
    lanes: traits.subgroupSize || 64,
  }),
  launch: (p) => Math.ceil(p.count / CHUNK_SIZE),
  splitAxes: (p, alignment) => [
    {
      ...splitAlong(p, 'count', { x: 1 }, alignment, (at) => ({
        first: p.first + at / CHUNK_SIZE,
      })),
      granularity: Math.max(CHUNK_SIZE, alignment),
    },
  ],
  wgsl: (c, traits) => wgsl`
${teamWgsl(c, traits)}
${main(
  c.lanes,
  `  if (group * ${CHUNK_SIZE}u >= p.count) { return; }
  var acc = V(0.0);
  let end = min((group + 1u) * ${CHUNK_SIZE}u, p.count) / ${c.width}u;
  for (var i = group * ${CHUNK_SIZE / c.width}u + lane; i < end; i += ${c.lanes}u) {
    acc += x[i] * x[i]; }
  let total = teamSum(hsum(acc), lane);
  if (lane == 0u) { partial[p.first + group] = total; }`,
)}`,
  wasm: ({ count }) => rowTiles('sumSquares', Math.ceil(count / CHUNK_SIZE), CHUNK_SIZE / 4),
  reference({ x, partial }, { count, first }) {
    for (let start = 0, c = first; start < count; start += CHUNK_SIZE, c++) {
      let total = 0;
      for (let i = start; i < Math.min(start + CHUNK_SIZE, count); i++) total += x[i] * x[i];
      partial[c] = total;
    }
  },
  cases: [
    { count: 333, first: 2 },
    { count: 1 << 20, first: 0 },
  ],
});

/**
 * Scales in place by min(1, maxNorm / (norm + 1e-6)), as PyTorch clips, but leaves zeros alone:
 * gaps must not become NaN when the norm is NaN. x: [count], norm: [1].
 */
export const clipByNorm = defineKernel({
  name: 'clipByNorm',
  params: { count: 'u32', maxNorm: 'f32' },
  buffers: {
    norm: { type: 'f32', access: 'read', size: () => 1, fill: 'positive' },
    x: { type: 'V', access: 'update', size: (p) => p.count },
  },
  specialize: (p, traits) => ({ width: p.count % 4 === 0 ? 4 : 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(p.count / c.width, c),
  splitAxes: (p, alignment) => [splitAlong(p, 'count', { x: 1 }, alignment)],
  wgsl: (c) => {
    // If the factor is 1 there is no work.
    const count = `select(p.count / ${c.width}u, 0u, norm[0] + 1e-6 <= p.maxNorm)`;
    const prologue = 'let factor = p.maxNorm / (norm[0] + 1e-6);';
    return perElementMain(c, count, 'x[i] = select(v * factor, v, v == V(0.0));', {
      reads: { v: 'x' },
      prologue,
    });
  },
  wasm: ({ count }) => elementTiles('clipByNorm', count),
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
