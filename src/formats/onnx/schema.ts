import { PbfWriter } from 'pbf';

/**
 * The messages of ONNX that a model's file needs, written as protocol buffers. Field numbers are
 * those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */

/** `TensorProto.DataType` */
export const onnxTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
} as const;
export type OnnxType = keyof typeof onnxTypes;

/** The value of an attribute; a number is an integer, `float` tells the others. */
export type Attribute = number | readonly number[] | { float: number };

export interface OnnxNode {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Readonly<Record<string, Attribute>>;
}

/** A graph's input or output. A dimension with a name may have any size. */
export interface OnnxValue {
  name: string;
  type: OnnxType;
  dims: readonly (number | string)[];
}

/** `AttributeProto.AttributeType` */
const attributeTypes = { float: 1, int: 2, ints: 7 } as const;

/** Wire type of what has a length in front. */
const LENGTH_DELIMITED = 2;

function writeAttribute([name, value]: readonly [string, Attribute], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  if (typeof value === 'number') {
    pbf.writeVarintField(3, value);
    pbf.writeVarintField(20, attributeTypes.int);
  } else if ('float' in value) {
    pbf.writeFloatField(2, value.float);
    pbf.writeVarintField(20, attributeTypes.float);
  } else {
    for (const each of value) pbf.writeVarintField(8, each);
    pbf.writeVarintField(20, attributeTypes.ints);
  }
}

function writeNode({ op, inputs, outputs, attributes }: OnnxNode, pbf: PbfWriter): void {
  for (const name of inputs) pbf.writeStringField(1, name);
  for (const name of outputs) pbf.writeStringField(2, name);
  pbf.writeStringField(3, `node_${outputs[0]}`);
  pbf.writeStringField(4, op);
  for (const attribute of Object.entries(attributes))
    pbf.writeMessage(5, writeAttribute, attribute);
}

function writeDimension(dim: number | string, pbf: PbfWriter): void {
  if (typeof dim === 'number') pbf.writeVarintField(1, dim);
  else pbf.writeStringField(2, dim);
}

function writeShape(dims: OnnxValue['dims'], pbf: PbfWriter): void {
  for (const dim of dims) pbf.writeMessage(1, writeDimension, dim);
}

function writeTensorType({ type, dims }: OnnxValue, pbf: PbfWriter): void {
  pbf.writeVarintField(1, onnxTypes[type]);
  pbf.writeMessage(2, writeShape, dims);
}

const writeType = (value: OnnxValue, pbf: PbfWriter): void =>
  pbf.writeMessage(1, writeTensorType, value);

function writeValue(value: OnnxValue, pbf: PbfWriter): void {
  pbf.writeStringField(1, value.name);
  pbf.writeMessage(2, writeType, value);
}

/** A graph without its initializers: nodes, name, inputs and outputs. */
export function graphBytes(graph: {
  name: string;
  nodes: readonly OnnxNode[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
}): Uint8Array {
  const pbf = new PbfWriter();
  for (const node of graph.nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, graph.name);
  for (const value of graph.inputs) pbf.writeMessage(11, writeValue, value);
  for (const value of graph.outputs) pbf.writeMessage(12, writeValue, value);
  return pbf.finish();
}

/** What comes before the values of an initializer, which are `size` bytes. */
export function initializerHead(tensor: {
  name: string;
  type: OnnxType;
  shape: readonly number[];
  size: number;
}): Uint8Array {
  const fields = new PbfWriter();
  for (const dim of tensor.shape) fields.writeVarintField(1, dim);
  fields.writeVarintField(2, onnxTypes[tensor.type]);
  fields.writeStringField(8, tensor.name);
  fields.writeTag(9, LENGTH_DELIMITED);
  fields.writeVarint(tensor.size);
  const head = fields.finish();
  const pbf = new PbfWriter();
  pbf.writeTag(5, LENGTH_DELIMITED);
  pbf.writeVarint(head.length + tensor.size);
  return Uint8Array.from([...pbf.finish(), ...head]);
}

function writeOpset(version: number, pbf: PbfWriter): void {
  pbf.writeStringField(1, '');
  pbf.writeVarintField(2, version);
}

/** What comes before the graph of a model, which is `size` bytes. */
export function modelHead(model: {
  irVersion: number;
  opset: number;
  producer: string;
  size: number;
}): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, model.irVersion);
  pbf.writeStringField(2, model.producer);
  pbf.writeMessage(8, writeOpset, model.opset);
  pbf.writeTag(7, LENGTH_DELIMITED);
  pbf.writeVarint(model.size);
  return pbf.finish();
}
