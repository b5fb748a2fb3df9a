import { checkOptions } from '../platform/options.ts';
import {
  type AdaptiveSize,
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  avgPool1d,
  avgPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  type Tensor,
} from '../tensor/index.ts';
import { Module } from './module.ts';

/** A pool with a kernel of one size; `options` are those of the function of the same name. */
abstract class Pool<Size, Options extends object> extends Module {
  readonly kernelSize: Size;
  readonly options: Readonly<Options>;

  /** Names of the options. */
  protected static readonly known: readonly string[];

  /** @throws ArgumentError for an unknown option. */
  constructor(kernelSize: Size, options: Options = {} as Options) {
    super();
    checkOptions(new.target.name, options, new.target.known);
    this.kernelSize = kernelSize;
    this.options = options;
  }
}

const maxPoolOptions = ['stride', 'padding', 'ceilMode', 'dilation'];
const avgPoolOptions = ['stride', 'padding', 'ceilMode', 'countIncludePad'];

/** A pool to one size of output. */
abstract class AdaptivePool<Size> extends Module {
  readonly outputSize: Size;

  constructor(outputSize: Size) {
    super();
    this.outputSize = outputSize;
  }
}

type Kernel2d = number | readonly [number, number];

/**
 * `maxPool1d` as a module.
 * @example
 * const layer = new nn.MaxPool1d(2);
 * layer.forward(randn([2, 4, 10])).shape; // [2, 4, 5]
 */
export class MaxPool1d extends Pool<number, MaxPoolOptions<number>> {
  protected static override readonly known = maxPoolOptions;

  /** x: [batch, channels, length]. */
  forward(x: Tensor): Tensor {
    return maxPool1d(x, this.kernelSize, this.options);
  }
}

/**
 * `maxPool2d` as a module.
 * @example
 * const layer = new nn.MaxPool2d(2);
 * layer.forward(randn([2, 4, 8, 8])).shape; // [2, 4, 4, 4]
 */
export class MaxPool2d extends Pool<Kernel2d, MaxPoolOptions> {
  protected static override readonly known = maxPoolOptions;

  /** x: [batch, channels, height, width]. */
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }
}

/**
 * `avgPool1d` as a module.
 * @example
 * const layer = new nn.AvgPool1d(2);
 * layer.forward(randn([2, 4, 10])).shape; // [2, 4, 5]
 */
export class AvgPool1d extends Pool<number, AvgPoolOptions<number>> {
  protected static override readonly known = avgPoolOptions;

  /** x: [batch, channels, length]. */
  forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options);
  }
}

/**
 * `avgPool2d` as a module.
 * @example
 * const layer = new nn.AvgPool2d(2);
 * layer.forward(randn([2, 4, 8, 8])).shape; // [2, 4, 4, 4]
 */
export class AvgPool2d extends Pool<Kernel2d, AvgPoolOptions> {
  protected static override readonly known = avgPoolOptions;

  /** x: [batch, channels, height, width]. */
  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }
}

/**
 * `adaptiveAvgPool1d` as a module.
 * @example
 * const layer = new nn.AdaptiveAvgPool1d(3);
 * layer.forward(randn([2, 4, 10])).shape; // [2, 4, 3]
 */
export class AdaptiveAvgPool1d extends AdaptivePool<number> {
  /** x: [batch, channels, length]. */
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize);
  }
}

/**
 * `adaptiveAvgPool2d` as a module.
 * @example
 * const layer = new nn.AdaptiveAvgPool2d(1);
 * layer.forward(randn([2, 4, 8, 8])).shape; // [2, 4, 1, 1]
 */
export class AdaptiveAvgPool2d extends AdaptivePool<AdaptiveSize> {
  /** x: [batch, channels, height, width]. */
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }
}

/**
 * `adaptiveMaxPool1d` as a module: with a size of 1, pooling over time.
 * @example
 * const layer = new nn.AdaptiveMaxPool1d(1);
 * layer.forward(randn([2, 4, 10])).shape; // [2, 4, 1]
 */
export class AdaptiveMaxPool1d extends AdaptivePool<number> {
  /** x: [batch, channels, length]. */
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool1d(x, this.outputSize);
  }
}

/**
 * `adaptiveMaxPool2d` as a module.
 * @example
 * const layer = new nn.AdaptiveMaxPool2d(1);
 * layer.forward(randn([2, 4, 8, 8])).shape; // [2, 4, 1, 1]
 */
export class AdaptiveMaxPool2d extends AdaptivePool<AdaptiveSize> {
  /** x: [batch, channels, height, width]. */
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool2d(x, this.outputSize);
  }
}
