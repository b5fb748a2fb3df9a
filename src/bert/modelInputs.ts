import type { Device } from '../device/device.ts';
import { ArgumentError } from '../platform/errors.ts';
import {
  type CrossEntropyOptions,
  crossEntropy,
  type NestedArray,
  Tensor,
  tensor,
} from '../tensor/index.ts';

/** Ids as tensors or nested arrays: what `BertTokenizer.encodeBatch` returns can be passed as it is. */
export interface BertInputs {
  /** [batch, length] */
  inputIds: Tensor | NestedArray;
  /** 1: attended to, 0: padding. Default: all 1. */
  attentionMask?: Tensor | NestedArray;
  /** Segment of each token. Default: 0. */
  tokenTypeIds?: Tensor | NestedArray;
  /** Default: 0, 1, 2, … in each row. */
  positionIds?: Tensor | NestedArray;
  /** Whether `attentions` are wanted; they take memory and time. Default: false. */
  outputAttentions?: boolean;
}

/**
 * Whole numbers as an int32 tensor; one that is a tensor already stays as it is.
 * @throws as `checkIdValues`.
 */
export function toIdTensor(ids: Tensor | NestedArray, device: Device, name: string): Tensor {
  if (ids instanceof Tensor) return ids;
  checkIdValues(ids, name);
  return tensor(ids, { dtype: 'int32', device });
}

/** @throws ArgumentError when one is no whole number of 32 bits; `name` stands for the input in the message. */
export function checkIdValues(ids: NestedArray, name: string): void {
  if (ids instanceof Int32Array) return;
  if (typeof ids === 'object' && ids !== null) for (const each of ids) checkIdValues(each, name);
  else if (Number(ids) !== (Number(ids) | 0))
    throw new ArgumentError(`${name}: whole numbers of 32 bits were expected, not ${ids}`);
}

const idInputs = ['inputIds', 'attentionMask', 'tokenTypeIds', 'positionIds'] as const;
type IdTensors = { inputIds: Tensor } & Partial<Record<(typeof idInputs)[number], Tensor>>;

/**
 * The ids among the inputs of a model, those that are given, as tensors; of texts, one row of them is for all.
 * @param dims names of the dimensions that they have
 * @throws ArgumentError when there are other dimensions, or sizes differ; as `checkIdValues`.
 */
export function toIdTensors(
  model: string,
  inputs: BertInputs,
  dims: readonly string[],
  device: Device,
): IdTensors {
  const show = (parts: readonly unknown[]) => `[${parts.join(', ')}]`;
  const tensors = { inputIds: toIdTensor(inputs.inputIds, device, 'inputIds') } as IdTensors;
  const { shape } = tensors.inputIds;
  if (shape.length !== dims.length)
    throw new ArgumentError(
      `${model}: inputIds of shape ${show(dims)} were expected, not ${show(shape)}`,
    );
  const isRow = (ids: Tensor) => dims.length === 2 && show(ids.shape) === show([1, shape[1]]);
  const broadcastRow = (ids: Tensor) => (isRow(ids) ? ids.expand(shape) : ids);
  for (const name of idInputs) {
    const given = inputs[name];
    if (given === undefined) continue;
    tensors[name] ??= broadcastRow(toIdTensor(given, device, name));
    if (show(tensors[name].shape) !== show(shape))
      throw new ArgumentError(
        `${model}: ${name} is ${show(tensors[name].shape)}, inputIds are ${show(shape)}`,
      );
  }
  return tensors;
}

/**
 * Mean cross-entropy. logits: [..., classes], labels: [...] as class numbers.
 * @throws ArgumentError when the labels, `name` in the message, are of another shape, or one from the host is no class; ArgumentError as
 * `checkIdValues`.
 */
export function classificationLoss(
  logits: Tensor,
  labels: Tensor | NestedArray,
  name: string,
  options?: CrossEntropyOptions,
): Tensor {
  const known = toIdTensor(labels, logits.device, name);
  checkLabelShape(known.shape, logits.shape.slice(0, -1), name);
  return crossEntropy(logits.reshape([-1, logits.shape.at(-1)!]), known.reshape([-1]), options);
}

/** Throws a ArgumentError unless there are labels for all that is to be labelled; dimensions of 1 do not count. */
export function checkLabelShape(
  shape: readonly number[],
  expected: readonly number[],
  name: string,
): void {
  const sizes = (dims: readonly number[]) => dims.filter((n) => n !== 1).join();
  if (sizes(shape) !== sizes(expected))
    throw new ArgumentError(
      `${name} of shape [${expected.join(', ')}] were expected, not [${shape.join(', ')}]`,
    );
}
