import type { Device } from '../device/device.ts';
import { ArgumentError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import {
  type CrossEntropyOptions,
  crossEntropy,
  type NestedArray,
  type Reduction,
  Tensor,
  tensor,
} from '../tensor/index.ts';
import { describe } from '../tensor/print.ts';

/** Ids as tensors or nested arrays, such as `BertTokenizer.encodeBatch` returns. */
export interface BertInputs {
  /** [batch, length] */
  inputIds: Tensor | NestedArray;
  /** 1: attended to, 0: padding. Default: all 1. */
  attentionMask?: Tensor | NestedArray;
  /** Segment of each token. Default: 0. */
  tokenTypeIds?: Tensor | NestedArray;
  /** Default: 0, 1, 2, … in each row. */
  positionIds?: Tensor | NestedArray;
  /** Return `attentions`, which take memory and time. Default: false. */
  outputAttentions?: boolean;
}

/** Inputs of a model with a loss of its own. */
export interface LossInputs extends BertInputs {
  /**
   * The summed loss is divided by this number, as Hugging Face's `num_items_in_batch`, instead of
   * the number of labels here. For a batch that comes in parts, it is the number of labels of the
   * whole batch (those of -100 left out): the losses and gradients of the parts then add up to
   * those of the whole. As a tensor of one element, it can be an input of a captured step.
   */
  numItemsInBatch?: number | Tensor;
}

/**
 * Integers as an int32 tensor; a tensor is returned unchanged.
 * @throws as `checkIdValues`.
 */
export function toIdTensor(ids: Tensor | NestedArray, device: Device, name: string): Tensor {
  if (ids instanceof Tensor) return ids;
  checkIdValues(ids, name);
  return tensor(ids, { dtype: 'int32', device });
}

/** @throws ArgumentError for a value that is not a 32-bit integer; `name` is the input's name. */
export function checkIdValues(ids: NestedArray, name: string): void {
  if (ids instanceof Int32Array) return;
  if (typeof ids === 'object' && ids !== null) for (const each of ids) checkIdValues(each, name);
  else if (ids === null || Number(ids) !== (Number(ids) | 0))
    throw new ArgumentError(`${name}: expected 32-bit integers, got ${ids}`);
}

/** All that models of any head take. */
const modelInputs: readonly string[] = [
  ...['inputIds', 'attentionMask', 'tokenTypeIds', 'positionIds', 'outputAttentions'],
  ...['labels', 'labelPositions', 'nextSentenceLabel', 'startPositions', 'endPositions'],
  'numItemsInBatch',
];
/** What tokenizers give besides, and what always holds here, unlike in Hugging Face. */
const ignoredInputs: readonly string[] = [
  ...['specialTokensMask', 'offsetMapping', 'wordIds', 'overflowingTokens', 'numTruncatedTokens'],
  ...['overflowToSampleMapping', 'outputHiddenStates', 'returnDict'],
];
const isInput = (name: string) => modelInputs.includes(name) || ignoredInputs.includes(name);
const idInputs = ['inputIds', 'attentionMask', 'tokenTypeIds', 'positionIds'] as const;
type IdTensors = { inputIds: Tensor } & Partial<Record<(typeof idInputs)[number], Tensor>>;

/**
 * The given ids of a model's inputs as tensors. For texts, a single row is repeated for all.
 * @param dims names of their dimensions
 * @throws ArgumentError for an unknown input, another number of dimensions or other sizes; as
 *   `checkIdValues`.
 */
export function toIdTensors(
  model: string,
  inputs: BertInputs,
  dims: readonly string[],
  device: Device,
): IdTensors {
  const unknown = Object.keys(inputs).find((name) => !isInput(name));
  if (unknown !== undefined)
    throw new ArgumentError(
      `${model}: unknown input ${unknown}: expected one of ${modelInputs.join(', ')}`,
    );
  const show = (parts: readonly unknown[]) => `[${parts.join(', ')}]`;
  const tensors = { inputIds: toIdTensor(inputs.inputIds, device, 'inputIds') } as IdTensors;
  const { shape } = tensors.inputIds;
  if (shape.length !== dims.length)
    throw new ArgumentError(
      `${model}: inputIds: expected the shape ${show(dims)}, got ${show(shape)}`,
    );
  const isRow = (ids: Tensor) => dims.length === 2 && show(ids.shape) === show([1, shape[1]]);
  const broadcastRow = (ids: Tensor) => (isRow(ids) ? ids.expand(shape) : ids);
  for (const name of idInputs) {
    const given = inputs[name];
    if (given === undefined) continue;
    tensors[name] ??= broadcastRow(toIdTensor(given, device, name));
    if (show(tensors[name].shape) !== show(shape))
      throw new ArgumentError(
        `${model}: ${name}: expected the shape of inputIds, ${show(shape)}, ` +
          `got ${show(tensors[name].shape)}`,
      );
  }
  return tensors;
}

/**
 * The mean loss, or the summed one divided by `numItemsInBatch`.
 * @throws ArgumentError unless that is a positive number or a tensor of one element.
 */
export function reduceLoss(
  lossOf: (reduction: 'mean' | 'sum') => Tensor,
  numItemsInBatch: number | Tensor | undefined,
): Tensor {
  if (numItemsInBatch === undefined) return lossOf('mean');
  const isTensor = numItemsInBatch instanceof Tensor;
  if (isTensor ? numItemsInBatch.size !== 1 : !(numItemsInBatch > 0 && numItemsInBatch < Infinity))
    throw new ArgumentError(
      'numItemsInBatch: expected a positive number or a tensor of one element, ' +
        `got ${isTensor ? describe(numItemsInBatch) : formatValue(numItemsInBatch)}`,
    );
  const count = isTensor ? numItemsInBatch.reshape([]).toFloat() : numItemsInBatch;
  return lossOf('sum').div(count);
}

/**
 * Mean cross-entropy, or the summed one divided by `numItemsInBatch`. logits: [..., classes],
 * labels: [...] as class numbers.
 * @throws ArgumentError for labels (called `name`) of another shape, or a label from the host that
 * is out of range; as `checkIdValues`.
 */
export function classificationLoss(
  logits: Tensor,
  labels: Tensor | NestedArray,
  name: string,
  { numItemsInBatch, ignoreIndex }: Pick<LossInputs, 'numItemsInBatch'> & CrossEntropyOptions = {},
): Tensor {
  const known = toIdTensor(labels, logits.device, name);
  checkLabelShape(known.shape, logits.shape.slice(0, -1), name);
  const rows = logits.reshape([-1, logits.shape.at(-1)!]);
  const lossOf = (reduction: Reduction) =>
    crossEntropy(rows, known.reshape([-1]), { reduction, ignoreIndex });
  return reduceLoss(lossOf, numItemsInBatch);
}

/** @throws ArgumentError unless the shapes agree, apart from dimensions of 1. */
export function checkLabelShape(
  shape: readonly number[],
  expected: readonly number[],
  name: string,
): void {
  const sizes = (dims: readonly number[]) => dims.filter((n) => n !== 1).join();
  if (sizes(shape) !== sizes(expected))
    throw new ArgumentError(
      `${name}: expected the shape [${expected.join(', ')}], got [${shape.join(', ')}]`,
    );
}
