import { defineKernel } from '../../device/kernel.ts';
import { LOWEST, perRow, type RowWalk, rowText, walkRow } from '../kit/perRow.ts';
import { along } from '../kit/splitAxis.ts';

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
 * WGSL: the maximum (`most`) of a row's values `v` and the sum (`mass`) of exp(v - most), which cannot overflow.
 * `also` is done in the second walk, and `weight` taken for exp(v - most).
 */
export const sumExp = (row: RowWalk, also = '', weight = 'exp(v - most)'): string => `  ${row.read}
  var top = V(${LOWEST});
  ${row.each('top = max(top, v);')}
  let most = teamMax(hmax(top), lane);
  var part = V(0.0);
  ${row.each(`part += ${weight}; ${also}`)}
  let mass = teamSum(hsum(part), lane);`;

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
  axes: (p, step) => [along(p, 'rows', { x: p.cols, y: p.cols }, step)],
  wgsl: rowText((c) => {
    const row = walkRow(c, { v: 'x[i]' });
    return `${sumExp(row)}
  ${row.each('y[i] = exp(v - most) / mass;')}`;
  }),
  reference({ x, y }, { rows, cols }) {
    for (let r = 0; r < rows; r++) {
      const { high, total } = logSumExp(x, r * cols, cols);
      for (let i = r * cols; i < (r + 1) * cols; i++) y[i] = Math.exp(x[i] - high) / total;
    }
  },
});

const scoreCases = [0, 2, 24].flatMap((causalRows) =>
  cases.map((p) => ({ ...p, scale: 0.125, rowsPerMask: 3, causalRows })),
);

/**
 * Attention's softmax: y = softmax(scale x + mask), where `rowsPerMask` rows in turn share a row of the mask. Unless
 * `causalRows` is 0, row r is over columns 0 to r % causalRows only, and 0 in the others, whatever the mask.
 * x, y: [rows, cols], mask: [⌈rows / rowsPerMask⌉, cols].
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
  wgsl: rowText((c) => {
    const seen =
      c.width === 4
        ? 'vec4<u32>(c * 4u) + vec4<u32>(0u, 1u, 2u, 3u) <= vec4<u32>(reach)'
        : 'c <= reach';
    const ifSeen = (value: string, other: string) =>
      c.causal ? `select(V(${other}), ${value}, ${seen})` : value;
    const weight = ifSeen('exp(v - most)', '0.0');
    const row = walkRow(c, { v: ifSeen('x[i] * p.scale + mask[maskStart + c]', LOWEST) });
    return `  let maskStart = (row / p.rowsPerMask) * cols;
  ${c.causal ? 'let reach = row % p.causalRows;' : ''}
${sumExp(row, '', weight)}
  ${row.each(`y[i] = ${weight} / mass;`)}`;
  }),
  reference({ x, mask, y }, { rows, cols, scale, rowsPerMask, causalRows }) {
    const row = new Float32Array(cols);
    for (let r = 0; r < rows; r++) {
      const maskStart = Math.floor(r / rowsPerMask) * cols;
      const seen = causalRows > 0 ? Math.min(cols, (r % causalRows) + 1) : cols;
      for (let c = 0; c < seen; c++) row[c] = x[r * cols + c] * scale + mask[maskStart + c];
      const { high, total } = logSumExp(row, 0, seen);
      for (let c = 0; c < cols; c++)
        y[r * cols + c] = c < seen ? Math.exp(row[c] - high) / total : 0;
    }
  },
  cases: scoreCases,
});

/** Gradient of softmax(scale x + …) by its result: dx = scale y (dy - Σ y dy). */
export const softmaxBackward = defineKernel({
  name: 'softmaxBackward',
  params: { ...params, scale: 'f32' },
  buffers: {
    dy: { type: 'V', access: 'read', size: elements },
    y: { type: 'V', access: 'read', size: elements },
    dx: { type: 'V', access: 'write', size: elements },
  },
  ...perRow,
  axes: (p, step) => [along(p, 'rows', { dy: p.cols, y: p.cols, dx: p.cols }, step)],
  wgsl: rowText((c) => {
    const row = walkRow(c, { v: 'y[i]', g: 'dy[i]' });
    return `  ${row.read}
  var part = V(0.0);
  ${row.each('part += v * g;')}
  let dot = teamSum(hsum(part), lane);
  ${row.each('dx[i] = p.scale * v * (g - dot);')}`;
  }),
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
  axes: (p, step) => [along(p, 'rows', { x: p.cols, y: p.cols }, step)],
  wgsl: rowText((c) => {
    const row = walkRow(c, { v: 'x[i]' });
    return `${sumExp(row)}
  let shift = log(mass);
  ${row.each('y[i] = v - most - shift;')}`;
  }),
  reference({ x, y }, { rows, cols }) {
    for (let r = 0; r < rows; r++) {
      const { high, total } = logSumExp(x, r * cols, cols);
      for (let i = r * cols; i < (r + 1) * cols; i++) y[i] = x[i] - high - Math.log(total);
    }
  },
});

/** Gradient of log-softmax by its result: dx = dy - exp(y) Σ dy. */
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
  axes: (p, step) => [along(p, 'rows', { dy: p.cols, y: p.cols, dx: p.cols }, step)],
  wgsl: rowText((c) => {
    const row = walkRow(c, { g: 'dy[i]' });
    return `  ${row.read}
  var part = V(0.0);
  ${row.each('part += g;')}
  let total = teamSum(hsum(part), lane);
  ${row.each('dx[i] = g - exp(y[i]) * total;')}`;
  }),
  reference({ dy, y, dx }, { rows, cols }) {
    for (let r = 0; r < rows; r++) {
      let total = 0;
      for (let i = r * cols; i < (r + 1) * cols; i++) total += dy[i];
      for (let i = r * cols; i < (r + 1) * cols; i++) dx[i] = dy[i] - Math.exp(y[i]) * total;
    }
  },
});

/** Maximum of a row and Σ exp(x - maximum), in float64. */
export function logSumExp(
  x: Float32Array,
  start: number,
  cols: number,
): { high: number; total: number } {
  let high = -3.4028234663852886e38;
  for (let i = start; i < start + cols; i++) high = Math.max(high, x[i]);
  let total = 0;
  for (let i = start; i < start + cols; i++) total += Math.exp(x[i] - high);
  return { high, total };
}
