import { defineKernel, wgsl } from '../../device/kernel.ts';
import { bitsOf, fromHalfBits, type HalfKind, halfWgsl, toHalfBits } from '../kit/half.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from '../kit/perElement.ts';
import { dims, extent, forEachStrided, stridedIndexWgsl } from '../kit/shape.ts';

/**
 * float16 and bfloat16 in memory: two to a word, the first in the lower half. Kernels compute in
 * float32, so that these are the only ones that know the formats.
 */

const params = {
  shape: 'dims',
  strides_x: 'dims',
  rank: 'u32',
  count: 'u32',
  offset_x: 'u32',
} as const;

const cases = [
  { shape: dims([3, 5], 1), strides_x: dims([5, 1]), rank: 2, count: 15, offset_x: 0 },
  { shape: dims([5, 8], 1), strides_x: dims([1, 5]), rank: 2, count: 40, offset_x: 3 },
  { shape: dims([4096], 1), strides_x: dims([1]), rank: 1, count: 4096, offset_x: 0 },
];

/** Packs a strided view of float32 into halves. x: strided, packed: [⌈count / 2⌉] words. */
const definePack = (name: string, kind: HalfKind) =>
  defineKernel({
    name,
    params,
    buffers: {
      x: {
        type: 'f32',
        access: 'read',
        size: (p) => extent(p.rank, p.shape, p.strides_x, p.offset_x),
      },
      packed: { type: 'u32', access: 'write', size: (p) => Math.ceil(p.count / 2) },
    },
    specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
    launch: (p, c) => perElementWorkgroups(Math.ceil(p.count / 2), c),
    wgsl: (c) => wgsl`
${stridedIndexWgsl('x')}
${halfWgsl[kind]}
${perElementMain(
  c,
  '(p.count + 1u) / 2u',
  `var pair = toHalf(bitcast<u32>(x[at_x(2u * i)]));
    if (2u * i + 1u < p.count) { pair |= toHalf(bitcast<u32>(x[at_x(2u * i + 1u)])) << 16u; }
    packed[i] = pair;`,
)}`,
    reference({ x, packed }, p) {
      packed.fill(0, 0, Math.ceil(p.count / 2));
      forEachStrided(p.rank, p.shape, [p.strides_x], [p.offset_x], (i, [at]) => {
        packed[i >> 1] |= toHalfBits(x[at], kind) << (16 * (i & 1));
      });
    },
    cases,
  });
export const packFloat16 = definePack('packFloat16', 'float16');
export const packBfloat16 = definePack('packBfloat16', 'bfloat16');

/** Unpacks a strided view; strides and offset count halves. y: [count], bits of float32. */
const defineUnpack = (name: string, kind: HalfKind) =>
  defineKernel({
    name,
    params,
    buffers: {
      packed: {
        type: 'u32',
        access: 'read',
        size: (p) => Math.ceil(extent(p.rank, p.shape, p.strides_x, p.offset_x) / 2),
        fill: { below: () => 0x3f80 },
      },
      y: { type: 'u32', access: 'write', size: (p) => p.count },
    },
    specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
    launch: (p, c) => perElementWorkgroups(p.count, c),
    wgsl: (c) => wgsl`
${stridedIndexWgsl('x')}
${halfWgsl[kind]}
${perElementMain(
  c,
  'p.count',
  `let at = at_x(i);
    y[i] = fromHalf((packed[at / 2u] >> (16u * (at % 2u))) & 0xffffu);`,
)}`,
    reference({ packed, y }, p) {
      forEachStrided(p.rank, p.shape, [p.strides_x], [p.offset_x], (i, [at]) => {
        y[i] = bitsOf(fromHalfBits((packed[at >> 1] >>> (16 * (at & 1))) & 0xffff, kind));
      });
    },
    cases,
  });
export const unpackFloat16 = defineUnpack('unpackFloat16', 'float16');
export const unpackBfloat16 = defineUnpack('unpackBfloat16', 'bfloat16');
