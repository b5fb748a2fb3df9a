/**
 * Writes ONNX models (protobuf by hand). The inputs of a work are constants of the graph, so that
 * they are on the device before a run, as with the other peers. The outputs are the whole result
 * and its first element; a run fetches one of them.
 */
const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;

/** A protobuf message; every method adds a field by its number. */
class Message {
  #parts = [];

  #varint(number) {
    const bytes = [];
    let rest = BigInt.asUintN(64, BigInt(number));
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    this.#parts.push(Buffer.from([...bytes, Number(rest)]));
    return this;
  }
  int(field, number) {
    return this.#varint(field << 3).#varint(number);
  }
  float(field, number) {
    this.#varint((field << 3) | 5);
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(number);
    this.#parts.push(bytes);
    return this;
  }
  bytes(field, bytes) {
    this.#varint((field << 3) | 2).#varint(bytes.length);
    this.#parts.push(bytes);
    return this;
  }
  text(field, text) {
    return this.bytes(field, Buffer.from(text));
  }
  message(field, message) {
    return this.bytes(field, message.done());
  }
  done() {
    return Buffer.concat(this.#parts);
  }
}

function tensorMessage(name, type, shape, data) {
  const message = new Message();
  for (const size of shape) message.int(1, size);
  return message
    .int(2, type)
    .text(8, name)
    .bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}

function valueMessage(name, type, shape) {
  const sizes = new Message();
  for (const size of shape) sizes.message(1, new Message().int(1, size));
  return new Message()
    .text(1, name)
    .message(2, new Message().message(1, new Message().int(1, type).message(2, sizes)));
}

function attributeMessage(name, value) {
  const message = new Message().text(1, name);
  if (Array.isArray(value)) {
    for (const number of value) message.int(8, number);
    return message.int(20, 7);
  }
  return Number.isInteger(value)
    ? message.int(3, value).int(20, 2)
    : message.float(2, value).int(20, 1);
}

class Graph {
  #nodes = [];
  #constants = [];
  #inputs = [];
  #count = 0;

