import { main, wgsl } from '../../gpu/kernel.ts';
import { type Epilogue, finishWgsl } from './epilogue.ts';
import { tileStart } from './shape.ts';

/** One element of y a thread, any strides: for shapes too small or too odd for the others, such as a classifier's few labels. */
export const PLAIN_TILE = 8;

export const plainWgsl = (epilogue: Epilogue): string => wgsl`
${finishWgsl(epilogue)}
${main(
  PLAIN_TILE * PLAIN_TILE,
  `${tileStart(PLAIN_TILE, PLAIN_TILE)}
  let row = m0 + lane / ${PLAIN_TILE}u;
  let column = n0 + lane % ${PLAIN_TILE}u;
  if (row >= p.m || column >= p.n) { return; }
  var total = 0.0;
  for (var k = 0u; k < p.k; k++) {
    total += a[aStart + row * p.aRow + k * p.aCol] * b[bStart + k * p.bRow + column * p.bCol];
  }
  finish(yStart + row * p.yRow + column, column, total);`,
)}`;
