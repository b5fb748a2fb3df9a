import { defineKernel, wgsl } from '../../device/kernel.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from '../kit/perElement.ts';
import { philox4x32, philoxWgsl } from '../kit/philox.ts';
import { splitAlong } from '../kit/splitAxis.ts';
import { elementTiles } from '../kit/wasmTiles.ts';

/** Parameters of a kernel that drops elements: position in the random numbers, and rate. */
export const dropoutParams = { call: 'u32', threshold: 'u32', scale: 'f32' } as const;
export const dropoutState = {
  type: 'u32',
  access: 'read',
  size: () => 4,
  fill: { below: () => 1000 },
} as const;

/**
 * WGSL function `drop(x, i)`: vector i of a tensor with some of its elements zeroed and the others
 * scaled by 1 / (1 - rate). Element e of call c is kept where word e mod 4 of the Philox block (e
 * div 4, c) is at least `threshold`, rate · 2^32. `state` holds the key (two words) and the number
 * of calls before this step.
 */
export const dropoutWgsl = ({ width }: { width: number }): string => wgsl`
${philoxWgsl}
fn randomWords(block: u32) -> vec4<u32> {
  return philox(vec4<u32>(block, state[2] + p.call, 0u, 1u), vec2<u32>(state[0], state[1]));
}
fn drop(x: V, i: u32) -> V {
  let random = ${width === 4 ? 'randomWords(i)' : 'randomWords(i / 4u)[i % 4u]'};
  return select(V(0.0), x * p.scale,
    random >= ${width === 4 ? 'vec4<u32>(p.threshold)' : 'p.threshold'});
}
`;

/** Factor of each element, 0 or `scale`: the mask that `drop` draws. */
export function dropoutFactors(
  state: Uint32Array,
  { call, threshold, scale }: { call: number; threshold: number; scale: number },
  count: number,
): Float32Array {
  const random = new Uint32Array(4);
  const factors = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    if (i % 4 === 0) philox4x32(i / 4, state[2] + call, 0, 1, state[0], state[1], random);
    factors[i] = random[i % 4] >= threshold ? scale : 0;
  }
  return factors;
}

/**
 * Dropout (Srivastava et al. 2014) with a mask that is drawn, not stored (see `dropoutWgsl`). The
 * same launch on dy gives the gradient. x, y: [count]; they begin with element `first` of the
 * tensor.
 */
export const dropout = defineKernel({
  name: 'dropout',
  params: { count: 'u32', first: 'u32', ...dropoutParams },
  buffers: {
    state: dropoutState,
    x: { type: 'V', access: 'read', size: (p) => p.count },
    y: { type: 'V', access: 'write', size: (p) => p.count },
  },
  specialize: (p, traits) => ({ width: p.count % 4 === 0 ? 4 : 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(p.count / c.width, c),
  splitAxes: (p, alignment) => [
    splitAlong(p, 'count', { x: 1, y: 1 }, alignment, (at) => ({ first: p.first + at })),
  ],
  wgsl: (c) => wgsl`
${dropoutWgsl(c)}
${perElementMain(c, `p.count / ${c.width}u`, `y[i] = drop(x[i], i + p.first / ${c.width}u);`)}`,
  wasm: ({ count }) => elementTiles('dropout', count),
  reference({ state, x, y }, p) {
    const factors = dropoutFactors(state, p, p.first + p.count).subarray(p.first);
    for (let i = 0; i < p.count; i++) y[i] = factors[i] === 0 ? 0 : x[i] * factors[i];
  },
  cases: [
    { count: 333, first: 0, call: 3, threshold: 0x80000000, scale: 2 },
    { count: 1 << 18, first: 64, call: 7, threshold: 0x19999999, scale: 1 / 0.9 },
  ],
});
