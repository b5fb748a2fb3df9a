import { defineKernel, main } from '../gpu/kernel.ts';
import { LOWEST, perRow, rowText, walkRow } from './rows.ts';
import { logSumExp } from './softmax.ts';

const params = { rows: 'u32', cols: 'u32', ignoreIndex: 'i32', smoothing: 'f32' } as const;
type P = { rows: number; cols: number; ignoreIndex: number; smoothing: number };
const cases: P[] = [
  { rows: 17, cols: 2, ignoreIndex: -100, smoothing: 0 },
  { rows: 33, cols: 17, ignoreIndex: 1, smoothing: 0.1 },
  { rows: 128, cols: 8000, ignoreIndex: -100, smoothing: 0 },
];
const elements = (p: P) => p.rows * p.cols;
const labels = {
  type: 'i32',
  access: 'read',
  size: (p: P) => p.rows,
  fill: { below: (p: P) => p.cols },
} as const;

/**
 * Cross-entropy of each row of logits with its label: loss = logsumexp(x) - (1-s) x[label] - s mean(x), 0 where
 * the label is ignored; s is the label smoothing (Szegedy et al. 2016, §7). Keeps the row's maximum (`high`) and Σ exp(x - high)
 * (`total`) for the gradient: apart, since their joint logarithm would round large logits. A label that is neither
 * ignored nor a column gives NaN. x: [rows, cols], all else: [rows].
 */
export const crossEntropy = defineKernel({
  name: 'crossEntropy',
  params,
  buffers: {
    x: { type: 'V', access: 'read', size: elements },
    labels,
    loss: { type: 'f32', access: 'write', size: (p) => p.rows },
    high: { type: 'f32', access: 'write', size: (p) => p.rows },
    total: { type: 'f32', access: 'write', size: (p) => p.rows },
  },
  ...perRow,
  wgsl: rowText(
    (c) => `  var top = V(${LOWEST});
  ${walkRow(c, 'top = max(top, x[i]);')}
  let most = teamMax(hmax(top), lane);
  var part = V(0.0);
  var sum = V(0.0);
  ${walkRow(c, 'let v = x[i]; part += exp(v - most); sum += v - most;')}
  let mass = teamSum(hsum(part), lane);
  let mean = teamSum(hsum(sum), lane) / f32(p.cols);
  if (lane == 0u) {
    let label = labels[group];
    let known = label >= 0 && label < i32(p.cols);
    let at = group * p.cols + u32(select(0, label, known));
    let picked = ${c.width === 4 ? 'x[at / 4u][at % 4u]' : 'x[at]'};
    let value = log(mass) - (1.0 - p.smoothing) * (picked - most) - p.smoothing * mean;
    loss[group] = select(select(bitcast<f32>(p.rows | 0x7fc00000u), value, known), 0.0, label == p.ignoreIndex);
    high[group] = most;
    total[group] = mass;
  }`,
  ),
  reference({ x, labels, loss, high, total }, { rows, cols, ignoreIndex, smoothing }) {
    for (let r = 0; r < rows; r++) {
      const row = logSumExp(x, r * cols, cols);
      high[r] = row.high;
      total[r] = row.total;
      let sum = 0;
      for (let i = r * cols; i < (r + 1) * cols; i++) sum += x[i] - row.high;
      const label = labels[r];
      const picked = label >= 0 && label < cols ? x[r * cols + label] : Number.NaN;
      const value = Math.log(row.total) - (1 - smoothing) * (picked - row.high) - (smoothing * sum) / cols;
      loss[r] = label === ignoreIndex ? 0 : value;
    }
  },
  cases,
});

/** Gradient of the above: dx = dloss (softmax(x) - (1-s) onehot(label) - s/cols), 0 where ignored. dloss: [rows]. */
export const crossEntropyBackward = defineKernel({
  name: 'crossEntropyBackward',
  params,
  buffers: {
    dloss: { type: 'f32', access: 'read', size: (p) => p.rows },
    x: { type: 'f32', access: 'read', size: elements },
    labels,
    high: { type: 'f32', access: 'read', size: (p) => p.rows },
    total: { type: 'f32', access: 'read', size: (p) => p.rows, fill: 'positive' },
    dx: { type: 'f32', access: 'write', size: elements },
  },
  specialize: (_, traits) => ({ width: 1, lanes: traits.subgroupSize || 64 }),
  launch: (p) => p.rows,
  wgsl: (c) =>
    main(
      c.lanes,
      `  if (group >= p.rows) { return; }
  let label = labels[group];
  let scale = select(dloss[group], 0.0, label == p.ignoreIndex);
  let most = high[group];
  let mass = total[group];
  for (var i = lane; i < p.cols; i += ${c.lanes}u) {
    let at = group * p.cols + i;
    let target_ = p.smoothing / f32(p.cols) + select(0.0, 1.0 - p.smoothing, i32(i) == label);
    dx[at] = select(scale * (exp(x[at] - most) / mass - target_), 0.0, label == p.ignoreIndex);
  }`,
    ),
  reference({ dloss, x, labels, high, total, dx }, { rows, cols, ignoreIndex, smoothing }) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        const i = r * cols + c;
        const target = smoothing / cols + (c === labels[r] ? 1 - smoothing : 0);
        dx[i] = labels[r] === ignoreIndex ? 0 : dloss[r] * (Math.exp(x[i] - high[r]) / total[r] - target);
      }
    }
  },
  cases,
});
