import { checkOptions } from '../platform/options.ts';
import {
  type ConvTransposeOptions,
  convTranspose1d,
  convTranspose2d,
  type Tensor,
} from '../tensor/index.ts';
import { convOptions, convParameters } from './convolution.ts';
import { Module } from './module.ts';

/** What both share. */
abstract class ConvTranspose<N extends number | readonly [number, number]> extends Module {
  weight: Tensor;
  bias: Tensor | null;
  readonly options: Readonly<ConvTransposeOptions<N>>;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: readonly number[],
    given: ConvTransposeOptions<N> & { bias?: boolean },
  ) {
    super();
    checkOptions(this.constructor.name, given, [...convOptions, 'outputPadding']);
    const { bias = true, ...options } = given;
    const { groups } = options;
    const settings = { groups, bias, isTransposed: true };
    this.options = options;
    [this.weight, this.bias] = convParameters(this, inChannels, outChannels, kernel, settings);
  }
}

/**
 * Transposed convolution along one dimension (`convTranspose1d`). weight: [inChannels, outChannels
 * / groups, kernelSize], bias: [outChannels].
 * @example
 * const layer = new nn.ConvTranspose1d(4, 8, 2, { stride: 2 });
 * layer.forward(randn([2, 4, 5])).shape; // [2, 8, 10]
 */
export class ConvTranspose1d extends ConvTranspose<number> {
  /** `bias: false` leaves the bias out. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    options: ConvTransposeOptions<number> & { bias?: boolean } = {},
  ) {
    super(inChannels, outChannels, [kernelSize], options);
  }

  /** x: [batch, inChannels, length] → [batch, outChannels, outLength]. */
  forward(x: Tensor): Tensor {
    return convTranspose1d(x, this.weight, this.bias, this.options);
  }
}

/**
 * Transposed convolution along two dimensions (`convTranspose2d`). weight: [inChannels, outChannels
 * / groups, kernelHeight, kernelWidth], bias: [outChannels].
 * @example
 * const layer = new nn.ConvTranspose2d(8, 3, 4, { stride: 2, padding: 1 });
 * layer.forward(randn([2, 8, 4, 4])).shape; // [2, 3, 8, 8]
 */
export class ConvTranspose2d extends ConvTranspose<number | readonly [number, number]> {
  /** `bias: false` leaves the bias out. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly [number, number],
    options: ConvTransposeOptions & { bias?: boolean } = {},
  ) {
    const kernel = typeof kernelSize === 'number' ? [kernelSize, kernelSize] : kernelSize;
    super(inChannels, outChannels, kernel, options);
  }

  /** x: [batch, inChannels, height, width] → [batch, outChannels, outHeight, outWidth]. */
  forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this.options);
  }
}
