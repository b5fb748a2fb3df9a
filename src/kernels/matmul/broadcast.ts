import { main, wgsl } from '../../gpu/kernel.ts';
import { type Epilogue, finishWgsl } from './epilogue.ts';
import { type Layout, tileStart } from './shape.ts';

/**
 * Subgroup-broadcast matmul: one subgroup a workgroup, no shared memory, no barriers. Each lane loads a vec4 of a row
 * (or column) of a; every lane then uses all of them by broadcast, against its own columns of b.
 * For adapters where loads are dear and barriers dearer: software ones.
 */
const ROWS = 16;

/** The tile of y that one subgroup makes. */
export function broadcastTile(layout: Layout, lanes: number): { tileM: number; tileN: number } {
  if (layout === 'TN') return { tileM: 4 * lanes, tileN: 4 * lanes };
  return { tileM: ROWS, tileN: 4 * lanes };
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const lines = (n: number, line: (i: number) => string): string => range(n).map(line).join('\n');

export function broadcastWgsl(layout: Layout, epilogue: Epilogue, lanes: number): string {
  const { tileM, tileN } = broadcastTile(layout, lanes);
  const body = { NN: bodyNN, NT: bodyNT, TN: bodyTN }[layout as 'NN' | 'NT' | 'TN'];
  return wgsl`
${finishWgsl(epilogue)}
${main(lanes, `${tileStart(tileM, tileN)}\n${body(lanes)}`)}`;
}

/** Rows past the end are read as the last row and not stored. */
const aRows = (lanes: number) =>
  lines(ROWS / lanes, (j) => `  let aAt${j} = (aStart + min(m0 + ${j * lanes}u + lane, p.m - 1u) * p.aRow) / 4u;`);

const bodyNN = (lanes: number) => `
${aRows(lanes)}
  let column = min(n0 / 4u + lane, p.n / 4u - 1u);
  let step = p.bRow / 4u;
  var bAt = bStart / 4u + column;
${lines(ROWS, (r) => `  var acc${r} = V(0.0);`)}
  for (var k = 0u; k < p.k / 4u; k++) {
${lines(ROWS / lanes, (j) => `    let a${j} = a[aAt${j} + k];`)}
${lines(4, (kk) => `    let b${kk} = b[bAt];\n    bAt += step;`)}
${lines(ROWS, (r) =>
  range(4)
    .map((kk) => `    acc${r} += subgroupBroadcast(a${Math.floor(r / lanes)}[${kk}], ${r % lanes}u) * b${kk};`)
    .join('\n'),
)}
  }
  if (n0 + lane * 4u >= p.n) { return; }
${lines(ROWS, (r) => `  if (m0 + ${r}u < p.m) { finish((yStart + (m0 + ${r}u) * p.yRow) / 4u + column, column, acc${r}); }`)}`;

const bodyNT = (lanes: number) => `
${aRows(lanes)}
  let column = min(n0 / 4u + lane, p.n / 4u - 1u);
${lines(4, (c) => `  let bAt${c} = (bStart + (column * 4u + ${c}u) * p.bCol) / 4u;`)}
${lines(ROWS, (r) => `  var acc${r} = V(0.0);`)}
  for (var k = 0u; k < p.k / 4u; k++) {
${lines(ROWS / lanes, (j) => `    let a${j} = a[aAt${j} + k];`)}
    let b = transpose(mat4x4<f32>(${range(4)
      .map((c) => `b[bAt${c} + k]`)
      .join(', ')}));
${lines(ROWS, (r) =>
  range(4)
    .map((kk) => `    acc${r} += subgroupBroadcast(a${Math.floor(r / lanes)}[${kk}], ${r % lanes}u) * b[${kk}];`)
    .join('\n'),
)}
  }
  if (n0 + lane * 4u >= p.n) { return; }
${lines(ROWS, (r) => `  if (m0 + ${r}u < p.m) { finish((yStart + (m0 + ${r}u) * p.yRow) / 4u + column, column, acc${r}); }`)}`;

const bodyTN = (lanes: number) => `
  let row = min(m0 / 4u + lane, p.m / 4u - 1u);
  let column = min(n0 / 4u + lane, p.n / 4u - 1u);
  var aAt = aStart / 4u + row;
  var bAt = bStart / 4u + column;
${lines(4 * lanes, (r) => `  var acc${r} = V(0.0);`)}
  for (var k = 0u; k < p.k; k++) {
    let va = a[aAt];
    let vb = b[bAt];
    aAt += p.aCol / 4u;
    bAt += p.bRow / 4u;
${lines(4 * lanes, (r) => `    acc${r} += subgroupBroadcast(va[${r % 4}], ${Math.floor(r / 4)}u) * vb;`)}
  }
  if (n0 + lane * 4u >= p.n) { return; }
${lines(4 * lanes, (r) => `  if (m0 + ${r}u < p.m) { finish((yStart + (m0 + ${r}u) * p.yRow) / 4u + column, column, acc${r}); }`)}`;
