import { defineKernel, wgsl } from '../device/kernel.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from './kit/perElement.ts';
import { dims, extent, forEachStrided, stridedIndexWgsl } from './kit/shape.ts';
import { splitAlong, splitAlongShape } from './kit/splitAxis.ts';
import { elementTiles } from './kit/wasmTiles.ts';

/** Writes a value, given by its bits, over `count` words. */
export const fill = defineKernel({
  name: 'fill',
  params: { count: 'u32', bits: 'i32' },
  buffers: { y: { type: 'I', access: 'write', size: (p) => p.count } },
  specialize: (p, traits) => ({ width: p.count % 4 === 0 ? 4 : 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(p.count / c.width, c),
  splitAxes: (p, alignment) => [splitAlong(p, 'count', { y: 1 }, alignment)],
  wgsl: (c) => perElementMain(c, `p.count / ${c.width}u`, 'y[i] = I(p.bits);'),
  wasm: ({ count }) => elementTiles('fill', count),
  reference({ y }, { count, bits }) {
    y.fill(bits, 0, count);
  },
  cases: [
    { count: 333, bits: 0x3f800000 },
    { count: 1 << 20, bits: 0 },
  ],
});

/**
 * Copies a strided view into a strided view of another buffer: y[at_y(i)] = x[at_x(i)] for every i.
 */
export const storeStrided = defineKernel({
  name: 'storeStrided',
  params: {
    shape: 'dims',
    strides_x: 'dims',
    strides_y: 'dims',
    rank: 'u32',
    count: 'u32',
    offset_x: 'u32',
    offset_y: 'u32',
  },
  buffers: {
    x: {
      type: 'u32',
      access: 'read',
      size: (p) => extent(p.rank, p.shape, p.strides_x, p.offset_x),
      fill: { below: () => 99 },
    },
    y: {
      type: 'u32',
      access: 'readwrite',
      size: (p) => extent(p.rank, p.shape, p.strides_y, p.offset_y),
      fill: { below: () => 99 },
    },
  },
  specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(p.count, c),
  splitAxes: (p, alignment) => [splitAlongShape(p, { x: 'x', y: 'y' }, [], alignment)],
  wgsl: (c) => wgsl`
${stridedIndexWgsl('x')}
${stridedIndexWgsl('y')}
${perElementMain(c, 'p.count', 'y[at_y(i)] = x[at_x(i)];')}`,
  wasm: ({ count }) => elementTiles('storeStrided', count),
  reference({ x, y }, p) {
    forEachStrided(
      p.rank,
      p.shape,
      [p.strides_x, p.strides_y],
      [p.offset_x, p.offset_y],
      (_, [from, to]) => {
        y[to] = x[from];
      },
    );
  },
  cases: [
    {
      shape: dims([3, 5], 1),
      strides_x: dims([5, 1]),
      strides_y: dims([1, 4]),
      rank: 2,
      count: 15,
      offset_x: 0,
      offset_y: 2,
    },
    {
      shape: dims([512, 64], 1),
      strides_x: dims([64, 1]),
      strides_y: dims([256, 1]),
      rank: 2,
      count: 512 * 64,
      offset_x: 0,
      offset_y: 64,
    },
  ],
});

/** y += x, in place. */
export const accumulate = defineKernel({
  name: 'accumulate',
  params: { count: 'u32' },
  buffers: {
    x: { type: 'V', access: 'read', size: (p) => p.count },
    y: { type: 'V', access: 'update', size: (p) => p.count },
  },
  specialize: (p, traits) => ({ width: p.count % 4 === 0 ? 4 : 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(p.count / c.width, c),
  splitAxes: (p, alignment) => [splitAlong(p, 'count', { x: 1, y: 1 }, alignment)],
  wgsl: (c) => perElementMain(c, `p.count / ${c.width}u`, 'y[i] += x[i];'),
  wasm: ({ count }) => elementTiles('accumulate', count),
  reference({ x, y }, { count }) {
    for (let i = 0; i < count; i++) y[i] += x[i];
  },
  cases: [{ count: 333 }, { count: 1 << 18 }],
});
