import { defineKernel } from '../../device/kernel.ts';
import { FLOAT32_MAX } from '../kit/float32.ts';
import { LOWEST_F32, perRow, perRowWgsl, type RowWalk, rowWalk } from '../kit/perRow.ts';
import { splitAlong } from '../kit/splitAxis.ts';
import { rowTiles } from '../kit/wasmTiles.ts';

const cases = [
  { rows: 3, cols: 5 },
  { rows: 384, cols: 128 },
  { rows: 4096, cols: 48 },
  { rows: 7, cols: 1001 },
];
const params = { rows: 'u32', cols: 'u32' } as const;
type P = { rows: number; cols: number };
const elements = (p: P) => p.rows * p.cols;

/**
 * WGSL: the maximum (`rowMax`) of a row's values `v` and the sum (`expSum`) of exp(v - rowMax),
 * which cannot overflow. `extraBody` runs in the second walk, where `term` stands for exp(v -
 * rowMax).
 */
export const maxAndExpSumWgsl = (
  row: RowWalk,
  extraBody = '',
  term = 'exp(v - rowMax)',
): string => `  ${row.load}
  var laneMax = V(${LOWEST_F32});
  ${row.forEachVector('laneMax = max(laneMax, v);')}
  let rowMax = teamMax(hmax(laneMax), lane);
  var laneSum = V(0.0);
  ${row.forEachVector(`laneSum += ${term}; ${extraBody}`, ['laneSum'])}
  let expSum = teamSum(hsum(laneSum), lane);`;

/** Row softmax over the last axis: y = exp(x - max x) / Σ exp(x - max x). x, y: [rows, cols]. */
export const softmax = defineKernel({
  name: 'softmax',
  params,
  cases,
  buffers: {
    x: { type: 'V', access: 'read', size: elements },
    y: { type: 'V', access: 'write', size: elements },
  },
  ...perRow,
  splitAxes: (p, alignment) => [splitAlong(p, 'rows', { x: p.cols, y: p.cols }, alignment)],
  wgsl: perRowWgsl((c) => {
    const row = rowWalk(c, { v: 'x[i]' });
    return `${maxAndExpSumWgsl(row)}
  ${row.forEachVector('y[i] = exp(v - rowMax) / expSum;')}`;
  }),
  wasm: ({ rows, cols }) => rowTiles('softmax', rows, cols),
  reference({ x, y }, { rows, cols }) {
    for (let r = 0; r < rows; r++) {
      const { rowMax, expSum } = maxAndExpSum(x, r * cols, cols);
      for (let i = r * cols; i < (r + 1) * cols; i++) y[i] = Math.exp(x[i] - rowMax) / expSum;
    }
  },
});

const scoreCases = [0, 2, 24].flatMap((causalRows) =>
  cases.map((p) => ({ ...p, scale: 0.125, rowsPerMask: 3, causalRows })),
);

/**
 * Attention's softmax: y = softmax(scale x + mask), where `rowsPerMask` successive rows share a row
 * of the mask. If `causalRows` is not 0, row r covers only columns 0 to r % causalRows and is 0 in
 * the others, whatever the mask. A row whose columns are all hidden by -Infinity is 0. x, y: [rows,
 * cols], mask: [⌈rows / rowsPerMask⌉, cols].
 */
export const maskedSoftmax = defineKernel({
  name: 'maskedSoftmax',
  params: { ...params, scale: 'f32', rowsPerMask: 'u32', causalRows: 'u32' },
  buffers: {
    x: { type: 'V', access: 'read', size: elements },
    mask: { type: 'V', access: 'read', size: (p) => Math.ceil(p.rows / p.rowsPerMask) * p.cols },
    y: { type: 'V', access: 'write', size: elements },
  },
  specialize: (p, traits) => ({ ...perRow.specialize(p, traits), causal: p.causalRows > 0 }),
  launch: perRow.launch,
  wgsl: perRowWgsl((c) => {
    const isVisible =
      c.width === 4
        ? 'vec4<u32>(c * 4u) + vec4<u32>(0u, 1u, 2u, 3u) <= vec4<u32>(lastVisible)'
        : 'c <= lastVisible';
    const ifVisible = (value: string, other: string) =>
      c.causal ? `select(V(${other}), ${value}, ${isVisible})` : value;
    const weight = ifVisible('exp(v - rowMax)', '0.0');
    const row = rowWalk(c, { v: ifVisible('x[i] * p.scale + mask[maskStart + c]', LOWEST_F32) });
    return `  let maskStart = (row / p.rowsPerMask) * cols;
  ${c.causal ? 'let lastVisible = row % p.causalRows;' : ''}
${maxAndExpSumWgsl(row, '', weight)}
  let divisor = select(expSum, 1.0, expSum == 0.0);
  ${row.forEachVector(`y[i] = ${weight} / divisor;`)}`;
  }),
  wasm: ({ rows, cols }) => rowTiles('maskedSoftmax', rows, cols),
  reference({ x, mask, y }, { rows, cols, scale, rowsPerMask, causalRows }) {
    const row = new Float32Array(cols);
    for (let r = 0; r < rows; r++) {
      const maskStart = Math.floor(r / rowsPerMask) * cols;
      const visible = causalRows > 0 ? Math.min(cols, (r % causalRows) + 1) : cols;
      for (let c = 0; c < visible; c++) row[c] = x[r * cols + c] * scale + mask[maskStart + c];
      const { rowMax, expSum } = maxAndExpSum(row, 0, visible);
      const divisor = expSum === 0 ? 1 : expSum;
      for (let c = 0; c < cols; c++)
        y[r * cols + c] = c < visible ? Math.exp(row[c] - rowMax) / divisor : 0;
    }
  },
  cases: scoreCases,
});

