import { defineKernel, main, wgsl } from '../gpu/kernel.ts';
import { dims, extent, forEachStrided, wgslStrided } from './shape.ts';

const GROUP = 256;

/** Writes `value` (its bits) over `count` words. */
export const fill = defineKernel({
  name: 'fill',
  params: { count: 'u32', bits: 'u32' },
  buffers: { y: { type: 'u32', access: 'write', size: (p) => p.count } },
  launch: (p) => Math.ceil(p.count / (GROUP * 4)),
  wgsl: () =>
    main(
      GROUP,
      `  let first = (group * ${GROUP}u + lane) * 4u;
  for (var i = first; i < min(first + 4u, p.count); i++) { y[i] = p.bits; }`,
    ),
  reference({ y }, { count, bits }) {
    y.fill(bits, 0, count);
  },
  cases: [
    { count: 333, bits: 0x3f800000 },
    { count: 1 << 20, bits: 0 },
  ],
});

/** Copies a strided view into a strided view of another buffer: y[at_y(i)] = x[at_x(i)], for every i of the shape. */
export const place = defineKernel({
  name: 'place',
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
  launch: (p) => Math.ceil(p.count / GROUP),
  wgsl: () => wgsl`
${wgslStrided('x')}
${wgslStrided('y')}
${main(
  GROUP,
  `  let i = group * ${GROUP}u + lane;
  if (i >= p.count) { return; }
  y[at_y(i)] = x[at_x(i)];`,
)}`,
  reference({ x, y }, p) {
    forEachStrided(p.rank, p.shape, [p.strides_x, p.strides_y], [p.offset_x, p.offset_y], (_, [from, to]) => {
      y[to] = x[from];
    });
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
    y: { type: 'V', access: 'readwrite', size: (p) => p.count },
  },
  specialize: (p) => ({ width: p.count % 4 === 0 ? 4 : 1 }),
  launch: (p, { width }) => Math.ceil(p.count / (GROUP * width)),
  wgsl: ({ width }) =>
    main(
      GROUP,
      `  let i = group * ${GROUP}u + lane;
  if (i * ${width}u < p.count) { y[i] += x[i]; }`,
    ),
  reference({ x, y }, { count }) {
    for (let i = 0; i < count; i++) y[i] += x[i];
  },
  cases: [{ count: 333 }, { count: 1 << 18 }],
});
