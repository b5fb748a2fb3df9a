import { UsageError } from '../../platform/errors.ts';
import { formatBytes } from '../../platform/format.ts';
import type { FileContent } from '../../platform/types.ts';
import {
  type Attribute,
  graphBytes,
  initializerHead,
  modelHead,
  type OnnxNode,
  type OnnxType,
  type OnnxValue,
  onnxTypes,
} from './schema.ts';

/** Of ONNX 1.12, the first with `LayerNormalization`. */
const OPSET = 17;
const IR_VERSION = 8;
/** Protocol buffers count the bytes of a message in 31 bits. */
const MAX_BYTES = 2 ** 31 - 1;

/** Bytes of one element. */
const typeBytes: Record<OnnxType, number> = {
  ...{ float32: 4, uint8: 1, int8: 1, int32: 4, int64: 8, bool: 1, float16: 2 },
};

/** A tensor whose values are fetched when the file is written. */
export interface OnnxTensor {
  type: OnnxType;
  shape: readonly number[];
  data: () => Promise<ArrayBufferView>;
}

/**
 * A graph of ONNX operators that is built node by node; values go by their names.
 * @example
 * const graph = new OnnxGraph('double');
 * const x = graph.input('x', 'float32', ['batch', 2]);
 * graph.output('y', graph.node('Add', [x, x]), ['batch', 2]);
 * const bytes = graph.content(); // pieces of the file
 */
export class OnnxGraph {
  readonly #name: string;
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  #values = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Declares an input; returns its name. */
  input(name: string, type: OnnxType, dims: OnnxValue['dims']): string {
    this.#inputs.push({ name, type, dims });
    return name;
  }

  /** Declares a value as an output under a name, in float32. */
  output(name: string, value: string, dims: OnnxValue['dims']): void {
    const to = onnxTypes.float32;
    this.#nodes.push({ op: 'Cast', inputs: [value], outputs: [name], attributes: { to } });
    this.#outputs.push({ name, type: 'float32', dims });
  }

  /** Adds a tensor that is stored in the file, unless there is one of that name. */
  initializer(name: string, tensor: OnnxTensor): string {
    if (!this.#initializers.has(name)) this.#initializers.set(name, tensor);
    return name;
  }

  /** A few numbers that are stored in the file; without a shape, one number is a scalar. */
  constant(
    type: 'float32' | 'int64',
    values: number | readonly number[],
    shape: readonly number[] = Array.isArray(values) ? [values.length] : [],
  ): string {
    const list = [values].flat() as number[];
    const data = type === 'int64' ? BigInt64Array.from(list, BigInt) : Float32Array.from(list);
    const name = `${type}_${list.join('_')}_of_${shape.join('_')}`;
    return this.initializer(name, { type, shape, data: async () => data });
  }

  /** Adds a node; returns the name of its output. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    return this.nodes(op, inputs, 1, attributes)[0];
  }

  /** Adds a node with several outputs; returns their names. */
  nodes(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string[] {
    const outputs = Array.from({ length: count }, () => `${op}_${this.#values++}`);
    this.#nodes.push({ op, inputs, outputs, attributes });
    return outputs;
  }

  /**
   * The file, whose tensors are fetched while it is read.
   * @throws UsageError when it is larger than a protocol buffer may be.
   */
  content(): Exclude<FileContent, string | Uint8Array> {
    const tensors = Array.from(this.#initializers, ([name, { type, shape, data }]) => {
      const size = shape.reduce((a, b) => a * b, typeBytes[type]);
      return { head: initializerHead({ name, type, shape, size }), size, data };
    });
    const graph = graphBytes({
      name: this.#name,
      nodes: this.#nodes,
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
    const size = tensors.reduce((sum, { head, size }) => sum + head.length + size, graph.length);
    const head = modelHead({ irVersion: IR_VERSION, opset: OPSET, producer: 'wigbert', size });
    const bytes = head.length + size;
    if (bytes > MAX_BYTES)
      throw new UsageError(
        `an ONNX file holds at most ${formatBytes(MAX_BYTES)}, the model takes ` +
          `${formatBytes(bytes)}: \`dtype\`: use float16 or int8`,
      );
    return {
      bytes,
      async *[Symbol.asyncIterator]() {
        yield head;
        yield graph;
        for (const { head: before, data } of tensors) {
          yield before;
          const values = await data();
          yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        }
      },
    };
  }
}
