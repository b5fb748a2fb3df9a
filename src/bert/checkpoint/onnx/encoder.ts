import { FLOAT32_MAX } from '../../../kernels/kit/float32.ts';
import type { BertConfig, HiddenAct } from '../../config.ts';
import { activations } from '../../layers/encoder.ts';
import type { OnnxLayers } from './layers.ts';

/** The graph's inputs, [batch, length] each. */
export interface OnnxInputs {
  ids: string;
  mask: string;
  types: string;
}

/** How far a graph's texts reach: numbers of positions, as int64. */
export function positions(layers: OnnxLayers, ids: string): { length: string; range: string } {
  const { graph, op } = layers;
  const length = graph.node('Shape', [ids], { start: 1, end: 2 });
  const last = op('Squeeze', length);
  const range = op('Range', graph.constant('int64', 0), last, graph.constant('int64', 1));
  return { length, range };
}

/** Sum of word, segment and position embeddings, normalised. */
export function embeddings(
  layers: OnnxLayers,
  prefix: string,
  { ids, types }: OnnxInputs,
  { layerNormEps }: BertConfig,
): string {
  const { op, ints } = layers;
  const word = layers.embedding(ids, `${prefix}word_embeddings.weight`);
  const type = op('Gather', layers.weight(`${prefix}token_type_embeddings.weight`), types);
  const { length } = positions(layers, ids);
  const table = layers.weight(`${prefix}position_embeddings.weight`);
  const position = op('Slice', table, ints(0), length, ints(0));
  const sum = op('Add', op('Add', word, type), position);
  return layers.layerNorm(sum, `${prefix}LayerNorm`, layerNormEps);
}

/** What is added to attention scores: 0 or the lowest number, [batch, 1, 1, length]. */
export function additiveMask(layers: OnnxLayers, mask: string): string {
  const { op, graph } = layers;
  const isPadding = op('Sub', graph.constant('float32', 1), layers.toFloat32(mask));
  const added = op('Mul', isPadding, graph.constant('float32', -FLOAT32_MAX));
  return op('Unsqueeze', added, layers.ints(1, 2));
}

/** Lets no position attend to later ones: [batch, 1, length, length]. */
export function causalMask(layers: OnnxLayers, mask: string, ids: string): string {
  const { op, graph } = layers;
  const { range } = positions(layers, ids);
  const isLater = op('Greater', range, op('Unsqueeze', range, layers.ints(1)));
  return op('Where', isLater, graph.constant('float32', Number.NEGATIVE_INFINITY), mask);
}

/** Reverses an axis. */
export function flip(layers: OnnxLayers, x: string, axis: number): string {
  const { ints } = layers;
  return layers.op('Slice', x, ints(-1), ints(-(2 ** 31)), ints(axis), ints(-1));
}

export function activate(layers: OnnxLayers, x: string, act: HiddenAct): string {
  const { op } = layers;
  const number = (value: number) => layers.number(value);
  const kind = activations[act];
  if (kind === 'relu') return op('Relu', x);
  if (kind === 'tanh') return op('Tanh', x);
  if (kind === 'gelu') {
    const erf = op('Erf', op('Div', x, number(Math.SQRT2)));
    return op('Mul', op('Mul', x, op('Add', erf, number(1))), number(0.5));
  }
  const cubed = op('Mul', op('Mul', op('Mul', x, x), x), number(0.044715));
  const inner = op('Mul', op('Add', x, cubed), number(Math.sqrt(2 / Math.PI)));
  return op('Mul', op('Mul', x, op('Add', op('Tanh', inner), number(1))), number(0.5));
}

function attention(
  layers: OnnxLayers,
  module: string,
  x: string,
  mask: string,
  { hiddenSize, numAttentionHeads }: BertConfig,
): string {
  const { op, graph, ints } = layers;
  const size = hiddenSize / numAttentionHeads;
  const split = (part: string, perm: number[]) => {
    const projected = layers.linear(x, `${module}.${part}`);
    const heads = op('Reshape', projected, ints(0, 0, numAttentionHeads, size));
    return graph.node('Transpose', [heads], { perm });
  };
  const query = split('query', [0, 2, 1, 3]);
  const key = split('key', [0, 2, 3, 1]);
  const value = split('value', [0, 2, 1, 3]);
  const scores = op('Mul', op('MatMul', query, key), layers.number(1 / Math.sqrt(size)));
  const masked = op('Add', layers.toFloat32(scores), mask);
  const probs = layers.toFloat(graph.node('Softmax', [masked], { axis: -1 }));
  const context = graph.node('Transpose', [op('MatMul', probs, value)], { perm: [0, 2, 1, 3] });
  return op('Reshape', context, ints(0, 0, hiddenSize));
}

/** The last state of an encoder, [batch, length, hidden]. */
export function encoder(
  layers: OnnxLayers,
  prefix: string,
  embedded: string,
  mask: string,
  config: BertConfig,
): string {
  const { op } = layers;
  const output = (x: string, residual: string, module: string) =>
    layers.layerNorm(
      op('Add', layers.linear(x, `${module}.dense`), residual),
      `${module}.LayerNorm`,
      config.layerNormEps,
    );
  let x = embedded;
  for (let i = 0; i < config.numHiddenLayers; i++) {
    const layer = `${prefix}layer.${i}`;
    const context = attention(layers, `${layer}.attention.self`, x, mask, config);
    const attended = output(context, x, `${layer}.attention.output`);
    const inner = layers.linear(attended, `${layer}.intermediate.dense`);
    x = output(activate(layers, inner, config.hiddenAct), attended, `${layer}.output`);
  }
  return x;
}

/** A vector through a dense layer and tanh. */
export const pooler = (layers: OnnxLayers, vector: string, module: string): string =>
  layers.op('Tanh', layers.linear(vector, `${module}.dense`));

/** The state of one position: [batch, length, size] → [batch, size]. */
export const firstState = (layers: OnnxLayers, x: string): string =>
  layers.graph.node('Gather', [x, layers.graph.constant('int64', 0)], { axis: 1 });

/** Rows by their numbers: [batch, length, size], [batch, n] → [batch, n, size]. */
export const rowsAt = (layers: OnnxLayers, x: string, index: string): string =>
  layers.graph.node('GatherND', [x, layers.op('Unsqueeze', index, layers.ints(-1))], {
    batch_dims: 1,
  });

/** The state of the first or last token that is not padding: [batch, size]. */
export function endState(
  layers: OnnxLayers,
  x: string,
  mask: string,
  end: 'first' | 'last',
): string {
  const index = layers.graph.node('ArgMax', [mask], {
    axis: 1,
    keepdims: 1,
    select_last_index: end === 'last' ? 1 : 0,
  });
  return layers.graph.node('GatherND', [x, index], { batch_dims: 1 });
}

/** The mean over the tokens that are not padding: [batch, size]. */
export function meanState(layers: OnnxLayers, x: string, mask: string): string {
  const { op, ints, graph } = layers;
  const weights = layers.toFloat(mask);
  const sum = graph.node('ReduceSum', [weights, ints(1)], { keepdims: 1 });
  const shares = op('Div', weights, op('Max', sum, layers.number(1)));
  return op('Squeeze', op('MatMul', op('Unsqueeze', shares, ints(1)), x), ints(1));
}
