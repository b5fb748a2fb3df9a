/** wigbert, from the build in the root folder's dist. */
import { readFileSync } from 'node:fs';
import { serve, training } from '../protocol.mjs';

await serve(async (path) => {
  const load = (entry) => import(`../../../dist/src/${entry}.js`);
  const wigbert = {
    ...(await load('index')),
    ...(await load('nn/optim/index')),
    ...(await load('entries/bert')),
  };
  const device = await wigbert.useDevice(path);
  const { version } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  );

  return {
    about: () => ({ version, adapter: device.description }),
    kinds: { ...operations(wigbert, device), ...models(wigbert) },
  };
});

/** Makes a work of `compute`: its result is the tensor that `compute` makes. */
function work({ scope, noGrad }) {
  return (compute) => ({
    run: async () => {
      const first = scope(() =>
        noGrad(() =>
          compute()
            .flatten()
            .slice([[0, 1]]),
        ),
      );
      const value = await first.item();
      first.dispose();
      return value;
    },
    result: async () => {
      const all = scope(() => noGrad(compute));
      const values = await all.data();
      all.dispose();
      return values;
    },
  });
}

/** Works on single operations, by kind. */
function operations(wigbert, device) {
  const { capture, tensor, matmul, gelu, layerNorm, softmax, AdamW } = wigbert;
  const of = work(wigbert);
  return {
    matmul({ m, k, n, layout, a, b }) {
      const left =
        layout === 'TN' ? tensor(a, { shape: [k, m] }).t() : tensor(a, { shape: [m, k] });
      const right =
        layout === 'NT' ? tensor(b, { shape: [n, k] }).t() : tensor(b, { shape: [k, n] });
      return of(() => matmul(left, right));
    },
    softmax({ shape, x }) {
      const input = tensor(x, { shape });
      return of(() => softmax(input, -1));
    },
    layerNorm({ shape, x, weight, bias, eps }) {
      const input = tensor(x, { shape });
      const [scale, shift] = [tensor(weight), tensor(bias)];
      return of(() => layerNorm(input, [shape[1]], scale, shift, eps));
    },
    gelu({ shape, x }) {
      const input = tensor(x, { shape });
      return of(() => gelu(input));
    },
    adds({ shape, times, x, y }) {
      const [first, added] = [tensor(x, { shape }), tensor(y, { shape })];
      const chain = () => {
        let sum = first;
        for (let i = 0; i < times; i++) sum = sum.add(added);
        return sum.flatten();
      };
      const [one, all] = [capture(device, () => chain().slice([[0, 1]])), capture(device, chain)];
      return { run: async () => (await one.run({}))[0], result: () => all.run({}) };
    },
    adamw({ x, gradient, adam: { lr, beta1, beta2, eps, weightDecay } }) {
      const weight = tensor(x, { requiresGrad: true });
      weight.grad = tensor(gradient);
      const optimizer = new AdamW([weight], { lr, betas: [beta1, beta2], eps, weightDecay });
      const step = capture(device, () => {
        optimizer.step();
        return weight.detach().slice([[0, 1]]);
      });
      const run = () => step.run({});
      return { run, result: () => run().then(() => weight.data()) };
    },
  };
}

/** Works on whole models, by kind. */
function models(wigbert) {
  const { capture, noGrad } = wigbert;
  return {
    bertForward({ bert, weights, batch }) {
      const model = buildBert(wigbert, bert, weights).eval();
      const forward = capture(model.classifier.weight.device, (inputs) =>
        noGrad(() => model.forward(inputs).logits.flatten()),
      );
      const result = () => forward.run(inputsOf(bert, batch));
      return { run: async () => (await result())[0], result };
    },
    bertTrain({ bert, weights, batch }) {
      const model = buildBert(wigbert, bert, weights).train();
      return training(bert, trainStep(wigbert, bert, model, batch));
    },
  };
}

/** A function that does one step, captured as `fit` captures its own, and resolves to its loss. */
function trainStep({ Adam, backward, capture }, bert, model, batch) {
  const { lr, beta1, beta2, eps } = bert.adam;
  const optimizer = new Adam(model.parameters(), { lr, betas: [beta1, beta2], eps });
  const step = capture(model.classifier.weight.device, (inputs) => {
    const { loss } = model.forward(inputs);
    backward(loss);
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  });
  const inputs = { ...inputsOf(bert, batch), labels: { data: batch.labels, shape: [bert.batch] } };
  return async () => (await step.run(inputs))[0];
}

function inputsOf(bert, { ids, mask, types }) {
  const shape = [bert.batch, bert.length];
  return {
    inputIds: { data: ids, shape },
    attentionMask: { data: mask, shape },
    tokenTypeIds: { data: types, shape },
  };
}

function buildBert({ BertForSequenceClassification, bertConfig }, bert, weights) {
  const config = bertConfig({
    vocabSize: bert.vocab,
    hiddenSize: bert.hidden,
    numHiddenLayers: bert.layers,
    numAttentionHeads: bert.heads,
    intermediateSize: bert.inner,
    maxPositionEmbeddings: bert.length,
    layerNormEps: bert.eps,
    hiddenDropoutProb: 0,
    attentionProbsDropoutProb: 0,
    numLabels: bert.labels,
  });
  const model = BertForSequenceClassification.fromConfig(config);
  model.loadStateDict(
    new Map(
      Object.entries(weights).map(([name, weight]) => [
        huggingFaceName(name),
        laidOut(name, weight),
      ]),
    ),
  );
  return model;
}

const embeddings = {
  word: 'word_embeddings.weight',
  position: 'position_embeddings.weight',
  type: 'token_type_embeddings.weight',
  'norm.weight': 'LayerNorm.weight',
  'norm.bias': 'LayerNorm.bias',
};
const parts = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  output: 'attention.output.dense',
  norm1: 'attention.output.LayerNorm',
  up: 'intermediate.dense',
  down: 'output.dense',
  norm2: 'output.LayerNorm',
};

function huggingFaceName(name) {
  if (embeddings[name]) return `bert.embeddings.${embeddings[name]}`;
  if (name.startsWith('pooler')) return name.replace('pooler', 'bert.pooler.dense');
  const [, layer, part, kind] = /^(\d+)\.(\w+)\.(\w+)$/.exec(name) ?? [];
  return layer === undefined ? name : `bert.encoder.layer.${layer}.${parts[part]}.${kind}`;
}

/** Weights of dense layers come as [in, out], and are kept as PyTorch's, [out, in]. */
function laidOut(name, { shape, data }) {
  if (shape.length < 2 || embeddings[name]) return { shape, data };
  const [from, to] = shape;
  return {
    shape: [to, from],
    data: Float32Array.from(data, (_, i) => data[(i % from) * to + Math.floor(i / from)]),
  };
}
