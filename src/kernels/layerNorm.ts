import { defineKernel, main } from '../gpu/kernel.ts';
import { perRow, rowText, walkRow } from './rows.ts';

/** Layer normalisation (Ba, Kiros & Hinton 2016, arXiv 1607.06450) over rows. */

const params = { rows: 'u32', cols: 'u32', eps: 'f32' } as const;
type P = { rows: number; cols: number; eps: number };
const elements = (p: P) => p.rows * p.cols;
const cases: P[] = [
  { rows: 5, cols: 33, eps: 1e-5 },
  { rows: 384, cols: 128, eps: 1e-12 },
  { rows: 4096, cols: 768, eps: 1e-12 },
];

/** y = (x - mean) rstd weight + bias. Keeps mean and rstd, [rows] each, for the gradient. */
export const layerNorm = defineKernel({
  name: 'layerNorm',
  params,
  buffers: {
    x: { type: 'V', access: 'read', size: elements },
    weight: { type: 'V', access: 'read', size: (p) => p.cols },
    bias: { type: 'V', access: 'read', size: (p) => p.cols },
    y: { type: 'V', access: 'write', size: elements },
    mean: { type: 'f32', access: 'write', size: (p) => p.rows },
    rstd: { type: 'f32', access: 'write', size: (p) => p.rows },
  },
  ...perRow,
  wgsl: rowText(
    (c) => `  var part = V(0.0);
  ${walkRow(c, 'part += x[i];')}
  let center = teamSum(hsum(part), lane) / f32(p.cols);
  part = V(0.0);
  ${walkRow(c, 'let d = x[i] - center; part += d * d;')}
  let scale = 1.0 / sqrt(teamSum(hsum(part), lane) / f32(p.cols) + p.eps);
  ${walkRow(c, 'y[i] = (x[i] - center) * scale * weight[c] + bias[c];')}
  if (lane == 0u) { mean[group] = center; rstd[group] = scale; }`,
  ),
  reference({ x, weight, bias, y, mean, rstd }, { rows, cols, eps }) {
    for (let r = 0; r < rows; r++) {
      let center = 0;
      for (let c = 0; c < cols; c++) center += x[r * cols + c];
      center /= cols;
      let variance = 0;
      for (let c = 0; c < cols; c++) variance += (x[r * cols + c] - center) ** 2;
      const scale = 1 / Math.sqrt(variance / cols + eps);
      for (let c = 0; c < cols; c++) y[r * cols + c] = (x[r * cols + c] - center) * scale * weight[c] + bias[c];
      mean[r] = center;
      rstd[r] = scale;
    }
  },
  cases,
});

const saved = {
  mean: { type: 'f32', access: 'read', size: (p: P) => p.rows },
  rstd: { type: 'f32', access: 'read', size: (p: P) => p.rows },
} as const;

/** Gradient by x: with g = dy weight and h = (x - mean) rstd, dx = rstd (g - mean(g) - h mean(g h)). */
export const layerNormBackward = defineKernel({
  name: 'layerNormBackward',
  params,
  buffers: {
    dy: { type: 'V', access: 'read', size: elements },
    x: { type: 'V', access: 'read', size: elements },
    weight: { type: 'V', access: 'read', size: (p) => p.cols },
    ...saved,
    dx: { type: 'V', access: 'write', size: elements },
  },
  ...perRow,
  wgsl: rowText(
    (c) => `  let center = mean[group];
  let scale = rstd[group];
  var sumG = V(0.0);
  var sumGH = V(0.0);
  ${walkRow(
    c,
    `
    let g = dy[i] * weight[c];
    sumG += g;
    sumGH += g * (x[i] - center) * scale;
  `,
  )}
  let meanG = teamSum(hsum(sumG), lane) / f32(p.cols);
  let meanGH = teamSum(hsum(sumGH), lane) / f32(p.cols);
  ${walkRow(
    c,
    `
    let h = (x[i] - center) * scale;
    dx[i] = scale * (dy[i] * weight[c] - meanG - h * meanGH);
  `,
  )}`,
  ),
  reference({ dy, x, weight, mean, rstd, dx }, { rows, cols }) {
    for (let r = 0; r < rows; r++) {
      let sumG = 0;
      let sumGH = 0;
      const h = (c: number) => (x[r * cols + c] - mean[r]) * rstd[r];
      for (let c = 0; c < cols; c++) {
        const g = dy[r * cols + c] * weight[c];
        sumG += g;
        sumGH += g * h(c);
      }
      for (let c = 0; c < cols; c++) {
        dx[r * cols + c] = rstd[r] * (dy[r * cols + c] * weight[c] - sumG / cols - (h(c) * sumGH) / cols);
      }
    }
  },
  cases,
});

/** Gradients by weight (Σ dy h) and bias (Σ dy), summed over chunks of `size` rows: dWeight, dBias: [chunks, cols]. */
export const layerNormBackwardAffine = defineKernel({
  name: 'layerNormBackwardAffine',
  params: { rows: 'u32', cols: 'u32', size: 'u32', chunks: 'u32' },
  buffers: {
    dy: { type: 'V', access: 'read', size: (p) => p.rows * p.cols },
    x: { type: 'V', access: 'read', size: (p) => p.rows * p.cols },
    mean: { type: 'f32', access: 'read', size: (p) => p.rows },
    rstd: { type: 'f32', access: 'read', size: (p) => p.rows },
    dWeight: { type: 'V', access: 'write', size: (p) => p.chunks * p.cols },
    dBias: { type: 'V', access: 'write', size: (p) => p.chunks * p.cols },
  },
  specialize: (p) => ({ width: p.cols % 4 === 0 ? 4 : 1 }),
  launch: (p, { width }) => Math.ceil((p.chunks * p.cols) / (64 * width)),
  wgsl: ({ width }) =>
    main(
      64,
      `  let cols = p.cols / ${width}u;
  let at = group * 64u + lane;
  if (at >= p.chunks * cols) { return; }
  let first = (at / cols) * p.size;
  var sumW = V(0.0);
  var sumB = V(0.0);
  for (var r = first; r < min(first + p.size, p.rows); r++) {
    let i = r * cols + at % cols;
    let g = dy[i];
    sumW += g * (x[i] - mean[r]) * rstd[r];
    sumB += g;
  }
  dWeight[at] = sumW;
  dBias[at] = sumB;`,
    ),
  reference({ dy, x, mean, rstd, dWeight, dBias }, { rows, cols, size, chunks }) {
    for (let chunk = 0; chunk < chunks; chunk++) {
      for (let c = 0; c < cols; c++) {
        let sumW = 0;
        let sumB = 0;
        for (let r = chunk * size; r < Math.min((chunk + 1) * size, rows); r++) {
          sumW += dy[r * cols + c] * (x[r * cols + c] - mean[r]) * rstd[r];
          sumB += dy[r * cols + c];
        }
        dWeight[chunk * cols + c] = sumW;
        dBias[chunk * cols + c] = sumB;
      }
    }
  },
  cases: [
    { rows: 5, cols: 33, size: 5, chunks: 1 },
    { rows: 384, cols: 128, size: 32, chunks: 12 },
    { rows: 4096, cols: 768, size: 64, chunks: 64 },
  ],
});
