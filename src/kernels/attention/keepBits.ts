import { defineKernel, main, wgsl } from '../../device/kernel.ts';
import { dropoutParams, dropoutState, dropoutWgsl } from '../elementwise/dropout.ts';
import { philox4x32 } from '../kit/philox.ts';
import { rowTiles } from '../kit/wasmTiles.ts';
import { keepWords } from './shape.ts';

const WORKGROUP_SIZE = 64;

/**
 * Which probabilities dropout keeps, one bit each: the same as the dropout kernel keeps of a [rows,
 * keys] tensor at the same call, drawn once for a forward and its backward. keepBits: [rows, ⌈keys
 * / 32⌉]; column c is bit c % 32 of word ⌊c / 32⌋.
 */
export const attentionKeepBits = defineKernel({
  name: 'attentionKeepBits',
  params: { rows: 'u32', keys: 'u32', ...dropoutParams },
  buffers: {
    state: dropoutState,
    keepBits: { type: 'u32', access: 'write', size: (p) => p.rows * keepWords(p.keys) },
  },
  specialize: () => ({ width: 4 }),
  launch: (p) => Math.ceil((p.rows * keepWords(p.keys)) / WORKGROUP_SIZE),
  wgsl: () => wgsl`
${dropoutWgsl({ width: 4 })}
${main(
  WORKGROUP_SIZE,
  `  let words = (p.keys + 31u) / 32u;
  let at = group * ${WORKGROUP_SIZE}u + lane;
  if (at >= p.rows * words) { return; }
  let column = at % words * 32u;
  let first = at / words * p.keys + column;
  let end = first + min(32u, p.keys - column);
  var word = 0u;
  for (var block = first / 4u; block * 4u < end; block++) {
    let random = randomWords(block);
    for (var j = 0u; j < 4u; j++) {
      let i = block * 4u + j;
      if (i >= first && i < end && random[j] >= p.threshold) { word |= 1u << (i - first); }
    }
  }
  keepBits[at] = word;`,
)}`,
  wasm: ({ rows, keys }) => rowTiles('attentionKeepBits', rows, keys),
  reference({ state, keepBits }, { rows, keys, call, threshold }) {
    const words = keepWords(keys);
    const random = new Uint32Array(4);
    keepBits.fill(0);
    for (let i = 0; i < rows * keys; i++) {
      if (i % 4 === 0) philox4x32(i / 4, state[2] + call, 0, 1, state[0], state[1], random);
      const c = i % keys;
      if (random[i % 4] >= threshold)
        keepBits[Math.floor(i / keys) * words + (c >>> 5)] |= 1 << (c & 31);
    }
  },
  cases: [
    { rows: 7, keys: 35, call: 3, threshold: 0x80000000, scale: 2 },
    { rows: 15360, keys: 40, call: 7, threshold: 0x19999999, scale: 1 / 0.9 },
  ],
});
