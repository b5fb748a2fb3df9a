/**
 * The works. Each has a name, a kind (which a worker implements), a title, inputs, `errorOf` (the
 * largest difference of a result from float64 at sampled places) and the tolerance for float32.
 */
import { bert, bertBatch, bertLogits, bertWeights, firstLosses } from './bert.mjs';
import { geluOf, layerNormRow, matmulAt, softmaxRow } from './float64.mjs';
import { places, uniform } from './random.mjs';

const size = (shape) => shape.reduce((a, b) => a * b, 1);

/** The largest of `differences`; NaN counts as larger than any. */
const worst = (differences) =>
  differences.reduce((a, b) => (b <= a ? a : Number.isNaN(b) ? Infinity : b), 0);

function matmul(name, title, m, k, n) {
  return {
    name,
    kind: 'matmul',
    title,
    tolerance: 1e-3,
    inputs: () => ({ m, k, n, a: uniform(m * k, 1), b: uniform(k * n, 2) }),
    errorOf: ({ a, b }, result) =>
      worst(
        places(200, m * n, 99).map((i) =>
          Math.abs(result[i] - matmulAt(a, b, k, n, Math.floor(i / n), i % n)),
        ),
      ),
  };
}

/** The error of works that go row by row, in 200 of the rows. */
function rowsError(result, x, columns, rowOf) {
  return worst(
    places(200, x.length / columns, 98).map((row) => {
      const stretch = [row * columns, (row + 1) * columns];
      const found = result.subarray(...stretch);
      return worst(
        [...rowOf(x.subarray(...stretch))].map((value, i) => Math.abs(found[i] - value)),
      );
    }),
  );
}

const softmaxShape = [32, 12, 128, 128];
const softmax = {
  name: 'softmax',
  kind: 'softmax',
  title: 'softmax [32, 12, 128, 128]',
  tolerance: 1e-5,
  inputs: () => ({ shape: softmaxShape, x: uniform(size(softmaxShape), 3, 4) }),
  errorOf: ({ x }, result) => rowsError(result, x, softmaxShape.at(-1), softmaxRow),
};

const layerNorm = {
  name: 'layernorm',
  kind: 'layerNorm',
  title: 'layer norm [4096, 768]',
  tolerance: 1e-4,
  inputs: () => ({
    shape: [4096, 768],
    eps: 1e-5,
    x: uniform(4096 * 768, 4, 2),
    weight: uniform(768, 5),
    bias: uniform(768, 6),
  }),
  errorOf: ({ x, weight, bias, eps }, result) =>
    rowsError(result, x, 768, (row) => layerNormRow(row, weight, bias, eps)),
};

const gelu = {
  name: 'gelu',
  kind: 'gelu',
  title: 'GELU [4096, 3072]',
  tolerance: 1e-4,
  inputs: () => ({ shape: [4096, 3072], x: uniform(4096 * 3072, 7, 4) }),
  errorOf: ({ x }, result) =>
    worst(places(20000, x.length, 96).map((i) => Math.abs(result[i] - geluOf(x[i])))),
};

const adds = {
  name: 'adds',
  kind: 'adds',
  title: '100 chained adds [1024, 128]',
  tolerance: 1e-4,
  inputs: () => ({
    shape: [1024, 128],
    times: 100,
    x: uniform(1024 * 128, 8),
    y: uniform(1024 * 128, 9, 1e-3),
  }),
  errorOf: ({ x, y, times }, result) =>
    worst(places(2000, x.length, 95).map((i) => Math.abs(result[i] - (x[i] + times * y[i])))),
};

const bertInputs = () => ({ weights: bertWeights(), batch: bertBatch() });
const bertForward = {
  name: 'bert-forward',
  kind: 'bertForward',
  title: 'BERT forward',
  tolerance: 1e-4,
  inputs: bertInputs,
  /** The result: logits [batch, labels]. */
  errorOf: ({ weights, batch }, result) =>
    worst(
      [0, 7, bert.batch - 1].flatMap((row) =>
        [...bertLogits(weights, batch, row)].map((value, i) =>
          Math.abs(result[row * bert.labels + i] - value),
        ),
      ),
    ),
};
const bertTrain = {
  name: 'bert-train',
  kind: 'bertTrain',
  title: 'BERT training step',
  tolerance: 1e-4,
  inputs: bertInputs,
  /** The result: losses of the first steps. */
  errorOf: (_, result) => worst(firstLosses.map((loss, i) => Math.abs(result[i] - loss))),
};

export const works = [
  matmul('matmul-512', 'matmul 512³', 512, 512, 512),
  matmul('matmul-1024', 'matmul 1024³', 1024, 1024, 1024),
  matmul('matmul-bert', 'matmul 1248×768 @ 768×3072', 1248, 768, 3072),
  softmax,
  layerNorm,
  gelu,
  adds,
  bertForward,
  bertTrain,
];
