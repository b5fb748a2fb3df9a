import type { BertConfig } from '../../config.ts';
import {
  additiveMask,
  causalMask,
  embeddings,
  encoder,
  endState,
  flip,
  type OnnxInputs,
  positions,
  rowsAt,
} from './encoder.ts';
import type { OnnxLayers } from './layers.ts';

/** States of a forward and a backward encoder, in the text's order. */
export interface Directions {
  forward: string;
  backward: string;
}

/** The last states of `BertBiBackbone`. */
export function bertDirections(
  layers: OnnxLayers,
  prefix: string,
  inputs: OnnxInputs,
  config: BertConfig,
): Directions {
  const embedded = embeddings(layers, `${prefix}embeddings.`, inputs, config);
  const run = (name: string, x: string, mask: string) => {
    const added = causalMask(layers, additiveMask(layers, mask), inputs.ids);
    return encoder(layers, `${prefix}${name}.`, x, added, config);
  };
  const turned = flip(layers, embedded, 1);
  const backward = run('backward_encoder', turned, flip(layers, inputs.mask, 1));
  return {
    forward: run('encoder', embedded, inputs.mask),
    backward: flip(layers, backward, 1),
  };
}

/** The word vectors and the states of each layer of `BiLstmModel`, from the lowest. */
export function lstmDirections(
  layers: OnnxLayers,
  prefix: string,
  inputs: OnnxInputs,
  config: BertConfig,
): Directions[] {
  const words = layers.embedding(inputs.ids, `${prefix}embeddings.word_embeddings.weight`);
  const read = (direction: 'forward' | 'backward') => {
    const { order, places } = readingOrder(layers, inputs, direction === 'backward');
    let x = rowsAt(layers, words, order);
    const states = Array.from({ length: config.numHiddenLayers }, (_, i) => {
      const output = lstm(layers, x, `${prefix}encoder.${direction}_layers.${i}.lstm`, config);
      x = i === 0 ? output : layers.op('Add', output, x);
      return rowsAt(layers, x, places);
    });
    return [words, ...states];
  };
  const [forward, backward] = [read('forward'), read('backward')];
  return forward.map((state, i) => ({ forward: state, backward: backward[i] }));
}

/** The order in which each text's tokens are read, its padding last; and the inverse. */
function readingOrder(layers: OnnxLayers, { ids, mask }: OnnxInputs, reverse: boolean) {
  const { op, graph } = layers;
  const int64 = (x: string) => graph.node('Cast', [x], { to: 7 });
  const { length, range } = positions(layers, ids);
  const isPadding = int64(op('Equal', mask, graph.constant('int64', 0)));
  const ranks = op('Mul', isPadding, length);
  const own = reverse ? flip(layers, range, 0) : range;
  const argsort = (x: string) =>
    graph.nodes('TopK', [x, length], 2, { axis: -1, largest: 0, sorted: 1 })[1];
  const order = argsort(op('Add', ranks, own));
  return { order, places: argsort(order) };
}

/** PyTorch's gates are input, forget, cell, output; ONNX's input, output, forget, cell. */
function reorderGates<A extends Float32Array | Int8Array>(data: A): A {
  const size = data.length / 4;
  const ordered = data.slice() as A;
  for (const [to, from] of [0, 3, 1, 2].entries())
    ordered.set(data.subarray(from * size, (from + 1) * size), to * size);
  return ordered;
}

/** One layer in one direction: [batch, length, hidden] → the same shape. */
function lstm(layers: OnnxLayers, x: string, module: string, { hiddenSize }: BertConfig): string {
  const { op, graph, ints } = layers;
  const turn = (states: string) => graph.node('Transpose', [states], { perm: [1, 0, 2] });
  const shapeOf = (name: string) => [1, ...layers.shapeOf(name)];
  const gates = (part: string) => {
    const name = `${module}.${part}`;
    return layers.storedInt8(name, shapeOf(name), reorderGates);
  };
  const biases = ['bias_ih_l0', 'bias_hh_l0'].map((part) => {
    const name = `${module}.${part}`;
    return layers.weight(name, shapeOf(name), reorderGates);
  });
  const bias = graph.node('Concat', biases, { axis: 1 });
  const inputs = [turn(x), gates('weight_ih_l0'), gates('weight_hh_l0'), bias];
  const states = graph.node('LSTM', inputs, { hidden_size: hiddenSize });
  return turn(op('Squeeze', states, ints(1)));
}

/** ELMo's weighted mean of the layers: γ Σ softmax(w)ⱼ hⱼ. */
export function scalarMix(layers: OnnxLayers, states: readonly string[], module: string): string {
  const { op, graph, ints } = layers;
  const shares = graph.node('Softmax', [layers.weight(`${module}.weights`)], { axis: 0 });
  const stacked = graph.node(
    'Concat',
    states.map((state) => op('Unsqueeze', state, ints(-1))),
    { axis: -1 },
  );
  const sum = graph.node('ReduceSum', [op('Mul', stacked, shares), ints(-1)], { keepdims: 0 });
  return op('Mul', sum, layers.weight(`${module}.scale`));
}

/** The two states that have seen the whole text: [batch, 2 hidden]. */
export const endStates = (
  layers: OnnxLayers,
  { forward, backward }: Directions,
  mask: string,
): string =>
  layers.graph.node(
    'Concat',
    [endState(layers, forward, mask, 'last'), endState(layers, backward, mask, 'first')],
    { axis: -1 },
  );

/** The mean of the vectors at most `window` apart, without the own one: [batch, length, hidden]. */
export function wordContext(
  layers: OnnxLayers,
  vectors: string,
  { ids, mask }: OnnxInputs,
  window: number,
): string {
  const { op, graph, ints } = layers;
  const { range } = positions(layers, ids);
  const distance = op('Abs', op('Sub', range, op('Unsqueeze', range, ints(1))));
  const limit = (value: number) => graph.constant('int64', value);
  const isNear = op(
    'And',
    op('Greater', distance, limit(0)),
    op('LessOrEqual', distance, limit(window)),
  );
  const weights = op('Mul', layers.toFloat(isNear), op('Unsqueeze', layers.toFloat(mask), ints(1)));
  const sum = graph.node('ReduceSum', [weights, ints(-1)], { keepdims: 1 });
  return op('MatMul', op('Div', weights, op('Max', sum, layers.number(1))), vectors);
}