/** Gradient of softmax(scale x + …) from its result: dx = scale y (dy - Σ y dy). */
export const softmaxBackward = defineKernel({
  name: 'softmaxBackward',
  params: { ...params, scale: 'f32' },
  buffers: {
    dy: { type: 'V', access: 'read', size: elements },
    y: { type: 'V', access: 'read', size: elements },
    dx: { type: 'V', access: 'write', size: elements },
  },
  ...perRow,
  splitAxes: (p, alignment) => [
    splitAlong(p, 'rows', { dy: p.cols, y: p.cols, dx: p.cols }, alignment),
  ],
  wgsl: perRowWgsl((c) => {
    const row = rowWalk(c, { v: 'y[i]', g: 'dy[i]' });
    return `  ${row.load}
  var laneSum = V(0.0);
  ${row.forEachVector('laneSum += v * g;', ['laneSum'])}
  let dot = teamSum(hsum(laneSum), lane);
  ${row.forEachVector('dx[i] = p.scale * v * (g - dot);')}`;
  }),
  wasm: ({ rows, cols }) => rowTiles('softmaxBackward', rows, cols),
  reference({ dy, y, dx }, { rows, cols, scale }) {
    for (let r = 0; r < rows; r++) {
      let dot = 0;
      for (let i = r * cols; i < (r + 1) * cols; i++) dot += y[i] * dy[i];
      for (let i = r * cols; i < (r + 1) * cols; i++) dx[i] = scale * y[i] * (dy[i] - dot);
    }
  },
  cases: cases.map((p) => ({ ...p, scale: 0.5 })),
});

/** Row log-softmax over the last axis: y = x - max x - log Σ exp(x - max x). x, y: [rows, cols]. */
export const logSoftmax = defineKernel({
  name: 'logSoftmax',
  params,
  cases,
  buffers: {
    x: { type: 'V', access: 'read', size: elements },
    y: { type: 'V', access: 'write', size: elements },
  },
  ...perRow,
  splitAxes: (p, alignment) => [splitAlong(p, 'rows', { x: p.cols, y: p.cols }, alignment)],
  wgsl: perRowWgsl((c) => {
    const row = rowWalk(c, { v: 'x[i]' });
    return `${maxAndExpSumWgsl(row)}
  let shift = log(expSum);
  ${row.forEachVector('y[i] = v - rowMax - shift;')}`;
  }),
  wasm: ({ rows, cols }) => rowTiles('logSoftmax', rows, cols),
  reference({ x, y }, { rows, cols }) {
    for (let r = 0; r < rows; r++) {
      const { rowMax, expSum } = maxAndExpSum(x, r * cols, cols);
      for (let i = r * cols; i < (r + 1) * cols; i++) y[i] = x[i] - rowMax - Math.log(expSum);
    }
  },
});

/** Gradient of log-softmax from its result: dx = dy - exp(y) Σ dy. */
export const logSoftmaxBackward = defineKernel({
  name: 'logSoftmaxBackward',
  params,
  cases,
  buffers: {
    dy: { type: 'V', access: 'read', size: elements },
    y: { type: 'V', access: 'read', size: elements },
    dx: { type: 'V', access: 'write', size: elements },
  },
  ...perRow,
  splitAxes: (p, alignment) => [
    splitAlong(p, 'rows', { dy: p.cols, y: p.cols, dx: p.cols }, alignment),
  ],
  wgsl: perRowWgsl((c) => {
    const row = rowWalk(c, { g: 'dy[i]' });
    return `  ${row.load}
  var laneSum = V(0.0);
  ${row.forEachVector('laneSum += g;', ['laneSum'])}
  let total = teamSum(hsum(laneSum), lane);
  ${row.forEachVector('dx[i] = g - exp(y[i]) * total;')}`;
  }),
  wasm: ({ rows, cols }) => rowTiles('logSoftmaxBackward', rows, cols),
  reference({ dy, y, dx }, { rows, cols }) {
    for (let r = 0; r < rows; r++) {
      let total = 0;
      for (let i = r * cols; i < (r + 1) * cols; i++) total += dy[i];
      for (let i = r * cols; i < (r + 1) * cols; i++) dx[i] = dy[i] - Math.exp(y[i]) * total;
    }
  },
});

/** Maximum of a row and Σ exp(x - maximum), in float64. */
export function maxAndExpSum(
  x: Float32Array,
  start: number,
  cols: number,
): { rowMax: number; expSum: number } {
  let rowMax = -FLOAT32_MAX;
  for (let i = start; i < start + cols; i++) rowMax = Math.max(rowMax, x[i]);
  let expSum = 0;
  for (let i = start; i < start + cols; i++) expSum += Math.exp(x[i] - rowMax);
  return { rowMax, expSum };
}
