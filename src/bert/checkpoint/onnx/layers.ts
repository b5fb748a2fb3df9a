import { quantizedParts } from '../../../formats/int8.ts';
import type { OnnxGraph } from '../../../formats/onnx/graph.ts';
import { onnxTypes } from '../../../formats/onnx/schema.ts';
import { toFloat16 } from '../../../formats/safetensors/dtypes.ts';
import type { Tensor } from '../../../tensor/index.ts';
import type { WeightDtype } from '../torchDtype.ts';

/**
 * Largest weight in 8 bits. Processors without VNNI add two products of 8 bits in 16 bits, which
 * larger weights would exceed.
 */
const INT8_LIMIT = 64;

/**
 * Layers as nodes of a graph, with the weights of a model. Modules go by their names in its state
 * dict. In int8, the large matrices are stored in 8 bits with a scale for each output; matrix
 * products round their input to 8 bits too, by its range in the batch (`DynamicQuantizeLinear`).
 */
export class OnnxLayers {
  readonly graph: OnnxGraph;
  readonly #weights: ReadonlyMap<string, Tensor>;
  readonly #dtype: WeightDtype;
  /** The type that is computed in. */
  readonly #float: 'float32' | 'float16';
  /** Inputs of products in 8 bits: values, scale and zero point. */
  readonly #quantized = new Map<string, string[]>();

  constructor(graph: OnnxGraph, weights: ReadonlyMap<string, Tensor>, dtype: WeightDtype) {
    this.graph = graph;
    this.#weights = weights;
    this.#dtype = dtype;
    this.#float = dtype === 'float16' ? 'float16' : 'float32';
  }

  /** A node with one output. */
  op = (name: string, ...inputs: string[]): string => this.graph.node(name, inputs);

  ints = (...values: number[]): string => this.graph.constant('int64', values);

  /** A number of the type that is computed in. */
  number(value: number): string {
    const constant = this.graph.constant('float32', value);
    return this.#float === 'float32' ? constant : this.toFloat(constant);
  }

  toFloat = (x: string): string => this.graph.node('Cast', [x], { to: onnxTypes[this.#float] });

  /** For attention scores, which half precision is too coarse for. */
  toFloat32 = (x: string): string => this.graph.node('Cast', [x], { to: onnxTypes.float32 });

  has = (name: string): boolean => this.#weights.has(name);

  shapeOf = (name: string): readonly number[] => this.#weights.get(name)!.shape;

  /** A weight as it is, or as `change` makes it of the same size. */
  weight(
    name: string,
    shape: readonly number[] = this.shapeOf(name),
    change: (data: Float32Array) => Float32Array = (data) => data,
  ): string {
    const data = async () => {
      const values = change(await this.#data(name));
      return this.#float === 'float16' ? toFloat16(values, name) : values;
    };
    return this.graph.initializer(name, { type: this.#float, shape, data });
  }

  /** x Wᵀ + b: [..., in] → [..., out]. With `exact`, never in 8 bits. */
  linear(x: string, module: string, { exact = false } = {}): string {
    const { op } = this;
    const weight = `${module}.weight`;
    const [out, inputs] = this.shapeOf(weight);
    const turned = transposed(out, inputs);
    const product =
      this.#dtype === 'int8' && !exact
        ? this.#int8Product(x, this.#int8Weight(weight, turned, [inputs, out]))
        : op('MatMul', x, this.weight(weight, [inputs, out], turned));
    return this.has(`${module}.bias`) ? op('Add', product, this.weight(`${module}.bias`)) : product;
  }

  /** As `weight`; in int8, stored in 8 bits and computed with in float32. [rows, ...] */
  storedInt8(
    name: string,
    shape: readonly number[],
    change: <A extends Float32Array | Int8Array>(data: A) => A,
  ): string {
    if (this.#dtype !== 'int8') return this.weight(name, shape, change);
    const { values, scales } = this.#int8Weight(name, change, shape, change);
    const axis = shape.indexOf(this.shapeOf(name)[0]);
    return this.graph.node('DequantizeLinear', [values, scales], { axis });
  }

  /** Scores of all rows of an embedding table: x Eᵀ + bias. */
  scores(x: string, table: string, bias?: string): string {
    const { op } = this;
    const turn = (matrix: string) => this.graph.node('Transpose', [matrix], { perm: [1, 0] });
    let product: string;
    if (this.#dtype === 'int8') {
      const { values, scales } = this.#int8Weight(table);
      product = this.#int8Product(x, { values: turn(values), scales });
    } else product = op('MatMul', x, turn(this.weight(table)));
    return bias === undefined ? product : op('Add', product, this.weight(bias));
  }

  /** Rows of a table: ids of [...] → [..., size]. */
  embedding(ids: string, table: string): string {
    const { op } = this;
    if (this.#dtype !== 'int8') return op('Gather', this.weight(table), ids);
    const { values, scales } = this.#int8Weight(table);
    const scale = op('Unsqueeze', op('Gather', scales, ids), this.ints(-1));
    return op('Mul', this.toFloat(op('Gather', values, ids)), scale);
  }

  layerNorm(x: string, module: string, epsilon: number): string {
    const inputs = [x, this.weight(`${module}.weight`), this.weight(`${module}.bias`)];
    return this.graph.node('LayerNormalization', inputs, {
      axis: -1,
      epsilon: { float: epsilon },
    });
  }

  /** A weight in 8 bits, rounded row by row; then changed to `shape` of the same size. */
  #int8Weight(
    name: string,
    change: <A extends Float32Array | Int8Array>(data: A) => A = (data) => data,
    shape: readonly number[] = this.shapeOf(name),
    changeScales: (scales: Float32Array) => Float32Array = (scales) => scales,
  ): { values: string; scales: string } {
    const [rows] = this.shapeOf(name);
    const parts = quantizedParts(() => this.#data(name), rows, INT8_LIMIT);
    return {
      values: this.graph.initializer(`${name}_int8`, {
        type: 'int8',
        shape,
        data: async () => change(await parts.values()),
      }),
      scales: this.graph.initializer(`${name}_scale`, {
        type: 'float32',
        shape: [rows],
        data: async () => changeScales(await parts.scales()),
      }),
    };
  }

  #int8Product(x: string, { values, scales }: { values: string; scales: string }): string {
    const { op, graph } = this;
    const found = this.#quantized.get(x) ?? graph.nodes('DynamicQuantizeLinear', [x], 3);
    this.#quantized.set(x, found);
    const [input, scale, zero] = found;
    const sums = this.toFloat(op('MatMulInteger', input, values, zero));
    return op('Mul', sums, op('Mul', scales, scale));
  }

  async #data(name: string): Promise<Float32Array> {
    return (await this.#weights.get(name)!.data()) as Float32Array;
  }
}

/** Turns a matrix of `rows` × `columns`. */
const transposed =
  (rows: number, columns: number) =>
  <A extends Float32Array | Int8Array>(data: A): A => {
    const turned = new (data.constructor as new (length: number) => A)(data.length);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        turned[column * rows + row] = data[row * columns + column];
    return turned;
  };
