import { checkNumbers, checkOptions } from '../platform/options.ts';
import {
  bilinear,
  cosineSimilarity,
  type PadMode,
  pad,
  pairwiseDistance,
  type Tensor,
  unflatten,
} from '../tensor/index.ts';
import { boundOf, uniformParameter } from './layers.ts';
import { Module } from './module.ts';

/**
 * Splits a dimension into several; see `unflatten`.
 * @example
 * new nn.Unflatten(1, [2, 3]).forward(zeros(2, 6)).shape; // [2, 2, 3]
 */
export class Unflatten extends Module {
  readonly dim: number;
  readonly unflattenedSize: readonly number[];

  constructor(dim: number, unflattenedSize: readonly number[]) {
    super();
    this.dim = dim;
    this.unflattenedSize = unflattenedSize;
  }

  forward(x: Tensor): Tensor {
    return unflatten(x, this.dim, this.unflattenedSize);
  }
}

/** Widths of padding: one for all sides, or pairs from the last dimension on; see `pad`. */
type Padding = number | readonly number[];

const widthsOf = (dims: number, padding: Padding): readonly number[] =>
  typeof padding === 'number' ? Array(2 * dims).fill(padding) : padding;

abstract class ConstantPad extends Module {
  readonly padding: readonly number[];
  readonly value: number;

  constructor(dims: number, padding: Padding, value: number) {
    super();
    checkNumbers(this.constructor.name, { value });
    this.padding = widthsOf(dims, padding);
    this.value = value;
  }

  forward(x: Tensor): Tensor {
    return pad(x, this.padding, this.value);
  }
}

/**
 * Pads the last dimension with a value. x: [..., length].
 * @example
 * new nn.ConstantPad1d(1, 9).forward(tensor([1, 2])); // [9, 1, 2, 9]
 */
export class ConstantPad1d extends ConstantPad {
  constructor(padding: Padding, value: number) {
    super(1, padding, value);
  }
}
/**
 * Pads the last two dimensions with a value. x: [..., height, width].
 * @example
 * new nn.ConstantPad2d(1, 9).forward(tensor([[5]])); // [[9, 9, 9], [9, 5, 9], [9, 9, 9]]
 */
export class ConstantPad2d extends ConstantPad {
  constructor(padding: Padding, value: number) {
    super(2, padding, value);
  }
}
/**
 * Pads the last two dimensions with 0. x: [..., height, width].
 * @example
 * new nn.ZeroPad2d(1).forward(zeros(3, 4, 4)).shape; // [3, 6, 6]
 */
export class ZeroPad2d extends ConstantPad2d {
  constructor(padding: Padding) {
    super(padding, 0);
  }
}

abstract class ModePad extends Module {
  readonly padding: readonly number[];
  readonly mode: PadMode;

  constructor(dims: number, padding: Padding, mode: PadMode) {
    super();
    this.padding = widthsOf(dims, padding);
    this.mode = mode;
  }

  forward(x: Tensor): Tensor {
    return pad(x, this.padding, this.mode);
  }
}
/**
 * Pads the last dimension with its mirror image, without the edge. x: [..., length].
 * @example
 * new nn.ReflectionPad1d(1).forward(tensor([1, 2, 3])); // [2, 1, 2, 3, 2]
 */
export class ReflectionPad1d extends ModePad {
  constructor(padding: Padding) {
    super(1, padding, 'reflect');
  }
}
/**
 * Pads the last two dimensions with their mirror image. x: [..., height, width].
 * @example
 * new nn.ReflectionPad2d(1).forward(zeros(3, 4, 4)).shape; // [3, 6, 6]
 */
export class ReflectionPad2d extends ModePad {
  constructor(padding: Padding) {
    super(2, padding, 'reflect');
  }
}
/**
 * Pads the last dimension with the elements at its edges. x: [..., length].
 * @example
 * new nn.ReplicationPad1d(1).forward(tensor([1, 2, 3])); // [1, 1, 2, 3, 3]
 */
export class ReplicationPad1d extends ModePad {
  constructor(padding: Padding) {
    super(1, padding, 'replicate');
  }
}
/**
 * Pads the last two dimensions with the elements at their edges. x: [..., height, width].
 * @example
 * new nn.ReplicationPad2d(1).forward(zeros(3, 4, 4)).shape; // [3, 6, 6]
 */
export class ReplicationPad2d extends ModePad {
  constructor(padding: Padding) {
    super(2, padding, 'replicate');
  }
}

/**
 * x1ᵀ W x2 + bias for each output. x1: [..., in1Features], x2: [..., in2Features] → [...,
 * outFeatures]. weight: [outFeatures, in1Features, in2Features]. Initialised as PyTorch's.
 * @example
 * new nn.Bilinear(2, 3, 4).forward(randn(8, 2), randn(8, 3)).shape; // [8, 4]
 */
export class Bilinear extends Module {
  weight: Tensor;
  bias: Tensor | null;

  /** `bias: false` leaves the bias out. */
  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    options: { bias?: boolean } = {},
  ) {
    super();
    checkOptions('Bilinear', options, ['bias']);
    const bound = boundOf(in1Features);
    this.weight = uniformParameter([outFeatures, in1Features, in2Features], bound);
    this.bias = (options.bias ?? true) ? uniformParameter([outFeatures], bound) : null;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return bilinear(x1, x2, this.weight, this.bias);
  }
}

/**
 * `cosineSimilarity` as a module.
 * @example
 * new nn.CosineSimilarity().forward(tensor([[3, 4]]), tensor([[4, 3]])); // [0.96]
 */
export class CosineSimilarity extends Module {
  readonly dim: number;
  readonly eps: number;

  constructor(options: { dim?: number; eps?: number } = {}) {
    super();
    checkOptions('CosineSimilarity', options, ['dim', 'eps']);
    const { dim = 1, eps = 1e-8 } = options;
    this.dim = dim;
    this.eps = eps;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, this.dim, this.eps);
  }
}

/**
 * `pairwiseDistance` as a module.
 * @example
 * new nn.PairwiseDistance().forward(tensor([[0, 0]]), tensor([[3, 4]])); // [5]
 */
export class PairwiseDistance extends Module {
  readonly options: { p?: number; eps?: number; keepdim?: boolean };

  constructor(options: { p?: number; eps?: number; keepdim?: boolean } = {}) {
    super();
    checkOptions('PairwiseDistance', options, ['p', 'eps', 'keepdim']);
    this.options = options;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    const { p, eps, keepdim } = this.options;
    return pairwiseDistance(x1, x2, p, eps, keepdim);
  }
}
