/** BERT classifiers of the BERT works: sizes, weights, batch, and logits in float64. */
import { geluOf, layerNormRow, matmulOf, softmaxRow } from './float64.mjs';
import { generator, normal } from './random.mjs';

const layout = (layers, hidden, heads, [batch, length], others = {}) => ({
  vocab: 8000,
  layers,
  hidden,
  heads,
  inner: 4 * hidden,
  batch,
  length,
  types: 2,
  labels: 2,
  eps: 1e-12,
  adam: { lr: 5e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8 },
  ...others,
});
const base = { vocab: 30522, adam: { lr: 2e-5, beta1: 0.9, beta2: 0.999, eps: 1e-8 } };

/**
 * Sizes by name. `losses`: those of the first training steps, on which independent engines agree to
 * 2e-6.
 */
export const layouts = {
  tiny: layout(2, 128, 2, [16, 64], {
    losses: [0.693675, 0.695776, 0.692352, 0.69115, 0.690591, 0.687639],
  }),
  mini: layout(4, 256, 4, [32, 40], {
    losses: [0.694193, 0.903645, 0.70722, 0.709989, 0.726485, 0.696523],
  }),
  small: layout(6, 512, 8, [32, 40], {
    losses: [0.702478, 2.334719, 0.704642, 1.345767, 0.808573, 0.713784],
  }),
  base4: layout(12, 768, 12, [4, 40], {
    ...base,
    losses: [0.693305, 0.977249, 0.518857, 0.701443, 0.540083, 0.417801],
  }),
  base16: layout(12, 768, 12, [16, 40], {
    ...base,
    losses: [0.694623, 1.293595, 0.643079, 0.865463, 0.845954, 0.691861],
  }),
};

/** Every weight by name, as { shape, data }. Those of dense layers are stored [in, out]. */
export function bertWeights(bert) {
  const { hidden, length } = bert;
  const weights = {};
  const add = (name, shape, data) => {
    weights[name] = { shape, data };
  };
  const size = (shape) => shape.reduce((a, b) => a * b, 1);
  const drawn = (name, shape) =>
    add(name, shape, normal(size(shape), 1000 + Object.keys(weights).length, 0.02));
  const constant = (name, count, value) => add(name, [count], new Float32Array(count).fill(value));
  const dense = (name, from, to) => {
    drawn(`${name}.weight`, [from, to]);
    constant(`${name}.bias`, to, 0);
  };
  const norm = (name) => {
    constant(`${name}.weight`, hidden, 1);
    constant(`${name}.bias`, hidden, 0);
  };
  drawn('word', [bert.vocab, hidden]);
  drawn('position', [length, hidden]);
  drawn('type', [bert.types, hidden]);
  norm('norm');
  for (let layer = 0; layer < bert.layers; layer++) {
    for (const name of ['query', 'key', 'value', 'output'])
      dense(`${layer}.${name}`, hidden, hidden);
    norm(`${layer}.norm1`);
    dense(`${layer}.up`, hidden, bert.inner);
    dense(`${layer}.down`, bert.inner, hidden);
    norm(`${layer}.norm2`);
  }
  dense('pooler', hidden, hidden);
  dense('classifier', hidden, bert.labels);
  return weights;
}

/**
 * One batch: ids, types and mask (1: token, 0: padding) [batch, length], bias (the mask, to be
 * added to scores), labels [batch] (whether token 7 occurs) and the same as one-hot [batch,
 * labels].
 */
export function bertBatch(bert) {
  const { length, batch } = bert;
  const next = generator(4242);
  const below = (limit) => Math.floor(next() * limit);
  const ids = new Int32Array(batch * length);
  const types = new Int32Array(batch * length);
  const mask = new Int32Array(batch * length);
  const labels = Int32Array.from({ length: batch }, (_, row) => row % 2);
  const oneHot = new Float32Array(batch * bert.labels);
  for (let row = 0; row < batch; row++) {
    const tokens = 24 + below(length - 24);
    for (let at = 0; at < tokens; at++) {
      const i = row * length + at;
      ids[i] = at === 0 ? 1 : 10 + below(bert.vocab - 10);
      types[i] = at >= tokens >> 1 ? 1 : 0;
      mask[i] = 1;
    }
    if (labels[row] === 1) ids[row * length + 1 + below(tokens - 1)] = 7;
    oneHot[row * bert.labels + labels[row]] = 1;
  }
  return {
    ids,
    types,
    mask,
    bias: Float32Array.from(mask, (token) => (token ? 0 : -10000)),
    labels,
    oneHot,
  };
}

/** The classifier's logits for one row of the batch, in float64. */
export function bertLogits(bert, weights, { ids, types, bias }, row) {
  const { hidden, length } = bert;
  const at = (name) => weights[name].data;
  const dense = (x, name) => {
    const [from, to] = weights[`${name}.weight`].shape;
    const y = matmulOf(x, at(`${name}.weight`), x.length / from, from, to);
    return y.map((value, i) => value + at(`${name}.bias`)[i % to]);
  };
  const norm = (x, name) => {
    for (let i = 0; i < x.length; i += hidden) {
      x.set(
        layerNormRow(x.subarray(i, i + hidden), at(`${name}.weight`), at(`${name}.bias`), bert.eps),
        i,
      );
    }
    return x;
  };
  const sum = (a, b) => a.map((value, i) => value + b[i]);

  let x = Float64Array.from({ length: length * hidden }, (_, i) => {
    const token = row * length + Math.floor(i / hidden);
    const column = i % hidden;
    return (
      at('word')[ids[token] * hidden + column] +
      at('position')[i] +
      at('type')[types[token] * hidden + column]
    );
  });
  x = norm(x, 'norm');
  const scoreBias = bias.subarray(row * length, (row + 1) * length);
  for (let layer = 0; layer < bert.layers; layer++) {
    const [query, key, value] = ['query', 'key', 'value'].map((name) =>
      dense(x, `${layer}.${name}`),
    );
    const context = attention(bert, query, key, value, scoreBias);
    x = norm(sum(x, dense(context, `${layer}.output`)), `${layer}.norm1`);
    x = norm(sum(x, dense(dense(x, `${layer}.up`).map(geluOf), `${layer}.down`)), `${layer}.norm2`);
  }
  return dense(dense(x.subarray(0, hidden), 'pooler').map(Math.tanh), 'classifier');
}

/** Scaled dot-product attention of one row; inputs and result are [length, hidden]. */
function attention({ length, hidden, heads }, query, key, value, scoreBias) {
  const width = hidden / heads;
  const context = new Float64Array(length * hidden);
  for (let head = 0; head < heads; head++) {
    for (let from = 0; from < length; from++) {
      const start = from * hidden + head * width;
      const scores = Float64Array.from(scoreBias, (added, to) => {
        let dot = 0;
        for (let i = 0; i < width; i++)
          dot += query[start + i] * key[to * hidden + head * width + i];
        return dot / Math.sqrt(width) + added;
      });
      softmaxRow(scores).forEach((weight, to) => {
        for (let i = 0; i < width; i++)
          context[start + i] += weight * value[to * hidden + head * width + i];
      });
    }
  }
  return context;
}
