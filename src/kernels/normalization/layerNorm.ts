import { type BufferSpec, defineKernel, main } from '../../device/kernel.ts';
import { independentLanes, type RowConstants, type RowWalk } from '../kit/perRow.ts';
import { perRowWeighted, perRowWeightedWgsl, type WeightedRowSpec } from '../kit/perRowWeighted.ts';
import { columnTiles, rowTiles } from '../kit/wasmTiles.ts';

/** Layer normalisation (Ba, Kiros & Hinton 2016, arXiv 1607.06450) over rows. */

export const layerNormParams = { rows: 'u32', cols: 'u32', eps: 'f32' } as const;
export interface LayerNormSizes {
  rows: number;
  cols: number;
  eps: number;
}
const elements = (p: LayerNormSizes) => p.rows * p.cols;
export const layerNormCases: LayerNormSizes[] = [
  { rows: 5, cols: 33, eps: 1e-5 },
  { rows: 384, cols: 128, eps: 1e-12 },
  { rows: 4096, cols: 768, eps: 1e-12 },
];
/** Mean and reciprocal standard deviation of each row: [rows, 2]. */
const momentsBuffer = (access: 'read' | 'write'): BufferSpec<{ rows: number }, 'f32'> => ({
  type: 'f32',
  access,
  size: (p) => p.rows * 2,
});
export const [readMoments, writeMoments] = [momentsBuffer('read'), momentsBuffer('write')];

/**
 * WGSL: `mean` and `rstd`, the mean and reciprocal standard deviation of a row's values `v`,
 * computed in one walk. Each lane adds up distances from its own first value, so that a common
 * offset loses no digits; the lanes' moments are combined as in Chan, Golub & LeVeque (1979).
 * `extraBody` runs in the same walk.
 */
export const rowMomentsWgsl = (
  c: RowConstants,
  row: RowWalk,
  extraBody = '',
): string => `  ${row.load}
  var origin: V;
  ${row.firstVector('origin = v;')}
  var sum = V(0.0);
  var squares = V(0.0);
  ${row.forEachVector(
    `
    let d = v - origin;
    sum += d;
    squares += d * d;
    ${extraBody}`,
    ['sum', 'squares'],
  )}
  let count = f32((cols + ${c.lanes - 1}u - laneInTeam) / ${c.lanes}u);
  let start = teamFirst(origin${c.width === 4 ? '.x' : ''}, lane);
  let laneMean = sum / max(count, 1.0);
  let laneOffset = origin - start + laneMean;
  let meanOffset = teamSum(count * hsum(laneOffset), lane) / f32(p.cols);
  let laneShift = laneOffset - meanOffset;
  let mean = start + meanOffset;
  let rstd = 1.0 / sqrt(teamSum(hsum(squares - sum * laneMean + count * laneShift * laneShift),
    lane) / f32(p.cols) + p.eps);`;

/** How layer normalisation treats a row of values `v`. */
export const normalizeRow = {
  weights: { w: 'weight[c]', b: 'bias[c]' },
  statistics: ['mean', 'rstd'],
  apply: 'y[i] = (v - mean) * rstd * w + b;',
} as const;
export const storeMoments = 'moments[row * 2u] = mean; moments[row * 2u + 1u] = rstd;';

/**
 * y = (x - mean) rstd weight + bias. Stores the moments for the gradient. x, y: [rows, cols],
 * weight, bias: [cols].
 */
export const layerNorm = defineKernel({
  name: 'layerNorm',
  params: layerNormParams,
  buffers: {
    x: { type: 'V', access: 'read', size: elements },
    weight: { type: 'V', access: 'read', size: (p) => p.cols },
    bias: { type: 'V', access: 'read', size: (p) => p.cols },
    y: { type: 'V', access: 'write', size: elements },
    moments: writeMoments,
  },
  ...perRowWeighted,
  wgsl: perRowWeightedWgsl((c) => ({
    ...normalizeRow,
    values: { v: 'x[i]' },
    computeStatistics: (walk) => rowMomentsWgsl(c, walk),
    storeStatistics: storeMoments,
  })),
  wasm: ({ rows, cols }) => rowTiles('layerNorm', rows, cols),
  reference({ x, weight, bias, y, moments }, { rows, cols, eps }) {
    for (let r = 0; r < rows; r++) {
      let mean = 0;
      for (let c = 0; c < cols; c++) mean += x[r * cols + c];
      mean /= cols;
      let variance = 0;
      for (let c = 0; c < cols; c++) variance += (x[r * cols + c] - mean) ** 2;
      const rstd = 1 / Math.sqrt(variance / cols + eps);
      for (let c = 0; c < cols; c++)
        y[r * cols + c] = (x[r * cols + c] - mean) * rstd * weight[c] + bias[c];
      moments[r * 2] = mean;
      moments[r * 2 + 1] = rstd;
    }
  },
  cases: layerNormCases,
});