  #name() {
    return `v${this.#count++}`;
  }
  /** An input of each run: int32 or float32. */
  input(name, shape, type) {
    this.#inputs.push(valueMessage(name, type, shape));
    return name;
  }
  constant(data, shape) {
    const name = this.#name();
    this.#constants.push(tensorMessage(name, FLOAT, shape, data));
    return name;
  }
  sizes(numbers) {
    const name = this.#name();
    this.#constants.push(
      tensorMessage(name, INT64, [numbers.length], BigInt64Array.from(numbers, BigInt)),
    );
    return name;
  }
  /** Adds an operation. @returns the name of its result. */
  op(type, inputs, attributes = {}, output = this.#name()) {
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    node.text(2, output).text(3, `node_${output}`).text(4, type);
    for (const [name, value] of Object.entries(attributes))
      node.message(5, attributeMessage(name, value));
    this.#nodes.push(node);
    return output;
  }
  /** The model whose result is `result`, of the given shape. */
  model(result, shape) {
    const [zeros, ones, axes] = [
      shape.map(() => 0),
      shape.map(() => 1),
      shape.map((_, axis) => axis),
    ];
    this.op(
      'Slice',
      [result, ...[zeros, ones, axes].map((numbers) => this.sizes(numbers))],
      {},
      'first',
    );
    const graph = new Message();
    for (const node of this.#nodes) graph.message(1, node);
    graph.text(2, 'work');
    for (const constant of this.#constants) graph.message(5, constant);
    for (const input of this.#inputs) graph.message(11, input);
    graph
      .message(12, valueMessage(result, FLOAT, shape))
      .message(12, valueMessage('first', FLOAT, ones));
    const operators = new Message().text(1, '').int(2, 20);
    return new Message()
      .int(1, 9)
      .text(2, 'wigbert-peers')
      .message(7, graph)
      .message(8, operators)
      .done();
  }
}

/** A transposed operand is stored as it is; the graph transposes it, as in models. */
export function matmulModel({ m, k, n, layout, a, b }) {
  const graph = new Graph();
  const operand = (data, shape, isTransposed) =>
    isTransposed
      ? graph.op('Transpose', [graph.constant(data, shape.toReversed())], { perm: [1, 0] })
      : graph.constant(data, shape);
  const inputs = [operand(a, [m, k], layout === 'TN'), operand(b, [k, n], layout === 'NT')];
  return graph.model(graph.op('MatMul', inputs), [m, n]);
}

export function softmaxModel({ shape, x }) {
  const graph = new Graph();
  return graph.model(graph.op('Softmax', [graph.constant(x, shape)], { axis: -1 }), shape);
}

export function layerNormModel({ shape, x, weight, bias, eps }) {
  const graph = new Graph();
  const inputs = [
    graph.constant(x, shape),
    graph.constant(weight, [shape[1]]),
    graph.constant(bias, [shape[1]]),
  ];
  return graph.model(graph.op('LayerNormalization', inputs, { axis: -1, epsilon: eps }), shape);
}

export function geluModel({ shape, x }) {
  const graph = new Graph();
  return graph.model(graph.op('Gelu', [graph.constant(x, shape)]), shape);
}

export function addsModel({ shape, times, x, y }) {
  const graph = new Graph();
  let sum = graph.constant(x, shape);
  const added = graph.constant(y, shape);
  for (let i = 0; i < times; i++) sum = graph.op('Add', [sum, added]);
  return graph.model(sum, shape);
}

/** The BERT classifier; each run gets ids, types and bias, as with the other peers. */
export function bertModel({ bert, weights }) {
  const { batch, length, hidden, heads, eps } = bert;
  const width = hidden / heads;
  const graph = new Graph();
  const all = Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [name, graph.constant(data, shape)]),
  );
  const ids = graph.input('ids', [batch, length], INT32);
  const types = graph.input('types', [batch, length], INT32);
  const bias = graph.input('bias', [batch, 1, 1, length], FLOAT);
  const rows = graph.sizes([batch * length, hidden]);
  const headed = graph.sizes([batch, length, heads, width]);
  const scale = graph.constant(Float32Array.of(1 / Math.sqrt(width)), []);

  const add = (a, b) => graph.op('Add', [a, b]);
  const product = (a, b) => graph.op('MatMul', [a, b]);
  const reshaped = (x, sizes) => graph.op('Reshape', [x, sizes]);
  const transposed = (x, perm) => graph.op('Transpose', [x], { perm });
  const dense = (x, name) => add(product(x, all[`${name}.weight`]), all[`${name}.bias`]);
  const norm = (x, name) =>
    graph.op('LayerNormalization', [x, all[`${name}.weight`], all[`${name}.bias`]], {
      axis: -1,
      epsilon: eps,
    });
  const split = (x, perm) => transposed(reshaped(x, headed), perm);

  const embedded = add(
    add(graph.op('Gather', [all.word, ids]), all.position),
    graph.op('Gather', [all.type, types]),
  );
  let x = norm(reshaped(embedded, rows), 'norm');
  for (let layer = 0; layer < bert.layers; layer++) {
    const query = split(dense(x, `${layer}.query`), [0, 2, 1, 3]);
    const key = split(dense(x, `${layer}.key`), [0, 2, 3, 1]);
    const value = split(dense(x, `${layer}.value`), [0, 2, 1, 3]);
    const scores = add(graph.op('Mul', [product(query, key), scale]), bias);
    const context = product(graph.op('Softmax', [scores], { axis: -1 }), value);
    x = norm(
      add(x, dense(reshaped(transposed(context, [0, 2, 1, 3]), rows), `${layer}.output`)),
      `${layer}.norm1`,
    );
    x = norm(
      add(x, dense(graph.op('Gelu', [dense(x, `${layer}.up`)]), `${layer}.down`)),
      `${layer}.norm2`,
    );
  }
  const sentences = reshaped(x, graph.sizes([batch, length, hidden]));
  const first = graph.op('Slice', [
    sentences,
    graph.sizes([0]),
    graph.sizes([1]),
    graph.sizes([1]),
  ]);
  const pooled = graph.op('Tanh', [dense(reshaped(first, graph.sizes([batch, hidden])), 'pooler')]);
  return graph.model(dense(pooled, 'classifier'), [batch, bert.labels]);
}
