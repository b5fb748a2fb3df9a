import { defineKernel, wgsl } from '../device/kernel.ts';
import { perRow, rowText, walkRow } from './kit/perRow.ts';
import { along } from './kit/splitAxis.ts';
import { logSumExp, sumExp } from './normalization/softmax.ts';

/**
 * Cross-entropy of rows of logits with labels. The `classes` columns of the logits may come in parts, one launch each, in
 * order: `x` holds those from `first` on, so that logits over a large vocabulary need never exist all at once.
 */

const params = {
  rows: 'u32',
  cols: 'u32',
  first: 'u32',
  classes: 'u32',
  ignoreIndex: 'i32',
  smoothing: 'f32',
} as const;
type P = {
  rows: number;
  cols: number;
  first: number;
  classes: number;
  ignoreIndex: number;
  smoothing: number;
};
const cases: P[] = [
  { rows: 17, cols: 2, first: 0, classes: 2, ignoreIndex: -100, smoothing: 0 },
  { rows: 33, cols: 17, first: 0, classes: 17, ignoreIndex: 1, smoothing: 0.1 },
  { rows: 128, cols: 8000, first: 0, classes: 8000, ignoreIndex: -100, smoothing: 0 },
  { rows: 65, cols: 100, first: 64, classes: 200, ignoreIndex: 7, smoothing: 0.1 },
  { rows: 65, cols: 36, first: 164, classes: 200, ignoreIndex: -100, smoothing: 0.1 },
];
const elements = (p: P) => p.rows * p.cols;
const labels = {
  type: 'i32',
  access: 'read',
  size: (p: P) => p.rows,
  fill: { below: (p: P) => p.classes },
} as const;
/** What is known of a row so far: its maximum, Σ exp(x - maximum), the label's logit, Σ (x - maximum). */
const STATE = 4;
const state = { type: 'f32', size: (p: P) => p.rows * STATE, fill: 'positive' } as const;

/**
 * loss = logsumexp(x) - (1-s) x[label] - s mean(x), written with the last part; 0 where the label is ignored; s is the label
 * smoothing (Szegedy et al. 2016, §7). `state`, [rows, 4], goes from part to part and to the gradient: maximum and sum stay
 * apart, since their joint logarithm would round large logits. A label that is neither ignored nor a class gives NaN.
 * x: [rows, cols], labels, loss: [rows].
 */
