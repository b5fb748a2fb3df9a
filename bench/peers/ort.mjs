/** The works as sessions, for onnxruntime-node and onnxruntime-web. */
import * as onnx from './onnx.mjs';

/** @returns { kinds, cannot } for `serve`. */
export function ortWorks(ort, executionProvider, options = {}) {
  const session = (model, extra) =>
    ort.InferenceSession.create(model, {
      ...options,
      ...extra,
      executionProviders: [executionProvider],
    });
  const work = (ready, feeds = {}) => {
    const [all, first] = ready.outputNames;
    const read = async (name) => (await ready.run(feeds, [name]))[name].data;
    return { run: async () => (await read(first))[0], result: () => read(all) };
  };
  // These graphs are all constants: optimisation would compute the result once, ahead of the runs.
  const asWritten = (modelOf) => async (inputs) =>
    work(await session(modelOf(inputs), { graphOptimizationLevel: 'disabled' }));
  const kinds = {
    matmul: asWritten(onnx.matmulModel),
    softmax: asWritten(onnx.softmaxModel),
    layerNorm: asWritten(onnx.layerNormModel),
    gelu: asWritten(onnx.geluModel),
    adds: asWritten(onnx.addsModel),
    async bertForward({ bert, weights, batch }) {
      const { ids, types, bias } = batch;
      const shape = [bert.batch, bert.length];
      return work(await session(onnx.bertModel({ bert, weights })), {
        ids: new ort.Tensor('int32', ids, shape),
        types: new ort.Tensor('int32', types, shape),
        bias: new ort.Tensor('float32', bias, [bert.batch, 1, 1, bert.length]),
      });
    },
  };
  return { kinds, cannot: { bertTrain: 'cannot train', adamw: 'cannot train' } };
}
