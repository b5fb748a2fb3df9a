import { defineKernel, main } from '../../device/kernel.ts';

/** Independent chains of vec4s per lane: enough to hide the latency of a multiply-add. */
const CHAINS = 8;
/** Multiply-adds of a chain in one round of the loop, unrolled. */
const LINKS = 4;
/** Lanes of a tile on the wasm device. */
const TILE = 64;
const chains = Array.from({ length: CHAINS }, (_, chain) => chain);

/**
 * Only multiply-adds, x ← x factor + term in independent chains: measures an adapter's peak. y: [4
 * lanes].
 */
export const multiplyAdd = defineKernel({
  name: 'multiplyAdd',
  params: { lanes: 'u32', rounds: 'u32', factor: 'f32', term: 'f32' },
  buffers: { y: { type: 'V', access: 'write', size: (p) => 4 * p.lanes } },
  // On a processor a workgroup is as wide as its vector registers.
  specialize: (_, { software }) => ({ group: software ? 8 : 256, width: 4 }),
  launch: (p, { group }) => Math.ceil(p.lanes / group),
  wgsl: ({ group }) =>
    main(
      group,
      `  let i = group * ${group}u + lane;
  if (i >= p.lanes) { return; }
  let factor = V(p.factor);
  let term = V(p.term);
  let first = V(0.0, 0.25, 0.5, 0.75) + f32(i % 64u);
  ${chains.map((c) => `var x${c} = first + ${c}.0;`).join(' ')}
  for (var round = 0u; round < p.rounds; round++) {
    ${Array(LINKS)
      .fill(chains.map((c) => `x${c} = fma(x${c}, factor, term);`).join(' '))
      .join('\n    ')}
  }
  y[i] = ${chains.map((c) => `x${c}`).join(' + ')};`,
    ),
  wasm: ({ lanes }) => ({
    phases: [{ entry: 'multiplyAdd', tiles: Math.ceil(lanes / TILE) }],
    words: [TILE],
  }),
  reference({ y }, { lanes, rounds, factor, term }) {
    for (let i = 0; i < 4 * lanes; i++) {
      const first = (Math.floor(i / 4) % 64) + 0.25 * (i % 4);
      let sum = 0;
      for (let chain = 0; chain < CHAINS; chain++) {
        let x = first + chain;
        for (let link = 0; link < LINKS * rounds; link++) x = x * factor + term;
        sum += x;
      }
      y[i] = sum;
    }
  },
  flops: (p) => 2 * 4 * CHAINS * LINKS * p.rounds * p.lanes,
  cases: [
    { lanes: 333, rounds: 0, factor: 0.75, term: 0.5 },
    { lanes: 1000, rounds: 3, factor: 0.75, term: 0.5 },
  ],
});