export const crossEntropy = defineKernel({
  name: 'crossEntropy',
  params,
  buffers: {
    x: { type: 'V', access: 'read', size: elements },
    labels,
    state: { ...state, access: 'readwrite' },
    loss: { type: 'f32', access: 'write', size: (p) => p.rows },
  },
  ...perRow,
  axes: (p, step) => [along(p, 'rows', { x: p.cols, labels: 1, state: STATE, loss: 1 }, step)],
  wgsl: rowText((c) => {
    const row = walkRow(c, { v: 'x[i]' });
    return wgsl`
  var above = V(0.0);
${sumExp(row, 'above += v - most;')}
  let rest = teamSum(hsum(above), lane);
  if (seat == 0u && !spare) {
    let at = row * ${STATE}u;
    var before = vec4<f32>(most, 0.0, 0.0, 0.0);
    if (p.first > 0u) { before = vec4<f32>(state[at], state[at + 1u], state[at + 2u], state[at + 3u]); }
    let label = labels[row];
    let column = u32(label) - p.first;
    var picked = before.z;
    if (label >= 0 && column < p.cols) {
      let place = row * p.cols + column;
      picked = ${c.width === 4 ? 'x[place / 4u][place % 4u]' : 'x[place]'};
    }
    let high = max(before.x, most);
    let total = before.y * exp(before.x - high) + mass * exp(most - high);
    let sum = before.w + f32(p.first) * (before.x - high) + rest + f32(p.cols) * (most - high);
    state[at] = high;
    state[at + 1u] = total;
    state[at + 2u] = picked;
    state[at + 3u] = sum;
    if (p.first + p.cols == p.classes) {
      let known = label >= 0 && label < i32(p.classes);
      let smoothed = select(p.smoothing * sum / f32(p.classes), 0.0, p.smoothing == 0.0);
      let value = log(total) - (1.0 - p.smoothing) * (picked - high) - smoothed;
      let nan = bitcast<f32>(p.rows | 0x7fc00000u);
      loss[row] = select(select(nan, value, known), 0.0, label == p.ignoreIndex);
    }
  }`;
  }),
  reference({ x, labels, state, loss }, { rows, cols, first, classes, ignoreIndex, smoothing }) {
    for (let r = 0; r < rows; r++) {
      const part = logSumExp(x, r * cols, cols);
      const before = first > 0 ? state.subarray(r * STATE, (r + 1) * STATE) : [part.high, 0, 0, 0];
      const high = Math.max(before[0], part.high);
      const total =
        before[1] * Math.exp(before[0] - high) + part.total * Math.exp(part.high - high);
      const column = labels[r] - first;
      const picked = column >= 0 && column < cols ? x[r * cols + column] : before[2];
      let sum = before[3] + first * (before[0] - high);
      for (let i = r * cols; i < (r + 1) * cols; i++) sum += x[i] - high;
      state.set([high, total, picked, sum], r * STATE);
      if (first + cols < classes) continue;
      const known = labels[r] >= 0 && labels[r] < classes;
      const smoothed = smoothing === 0 ? 0 : (smoothing * sum) / classes;
      const value = Math.log(total) - (1 - smoothing) * (picked - high) - smoothed;
      loss[r] = labels[r] === ignoreIndex ? 0 : known ? value : Number.NaN;
    }
  },
  cases,
});

/** Gradient by a part of the logits: dx = dloss (softmax(x) - (1-s) onehot(label) - s/classes), 0 where ignored. dloss: [rows]. */
export const crossEntropyBackward = defineKernel({
  name: 'crossEntropyBackward',
  params,
  buffers: {
    dloss: { type: 'f32', access: 'read', size: (p) => p.rows },
    x: { type: 'V', access: 'read', size: elements },
    labels,
    state: { ...state, access: 'read' },
    dx: { type: 'V', access: 'write', size: elements },
  },
  ...perRow,
  axes: (p, step) => [
    along(p, 'rows', { dloss: 1, x: p.cols, labels: 1, state: STATE, dx: p.cols }, step),
  ],
  wgsl: rowText((c) => {
    const columns = c.width === 4 ? 'i32(c * 4u) + I(0, 1, 2, 3)' : 'i32(c)';
    return wgsl`
  let label = labels[row];
  let ignored = label == p.ignoreIndex;
  let scale = dloss[row];
  let high = state[row * ${STATE}u];
  let total = state[row * ${STATE}u + 1u];
  let share = V(p.smoothing / f32(p.classes));
  let hit = I(label - i32(p.first));
  ${walkRow(c, {}).each(`
    let wanted = share + select(V(0.0), V(1.0 - p.smoothing), ${columns} == hit);
    dx[i] = select(scale * (exp(x[i] - high) / total - wanted), V(0.0), ignored);`)}`;
  }),
  reference(
    { dloss, x, labels, state, dx },
    { rows, cols, first, classes, ignoreIndex, smoothing },
  ) {
    for (let r = 0; r < rows; r++) {
      const [high, total] = state.subarray(r * STATE, r * STATE + 2);
      for (let c = 0; c < cols; c++) {
        const i = r * cols + c;
        const wanted = smoothing / classes + (first + c === labels[r] ? 1 - smoothing : 0);
        dx[i] = labels[r] === ignoreIndex ? 0 : dloss[r] * (Math.exp(x[i] - high) / total - wanted);
      }
    }
  },
  cases,
});

/** Room for `state`, in numbers. */
export const crossEntropyState = (rows: number): number => rows * STATE;
