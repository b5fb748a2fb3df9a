/**
 * jax-js. A function consumes its arrays; `.ref` keeps one for another use. Everything a user would
 * jit is jitted: all works but the plain product. Its optimisers are in another package, so Adam is
 * written out.
 */
import { serve, training } from '../protocol.mjs';
import { provideNavigator, provideWebGPU, provideWorker, versionOf } from '../webgpu.mjs';

await serve(async (path) => {
  const adapter = path === 'webgpu' ? await provideWebGPU() : provideNavigator();
  if (path === 'wasm') provideWorker();
  const jax = await import('@jax-js/jax');
  const { numpy: np, nn, jit, init, defaultDevice } = jax;
  if (!(await init(path)).includes(path)) throw new Error(`its device ${path} does not start`);
  defaultDevice(path);

  /** A work whose result is what `compute` makes; `compute` leaves its inputs alive. */
  const work = (compute) => ({
    run: async () => (await compute().flatten().slice([0, 1]).data())[0],
    result: () => compute().data(),
  });

  const kinds = {
    matmul({ m, k, n, layout, a, b }) {
      const [across, along] = [layout === 'TN', layout === 'NT'];
      const left = np.array(a, { shape: across ? [k, m] : [m, k] });
      const right = np.array(b, { shape: along ? [n, k] : [k, n] });
      const laid = (x, isTransposed) => (isTransposed ? x.ref.transpose() : x.ref);
      return work(() => np.matmul(laid(left, across), laid(right, along)));
    },
    softmax({ shape, x }) {
      const input = np.array(x, { shape });
      const compiled = jit((given) => nn.softmax(given, -1));
      return work(() => compiled(input.ref));
    },
    layerNorm({ shape, x, weight, bias, eps }) {
      const [input, scale, shift] = [np.array(x, { shape }), np.array(weight), np.array(bias)];
      const compiled = jit((...given) => normalise(nn, ...given, eps));
      return work(() => compiled(input.ref, scale.ref, shift.ref));
    },
    gelu({ shape, x }) {
      const input = np.array(x, { shape });
      const compiled = jit((given) => nn.gelu(given, { approximate: false }));
      return work(() => compiled(input.ref));
    },
    adds({ shape, times, x, y }) {
      const [first, added] = [np.array(x, { shape }), np.array(y, { shape })];
      const compiled = jit((sum, given) => {
        for (let i = 0; i < times; i++) sum = sum.add(given.ref);
        given.dispose();
        return sum;
      });
      return work(() => compiled(first.ref, added.ref));
    },
    bertForward({ bert, weights, batch }) {
      const [all, inputs] = [weightsOf(np, weights), inputsOf(np, bert, batch)];
      const compiled = jit((...given) => bertForward(jax, bert, ...given));
      return work(() => compiled(jax.tree.ref(all), jax.tree.ref(inputs)));
    },
    bertTrain({ bert, weights, batch }) {
      const inputs = inputsOf(np, bert, batch);
      return training(bert, trainStep(jax, bert, weightsOf(np, weights), inputs, batch));
    },
  };
  return { about: () => ({ version: versionOf('@jax-js/jax'), adapter: adapter?.() }), kinds };
});

const normalise = (nn, x, weight, bias, epsilon) =>
  nn.standardize(x, -1, { epsilon }).mul(weight).add(bias);

const weightsOf = (np, weights) =>
  Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [name, np.array(data, { shape })]),
  );

const inputsOf = (np, bert, { ids, types, bias }) => ({
  ids: np.array(ids, { shape: [bert.batch, bert.length], dtype: 'int32' }),
  types: np.array(types, { shape: [bert.batch, bert.length], dtype: 'int32' }),
  bias: np.array(bias, { shape: [bert.batch, 1, 1, bert.length] }),
});

/** The logits. Consumes the weights, each used once, and the inputs. */
function bertForward({ numpy: np, nn }, bert, all, { ids, types, bias }) {
  const { length, hidden, heads, eps } = bert;
  const width = hidden / heads;
  const dense = (x, name) => np.matmul(x, all[`${name}.weight`]).add(all[`${name}.bias`]);
  const norm = (x, name) => normalise(nn, x, all[`${name}.weight`], all[`${name}.bias`], eps);
  const split = (x) => x.reshape([bert.batch, length, heads, width]).transpose([0, 2, 1, 3]);
  const sum = np
    .take(all.word, ids, 0)
    .add(all.position)
    .add(np.take(all.type, types, 0));
  let x = norm(sum.reshape([bert.batch * length, hidden]), 'norm');
  for (let layer = 0; layer < bert.layers; layer++) {
    const [query, key, value] = ['query', 'key', 'value'].map((name) =>
      split(dense(x.ref, `${layer}.${name}`)),
    );
    const scores = np
      .matmul(query, key.transpose([0, 1, 3, 2]))
      .mul(1 / Math.sqrt(width))
      .add(bias.ref);
    const context = np
      .matmul(nn.softmax(scores, -1), value)
      .transpose([0, 2, 1, 3])
      .reshape([bert.batch * length, hidden]);
    x = norm(x.add(dense(context, `${layer}.output`)), `${layer}.norm1`);
    const inner = nn.gelu(dense(x.ref, `${layer}.up`), { approximate: false });
    x = norm(x.add(dense(inner, `${layer}.down`)), `${layer}.norm2`);
  }
  bias.dispose();
  const first = x.reshape([bert.batch, length, hidden]).slice([], 0, []);
  return dense(np.tanh(dense(first, 'pooler')), 'classifier');
}

/** A step (loss, gradients and Adam in one jitted function) that resolves to its loss. */
function trainStep(jax, bert, all, inputs, batch) {
  const { numpy: np, nn, jit, tree, valueAndGrad } = jax;
  const { lr, beta1, beta2, eps } = bert.adam;
  const oneHot = np.array(batch.oneHot, { shape: [bert.batch, bert.labels] });
  const lossOf = (weights, given, expected) =>
    nn
      .logSoftmax(bertForward(jax, bert, weights, given), -1)
      .mul(expected)
      .sum()
      .mul(-1 / bert.batch);
  const compiled = jit((weights, firsts, seconds, scale1, scale2, given, expected) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(weights), given, expected);
    const next = [{}, {}, {}];
    for (const name of Object.keys(weights)) {
      const gradient = gradients[name];
      const first = firsts[name].mul(beta1).add(gradient.ref.mul(1 - beta1));
      const second = seconds[name].mul(beta2).add(gradient.ref.mul(gradient).mul(1 - beta2));
      const change = first.ref
        .mul(scale1.ref)
        .mul(lr)
        .div(np.sqrt(second.ref.mul(scale2.ref)).add(eps));
      for (const [i, array] of [weights[name].sub(change), first, second].entries())
        next[i][name] = array;
    }
    scale1.dispose();
    scale2.dispose();
    return [loss, ...next];
  });
  const zeros = () => tree.map((weight) => np.zeros(weight.shape), all);
  let state = [all, zeros(), zeros()];
  let steps = 0;
  const scaleOf = (beta) => np.array(1 / (1 - beta ** steps), { dtype: 'float32' });
  return async () => {
    steps++;
    const [loss, ...next] = compiled(
      ...state,
      scaleOf(beta1),
      scaleOf(beta2),
      tree.ref(inputs),
      oneHot.ref,
    );
    state = next;
    // The results of one jitted call are submitted together, so this waits for the new weights too.
    return (await loss.data())[0];
  };
}
