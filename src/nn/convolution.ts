import { ArgumentError } from '../platform/errors.ts';
import { checkOptions } from '../platform/options.ts';
import { type ConvOptions, conv1d, conv2d, type Tensor } from '../tensor/index.ts';
import { boundOf, uniformParameter } from './layers.ts';
import { Module } from './module.ts';

/** Names of the options that all convolutions have. */
export const convOptions = ['stride', 'padding', 'dilation', 'groups', 'bias'];

/**
 * Weight and bias of a convolution, initialised as PyTorch's: uniform within ±1/√fanIn of the
 * weight as it lies.
 * @throws ArgumentError unless `groups` divides the channels.
 */
export function convParameters(
  layer: Module,
  inChannels: number,
  outChannels: number,
  kernel: readonly number[],
  { groups = 1, bias, isTransposed }: { groups?: number; bias: boolean; isTransposed: boolean },
): [weight: Tensor, bias: Tensor | null] {
  if (inChannels % groups !== 0 || outChannels % groups !== 0)
    throw new ArgumentError(
      `${layer.constructor.name}: \`groups\`: expected a divisor of ${inChannels} and ` +
        `${outChannels} channels, got ${groups}`,
    );
  const [first, second] = isTransposed ? [inChannels, outChannels] : [outChannels, inChannels];
  const shape = [first, second / groups, ...kernel];
  const bound = boundOf(shape.slice(1).reduce((a, b) => a * b));
  return [uniformParameter(shape, bound), bias ? uniformParameter([outChannels], bound) : null];
}

/** What `Conv1d` and `Conv2d` share. */
abstract class Conv<N extends number | readonly [number, number]> extends Module {
  weight: Tensor;
  bias: Tensor | null;
  readonly options: Readonly<ConvOptions<N>>;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: readonly number[],
    given: ConvOptions<N> & { bias?: boolean },
  ) {
    super();
    checkOptions(this.constructor.name, given, convOptions);
    const { bias = true, ...options } = given;
    const { groups } = options;
    const settings = { groups, bias, isTransposed: false };
    this.options = options;
    [this.weight, this.bias] = convParameters(this, inChannels, outChannels, kernel, settings);
  }
}

/**
 * Convolution along one dimension (`conv1d`). weight: [outChannels, inChannels / groups,
 * kernelSize], bias: [outChannels].
 * @example
 * const layer = new nn.Conv1d(4, 8, 3, { padding: 1 });
 * layer.forward(randn([2, 4, 10])).shape; // [2, 8, 10]
 */
export class Conv1d extends Conv<number> {
  /** `bias: false` leaves the bias out. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    options: ConvOptions<number> & { bias?: boolean } = {},
  ) {
    super(inChannels, outChannels, [kernelSize], options);
  }

  /** x: [batch, inChannels, length] → [batch, outChannels, outLength]. */
  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this.options);
  }
}

/**
 * Convolution along two dimensions (`conv2d`). weight: [outChannels, inChannels / groups,
 * kernelHeight, kernelWidth], bias: [outChannels].
 * @example
 * const layer = new nn.Conv2d(3, 8, 3);
 * layer.forward(randn([2, 3, 8, 8])).shape; // [2, 8, 6, 6]
 */
export class Conv2d extends Conv<number | readonly [number, number]> {
  /** `bias: false` leaves the bias out. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly [number, number],
    options: ConvOptions & { bias?: boolean } = {},
  ) {
    const kernel = typeof kernelSize === 'number' ? [kernelSize, kernelSize] : kernelSize;
    super(inChannels, outChannels, kernel, options);
  }

  /** x: [batch, inChannels, height, width] → [batch, outChannels, outHeight, outWidth]. */
  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }
}