/** The gradient with respect to x; `write` gets it as `dz`, vector by vector. */
export const inputGradient = (x: string, write: string): WeightedRowSpec => ({
  weights: { w: 'weight[c]' },
  values: { g: 'dy[i] * w', h: `(${x}[i] - mean) * rstd` },
  computeStatistics: (walk) => `
  let mean = moments[row * 2u];
  let rstd = moments[row * 2u + 1u];
  ${walk.load}
  var sumG = V(0.0);
  var sumGH = V(0.0);
  ${walk.forEachVector('sumG += g; sumGH += g * h;', ['sumG', 'sumGH'])}
  let meanG = teamSum(hsum(sumG), lane) / f32(p.cols);
  let meanGH = teamSum(hsum(sumGH), lane) / f32(p.cols);`,
  statistics: ['mean', 'rstd', 'meanG', 'meanGH'],
  apply: `let dz = rstd * (g - meanG - h * meanGH); ${write}`,
});

/**
 * Gradient with respect to x: with g = dy weight and h = (x - mean) rstd, dx = rstd (g - mean(g) -
 * h mean(g h)).
 */
export const layerNormBackward = defineKernel({
  name: 'layerNormBackward',
  params: layerNormParams,
  buffers: {
    dy: { type: 'V', access: 'read', size: elements },
    x: { type: 'V', access: 'read', size: elements },
    weight: { type: 'V', access: 'read', size: (p) => p.cols },
    moments: readMoments,
    dx: { type: 'V', access: 'write', size: elements },
  },
  ...perRowWeighted,
  wgsl: perRowWeightedWgsl(() => inputGradient('x', 'dx[i] = dz;')),
  wasm: ({ rows, cols }) => rowTiles('layerNormBackward', rows, cols),
  reference({ dy, x, weight, moments, dx }, { rows, cols }) {
    for (let r = 0; r < rows; r++) {
      const [mean, rstd] = moments.subarray(r * 2, r * 2 + 2);
      let sumG = 0;
      let sumGH = 0;
      const h = (c: number) => (x[r * cols + c] - mean) * rstd;
      for (let c = 0; c < cols; c++) {
        const g = dy[r * cols + c] * weight[c];
        sumG += g;
        sumGH += g * h(c);
      }
      for (let c = 0; c < cols; c++) {
        dx[r * cols + c] =
          rstd * (dy[r * cols + c] * weight[c] - sumG / cols - (h(c) * sumGH) / cols);
      }
    }
  },
  cases: layerNormCases,
});

/**
 * Gradients of weight (Σ dy h) and bias (Σ dy), summed over chunks of `size` rows: dWeight, dBias:
 * [chunks, cols].
 */
export const layerNormBackwardAffine = defineKernel({
  name: 'layerNormBackwardAffine',
  params: { rows: 'u32', cols: 'u32', size: 'u32', chunks: 'u32' },
  buffers: {
    dy: { type: 'V', access: 'read', size: (p) => p.rows * p.cols },
    x: { type: 'V', access: 'read', size: (p) => p.rows * p.cols },
    moments: readMoments,
    dWeight: { type: 'V', access: 'write', size: (p) => p.chunks * p.cols },
    dBias: { type: 'V', access: 'write', size: (p) => p.chunks * p.cols },
  },
  specialize: (p, traits) => ({
    width: p.cols % 4 === 0 ? 4 : 1,
    lanes: independentLanes(traits, 64),
  }),
  launch: (p, { width, lanes }) => Math.ceil((p.chunks * p.cols) / (lanes * width)),
  wgsl: ({ width, lanes }) =>
    main(
      lanes,
      `  let cols = p.cols / ${width}u;
  let at = group * ${lanes}u + lane;
  if (at >= p.chunks * cols) { return; }
  let chunk = at / cols;
  let first = chunk * p.size;
  let end = min(first + p.size, p.rows);
  let column = at - chunk * cols;
  var sumW = V(0.0);
  var sumB = V(0.0);
  for (var r = first; r < end; r++) {
    let i = r * cols + column;
    let g = dy[i];
    sumW += g * (x[i] - moments[r * 2u]) * moments[r * 2u + 1u];
    sumB += g;
  }
  dWeight[at] = sumW;
  dBias[at] = sumB;`,
    ),
  wasm: ({ cols, size, chunks }) =>
    columnTiles(['affineGroup', 'affineGroups'], { chunks, rows: size, cols, results: 2 }),
  reference({ dy, x, moments, dWeight, dBias }, { rows, cols, size, chunks }) {
    for (let chunk = 0; chunk < chunks; chunk++) {
      for (let c = 0; c < cols; c++) {
        let sumW = 0;
        let sumB = 0;
        for (let r = chunk * size; r < Math.min((chunk + 1) * size, rows); r++) {
          sumW += dy[r * cols + c] * (x[r * cols + c] - moments[r * 2]) * moments[r * 2 + 1];
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
