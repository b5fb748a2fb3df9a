/**
 * The works. Each has a name, a kind (which a worker implements), a title, inputs, `errorOf` (the
 * largest difference of a result from float64 at sampled places) and the tolerance for float32.
 */
import { bertBatch, bertLogits, bertWeights, layouts } from './bert.mjs';
import { geluOf, layerNormRow, softmaxRow } from './float64.mjs';
import { places, uniform } from './random.mjs';

const size = (shape) => shape.reduce((a, b) => a * b, 1);

/** The largest of `differences`; NaN counts as larger than any. */
const worst = (differences) =>
  differences.reduce((a, b) => (b <= a ? a : Number.isNaN(b) ? Infinity : b), 0);

/** A product of [m, k] and [k, n]; TN: the left one lies transposed, NT: the right one. */
function matmul(name, [m, k, n], layout = 'NN') {
  const ofA = (row, i) => (layout === 'TN' ? i * m + row : row * k + i);
  const ofB = (i, column) => (layout === 'NT' ? column * k + i : i * n + column);
  const cube = m === k && k === n;
  const size = cube ? `${m}³` : `${m}×${k} @ ${k}×${n}`;
  return {
    name,
    kind: 'matmul',
    title: `matmul ${size}${layout === 'NN' ? '' : ` ${layout}`}`,
    tolerance: 1e-3,
    inputs: () => ({ m, k, n, layout, a: uniform(m * k, 1), b: uniform(k * n, 2) }),
    errorOf: ({ a, b }, result) =>
      worst(
        places(200, m * n, 99).map((at) => {
          const [row, column] = [Math.floor(at / n), at % n];
          let sum = 0;
          for (let i = 0; i < k; i++) sum += a[ofA(row, i)] * b[ofB(i, column)];
          return Math.abs(result[at] - sum);
        }),
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

const adam = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };
const COUNT = 3072 * 768;
/** A step of AdamW on one weight. The result: the weight after the first step. */
const adamw = {
  name: 'adamw',
  kind: 'adamw',
  title: 'AdamW [3072, 768]',
  tolerance: 1e-6,
  inputs: () => ({ adam, x: uniform(COUNT, 10), gradient: uniform(COUNT, 11) }),
  // The first step moves by the sign of the gradient, where that is far above `eps`.
  errorOf: ({ x, gradient }, result) =>
    worst(
      places(2000, COUNT, 94).map((i) => {
        const g = gradient[i];
        const moved =
          x[i] * (1 - adam.lr * adam.weightDecay) - (adam.lr * g) / (Math.abs(g) + 1e-8);
        return Math.abs(result[i] - moved);
      }),
    ),
};

const shapeOf = ({ layers, hidden, batch, length }) =>
  `${layers} × ${hidden} (${batch} × ${length})`;
const bertInputs = (bert) => () => ({ bert, weights: bertWeights(bert), batch: bertBatch(bert) });

function bertForward(layout) {
  const bert = layouts[layout];
  return {
    name: `forward-${layout}`,
    kind: 'bertForward',
    title: `BERT forward ${shapeOf(bert)}`,
    tolerance: 1e-4,
    inputs: bertInputs(bert),
    /** The result: logits [batch, labels]. */
    errorOf: ({ weights, batch }, result) =>
      worst(
        [0, bert.batch - 1].flatMap((row) =>
          [...bertLogits(bert, weights, batch, row)].map((value, i) =>
            Math.abs(result[row * bert.labels + i] - value),
          ),
        ),
      ),
  };
}

function bertTrain(layout, isLarge = false) {
  const bert = layouts[layout];
  return {
    name: `train-${layout}`,
    kind: 'bertTrain',
    title: `BERT training step ${shapeOf(bert)}`,
    tolerance: 1e-4,
    isLarge,
    inputs: bertInputs(bert),
    /** The result: losses of the first steps. */
    errorOf: (_, result) => worst(bert.losses.map((loss, i) => Math.abs(result[i] - loss))),
  };
}

const [CUBE, LAYER] = [
  [1024, 1024, 1024],
  [1248, 768, 3072],
];
export const works = [
  matmul('matmul-512', [512, 512, 512]),
  matmul('matmul-1024', CUBE),
  matmul('matmul-1024-nt', CUBE, 'NT'),
  matmul('matmul-1024-tn', CUBE, 'TN'),
  matmul('matmul-bert', LAYER),
  matmul('matmul-bert-nt', LAYER, 'NT'),
  matmul('matmul-bert-tn', LAYER, 'TN'),
  softmax,
  layerNorm,
  gelu,
  adamw,
  adds,
  bertForward('tiny'),
  bertTrain('tiny'),
  bertTrain('mini'),
  bertTrain('small', true),
  bertTrain('base4', true),
  bertTrain('base16', true),
];
