/** TensorFlow.js. It registers its WebGPU backend on import, if `navigator.gpu` exists by then. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { serve, training } from '../protocol.mjs';
import { provideWebGPU, versionOf } from '../webgpu.mjs';

const require = createRequire(import.meta.url);

await serve(async (path) => {
  const adapter = path === 'webgpu' ? await provideWebGPU() : undefined;
  const tf = require('@tensorflow/tfjs');
  if (path === 'webgpu') require('@tensorflow/tfjs-backend-webgpu');
  else {
    const wasm = '@tensorflow/tfjs-backend-wasm';
    require(wasm).setWasmPaths(`${dirname(require.resolve(wasm))}/`);
  }
  if (!(await tf.setBackend(path))) throw new Error(`its backend ${path} does not start`);
  await tf.ready();

  const kinds = kindsOf(tf);
  const cannot = {};
  if (path === 'wasm') {
    delete kinds.bertTrain;
    cannot.bertTrain =
      'its WebAssembly backend has no gradient of an embedding (no kernel UnsortedSegmentSum)';
  }
  return {
    about: () => ({ version: versionOf('@tensorflow/tfjs'), adapter: adapter?.() }),
    kinds,
    cannot,
  };
});

/** The works by kind, as functions from inputs to { run, result }. */
function kindsOf(tf) {
  const work = (compute) => ({
    run: async () => {
      const first = tf.tidy(() => tf.slice(compute().reshape([-1]), [0], [1]));
      const [value] = await first.data();
      first.dispose();
      return value;
    },
    result: async () => {
      const all = tf.tidy(compute);
      const values = await all.data();
      all.dispose();
      return values;
    },
  });

  return {
    matmul({ m, k, n, layout, a, b }) {
      const [across, along] = [layout === 'TN', layout === 'NT'];
      const left = tf.tensor2d(a, across ? [k, m] : [m, k]);
      const right = tf.tensor2d(b, along ? [n, k] : [k, n]);
      return work(() => tf.matMul(left, right, across, along));
    },
    softmax({ shape, x }) {
      const input = tf.tensor(x, shape);
      return work(() => tf.softmax(input, -1));
    },
    layerNorm({ shape, x, weight, bias, eps }) {
      const input = tf.tensor(x, shape);
      const [scale, shift] = [tf.tensor1d(weight), tf.tensor1d(bias)];
      return work(() => normalise(input, scale, shift, eps));
    },
    gelu({ shape, x }) {
      const input = tf.tensor(x, shape);
      return work(() => gelu(tf, input));
    },
    adds({ shape, times, x, y }) {
      const [first, added] = [tf.tensor(x, shape), tf.tensor(y, shape)];
      return work(() => {
        let sum = first;
        for (let i = 0; i < times; i++) sum = sum.add(added);
        return sum;
      });
    },
    bertForward({ bert, weights, batch }) {
      return work(buildBert(tf, bert, weights, batch).forward);
    },
    bertTrain({ bert, weights, batch }) {
      const { lr, beta1, beta2, eps } = bert.adam;
      const { forward, variables } = buildBert(tf, bert, weights, batch);
      const oneHot = tf.tensor2d(batch.oneHot, [bert.batch, bert.labels]);
      const optimizer = tf.train.adam(lr, beta1, beta2, eps);
      const loss = () => tf.losses.softmaxCrossEntropy(oneHot, forward()).asScalar();
      return training(bert, async () => {
        const { value, grads } = tf.variableGrads(loss, variables);
        optimizer.applyGradients(grads);
        tf.dispose(grads);
        const [number] = await value.data();
        value.dispose();
        return number;
      });
    },
  };
}

/** It has no operation for layer normalisation or GELU: these are composed, as its users do. */
function normalise(x, weight, bias, eps) {
  const centred = x.sub(x.mean(-1, true));
  return centred.mul(centred.square().mean(-1, true).add(eps).rsqrt()).mul(weight).add(bias);
}
const gelu = (tf, x) => x.mul(tf.erf(x.mul(Math.SQRT1_2)).add(1)).mul(0.5);

/** @returns `forward`, which computes the logits, and the weights as variables. */
function buildBert(tf, bert, weights, batch) {
  const { length, hidden, heads, eps } = bert;
  const width = hidden / heads;
  const all = Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      tf.variable(tf.tensor(data, shape)),
    ]),
  );
  const ids = tf.tensor2d(batch.ids, [bert.batch, length], 'int32');
  const types = tf.tensor2d(batch.types, [bert.batch, length], 'int32');
  const bias = tf.tensor(batch.bias, [bert.batch, 1, 1, length]);
  const dense = (x, name) => x.matMul(all[`${name}.weight`]).add(all[`${name}.bias`]);
  const norm = (x, name) => normalise(x, all[`${name}.weight`], all[`${name}.bias`], eps);
  const split = (x) => x.reshape([bert.batch, length, heads, width]).transpose([0, 2, 1, 3]);
  const forward = () => {
    const sum = tf.gather(all.word, ids).add(all.position).add(tf.gather(all.type, types));
    let x = norm(sum.reshape([bert.batch * length, hidden]), 'norm');
    for (let layer = 0; layer < bert.layers; layer++) {
      const [query, key, value] = ['query', 'key', 'value'].map((name) =>
        split(dense(x, `${layer}.${name}`)),
      );
      const scores = tf
        .matMul(query, key, false, true)
        .mul(1 / Math.sqrt(width))
        .add(bias);
      const context = tf
        .matMul(tf.softmax(scores), value)
        .transpose([0, 2, 1, 3])
        .reshape([bert.batch * length, hidden]);
      x = norm(x.add(dense(context, `${layer}.output`)), `${layer}.norm1`);
      x = norm(x.add(dense(gelu(tf, dense(x, `${layer}.up`)), `${layer}.down`)), `${layer}.norm2`);
    }
    const first = x
      .reshape([bert.batch, length, hidden])
      .slice([0, 0, 0], [-1, 1, -1])
      .reshape([bert.batch, hidden]);
    return dense(tf.tanh(dense(first, 'pooler')), 'classifier');
  };
  return { forward, variables: Object.values(all) };
}
