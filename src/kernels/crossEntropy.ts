import { defineKernel, wgsl } from '../device/kernel.ts';
import { perRow, perRowWgsl, rowWalk } from './kit/perRow.ts';
import { splitAlong } from './kit/splitAxis.ts';
import { rowTiles } from './kit/wasmTiles.ts';
import { maxAndExpSum, maxAndExpSumWgsl } from './normalization/softmax.ts';

/**
 * Cross-entropy of rows of logits with labels. The `classes` columns of the logits may come in
 * parts, one launch per part, in order: `x` holds the columns from `first` on. So the logits of a
 * large vocabulary never exist all at once.
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
/** Numbers kept per row: its maximum, Σ exp(x - maximum), the label's logit, Σ (x - maximum). */
const STATE_SIZE = 4;
const state = { type: 'f32', size: (p: P) => p.rows * STATE_SIZE, fill: 'positive' } as const;

/**
 * loss = logsumexp(x) - (1-s) x[label] - s mean(x), where s is the label smoothing (Szegedy et al.
 * 2016, §7). The last part writes it; it is 0 for ignored labels and NaN for labels that are
 * neither ignored nor a class. `state`, [rows, 4], carries over from part to part and to the
 * gradient. It keeps maximum and sum apart, since their joint logarithm would round large logits.
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
  splitAxes: (p, alignment) => [
    splitAlong(p, 'rows', { x: p.cols, labels: 1, state: STATE_SIZE, loss: 1 }, alignment),
  ],
  wgsl: perRowWgsl((c) => {
    const row = rowWalk(c, { v: 'x[i]' });
    return wgsl`
  var laneShifted = V(0.0);
${maxAndExpSumWgsl(row, 'laneShifted += v - rowMax;')}
  let shiftedSum = teamSum(hsum(laneShifted), lane);
  if (laneInTeam == 0u && !isSpare) {
    let at = row * ${STATE_SIZE}u;
    var previous = vec4<f32>(rowMax, 0.0, 0.0, 0.0);
    if (p.first > 0u) { previous = vec4<f32>(state[at], state[at + 1u], state[at + 2u], state[at
      + 3u]); }
    let label = labels[row];
    let column = u32(label) - p.first;
    var labelLogit = previous.z;
    if (label >= 0 && column < p.cols) {
      let labelAt = row * p.cols + column;
      labelLogit = ${c.width === 4 ? 'x[labelAt / 4u][labelAt % 4u]' : 'x[labelAt]'};
    }
    let runningMax = max(previous.x, rowMax);
    let runningExpSum = previous.y * exp(previous.x - runningMax) + expSum
      * exp(rowMax - runningMax);
    let runningShiftedSum = previous.w + f32(p.first) * (previous.x - runningMax) + shiftedSum
      + f32(p.cols) * (rowMax - runningMax);
    state[at] = runningMax;
    state[at + 1u] = runningExpSum;
    state[at + 2u] = labelLogit;
    state[at + 3u] = runningShiftedSum;
    if (p.first + p.cols == p.classes) {
      let isValid = label >= 0 && label < i32(p.classes);
      let smoothingTerm = select(p.smoothing * runningShiftedSum / f32(p.classes), 0.0,
        p.smoothing == 0.0);
      let value = log(runningExpSum) - (1.0 - p.smoothing) * (labelLogit - runningMax)
        - smoothingTerm;
      let nan = bitcast<f32>(p.rows | 0x7fc00000u);
      loss[row] = select(select(nan, value, isValid), 0.0, label == p.ignoreIndex);
    }
  }`;
  }),
  wasm: ({ rows, cols }) => rowTiles('crossEntropy', rows, cols),
  reference({ x, labels, state, loss }, { rows, cols, first, classes, ignoreIndex, smoothing }) {
    for (let r = 0; r < rows; r++) {
      const part = maxAndExpSum(x, r * cols, cols);
      const previous =
        first > 0 ? state.subarray(r * STATE_SIZE, (r + 1) * STATE_SIZE) : [part.rowMax, 0, 0, 0];
      const runningMax = Math.max(previous[0], part.rowMax);
      const runningExpSum =
        previous[1] * Math.exp(previous[0] - runningMax) +
        part.expSum * Math.exp(part.rowMax - runningMax);
      const column = labels[r] - first;
      const labelLogit = column >= 0 && column < cols ? x[r * cols + column] : previous[2];
      let sum = previous[3] + first * (previous[0] - runningMax);
      for (let i = r * cols; i < (r + 1) * cols; i++) sum += x[i] - runningMax;
      state.set([runningMax, runningExpSum, labelLogit, sum], r * STATE_SIZE);
      if (first + cols < classes) continue;
      const isValid = labels[r] >= 0 && labels[r] < classes;
      const smoothingTerm = smoothing === 0 ? 0 : (smoothing * sum) / classes;
      const value =
        Math.log(runningExpSum) - (1 - smoothing) * (labelLogit - runningMax) - smoothingTerm;
      loss[r] = labels[r] === ignoreIndex ? 0 : isValid ? value : Number.NaN;
    }
  },
  cases,
});

/**
 * Gradient with respect to a part of the logits: dx = dloss (softmax(x) - (1-s) onehot(label) -
 * s/classes), 0 where ignored. dloss: [rows].
 */
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
  splitAxes: (p, alignment) => [
    splitAlong(
      p,
      'rows',
      { dloss: 1, x: p.cols, labels: 1, state: STATE_SIZE, dx: p.cols },
      alignment,
    ),
  ],
  wgsl: perRowWgsl((c) => {
    const columns = c.width === 4 ? 'i32(c * 4u) + I(0, 1, 2, 3)' : 'i32(c)';
    return wgsl`
  let label = labels[row];
  let ignored = label == p.ignoreIndex;
  let scale = dloss[row];
  let runningMax = state[row * ${STATE_SIZE}u];
  let runningExpSum = state[row * ${STATE_SIZE}u + 1u];
  let smoothingShare = V(p.smoothing / f32(p.classes));
  let labelColumn = I(label - i32(p.first));
  ${rowWalk(c, {}).forEachVector(`
    let targetShare = smoothingShare + select(V(0.0), V(1.0 - p.smoothing),
      ${columns} == labelColumn);
    dx[i] = select(scale * (exp(x[i] - runningMax) / runningExpSum - targetShare), V(0.0),
      ignored);`)}`;
  }),
  wasm: ({ rows, cols }) => rowTiles('crossEntropyBackward', rows, cols),
  reference(
    { dloss, x, labels, state, dx },
    { rows, cols, first, classes, ignoreIndex, smoothing },
  ) {
    for (let r = 0; r < rows; r++) {
      const [rowMax, expSum] = state.subarray(r * STATE_SIZE, r * STATE_SIZE + 2);
      for (let c = 0; c < cols; c++) {
        const i = r * cols + c;
        const targetShare = smoothing / classes + (first + c === labels[r] ? 1 - smoothing : 0);
        dx[i] =
          labels[r] === ignoreIndex
            ? 0
            : dloss[r] * (Math.exp(x[i] - rowMax) / expSum - targetShare);
      }
    }
  },
  cases,
});

/** Length of `state`. */
export const crossEntropyStateSize = (rows: number): number => rows * STATE_SIZE;
