import { defineKernel, main, wgsl } from '../gpu/kernel.ts';
import { philox4x32, philoxWgsl } from './philox.ts';

const GROUP = 64;

/**
 * Dropout (Srivastava et al. 2014) with a mask that is drawn, not stored: element i of call c is kept where its random
 * word is at least `threshold` (rate · 2^32), and scaled by 1 / (1 - rate). The same launch on dy is the gradient.
 * `state` holds the key (two words) and the number of calls before this step; x, y: [count].
 */
export const dropout = defineKernel({
  name: 'dropout',
  params: { count: 'u32', call: 'u32', threshold: 'u32', scale: 'f32' },
  buffers: {
    state: { type: 'u32', access: 'read', size: () => 4, fill: { below: () => 1000 } },
    x: { type: 'f32', access: 'read', size: (p) => p.count },
    y: { type: 'f32', access: 'write', size: (p) => p.count },
  },
  launch: (p) => Math.ceil(p.count / (GROUP * 4)),
  wgsl: () => wgsl`
${philoxWgsl}
${main(
  GROUP,
  `  let block = group * ${GROUP}u + lane;
  if (block * 4u >= p.count) { return; }
  let random = philox(vec4<u32>(block, state[2] + p.call, 0u, 1u), vec2<u32>(state[0], state[1]));
  for (var j = 0u; j < min(4u, p.count - block * 4u); j++) {
    let i = block * 4u + j;
    y[i] = select(0.0, x[i] * p.scale, random[j] >= p.threshold);
  }`,
)}`,
  reference({ state, x, y }, { count, call, threshold, scale }) {
    const random = new Uint32Array(4);
    for (let i = 0; i < count; i++) {
      if (i % 4 === 0) philox4x32(i / 4, state[2] + call, 0, 1, state[0], state[1], random);
      y[i] = random[i % 4] >= threshold ? x[i] * scale : 0;
    }
  },
  cases: [
    { count: 333, call: 3, threshold: 0x80000000, scale: 2 },
    { count: 1 << 18, call: 7, threshold: 0x19999999, scale: 1 / 0.9 },
  ],
});
