import { main, wgsl } from '../../gpu/kernel.ts';
import { type Epilogue, finishWgsl } from './epilogue.ts';
import { type Layout, tileStart } from './shape.ts';

/**
 * Register-tiled matmul: 64 × 64 of y a workgroup of 256, 4 × 4 a thread, 16 places of k at a time through shared memory.
 * For adapters with real workgroup memory. Any strides; the layout only decides which way neighbouring threads read.
 */
export const TILE = 64;
const DEPTH = 16;
const THREADS = 256;

export function tiledWgsl(layout: Layout, epilogue: Epilogue): string {
  // Neighbouring threads take neighbouring addresses: along k where that is adjacent, else along the other dimension.
  const place = (alongK: boolean) =>
    alongK ? `let k = e % ${DEPTH}u; let t = e / ${DEPTH}u;` : `let k = e / ${TILE}u; let t = e % ${TILE}u;`;
  const fill = (name: string, alongK: boolean, first: string, limit: string, step: string, kStep: string) => `
    for (var e = lane; e < ${TILE * DEPTH}u; e += ${THREADS}u) {
      ${place(alongK)}
      let inside = ${first} + t < ${limit} && k0 + k < p.k;
      let at = select(0u, ${name}Start + (${first} + t) * ${step} + (k0 + k) * ${kStep}, inside);
      ${name}Tile[k * ${TILE}u + t] = select(0.0, ${name}[at], inside);
    }`;
  return wgsl`
var<workgroup> aTile: array<f32, ${TILE * DEPTH}>;
var<workgroup> bTile: array<f32, ${TILE * DEPTH}>;
${finishWgsl(epilogue)}
${main(
  THREADS,
  `${tileStart(TILE, TILE)}
  let tm = (lane / 16u) * 4u;
  let tn = (lane % 16u) * 4u;
  var acc: array<vec4<f32>, 4>;
  for (var k0 = 0u; k0 < p.k; k0 += ${DEPTH}u) {
    ${fill('a', layout !== 'TN', 'm0', 'p.m', 'p.aRow', 'p.aCol')}
    ${fill('b', layout === 'NT', 'n0', 'p.n', 'p.bCol', 'p.bRow')}
    workgroupBarrier();
    for (var k = 0u; k < ${DEPTH}u; k++) {
      let at = k * ${TILE}u;
      let vb = vec4<f32>(bTile[at + tn], bTile[at + tn + 1u], bTile[at + tn + 2u], bTile[at + tn + 3u]);
      for (var r = 0u; r < 4u; r++) { acc[r] += aTile[at + tm + r] * vb; }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let row = m0 + tm + r;
      let column = n0 + tn + c;
      if (row < p.m && column < p.n) { finish(yStart + row * p.yRow + column, column, acc[r][c]); }
    }
  }`,
)}`;
}
