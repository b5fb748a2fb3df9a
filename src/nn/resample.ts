import { checkOptions } from '../platform/options.ts';
import {
  channelShuffle,
  type FoldOptions,
  fold,
  type InterpolateOptions,
  im2col,
  interpolate,
  pixelShuffle,
  pixelUnshuffle,
  type Tensor,
} from '../tensor/index.ts';
import { Module } from './module.ts';

/**
 * `interpolate` as a module.
 * @example
 * const layer = new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' });
 * layer.forward(randn(1, 3, 4, 4)).shape; // [1, 3, 8, 8]
 */
export class Upsample extends Module {
  readonly options: Readonly<InterpolateOptions>;

  constructor(options: InterpolateOptions) {
    super();
    checkOptions('Upsample', options, ['size', 'scaleFactor', 'mode', 'alignCorners']);
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return interpolate(x, this.options);
  }
}

/**
 * `pixelShuffle` as a module.
 * @example
 * new nn.PixelShuffle(2).forward(randn(1, 8, 2, 2)).shape; // [1, 2, 4, 4]
 */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number) {
    super();
    this.upscaleFactor = upscaleFactor;
  }

  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor);
  }
}
/**
 * `pixelUnshuffle` as a module.
 * @example
 * new nn.PixelUnshuffle(2).forward(randn(1, 2, 4, 4)).shape; // [1, 8, 2, 2]
 */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number) {
    super();
    this.downscaleFactor = downscaleFactor;
  }

  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor);
  }
}
/**
 * `channelShuffle` as a module.
 * @example
 * new nn.ChannelShuffle(2).forward(randn(1, 4, 2, 2)).shape; // [1, 4, 2, 2]
 */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(groups: number) {
    super();
    this.groups = groups;
  }

  forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups);
  }
}

const foldOptions = ['dilation', 'padding', 'stride'];

type Size = number | readonly [number, number];
/**
 * The windows of images as columns (`im2col`). x: [batch, channels, height, width].
 * @example
 * new nn.Unfold(2, { stride: 2 }).forward(randn(1, 3, 4, 4)).shape; // [1, 12, 4]
 */
export class Unfold extends Module {
  readonly kernelSize: Size;
  readonly options: Readonly<FoldOptions>;

  constructor(kernelSize: Size, options: FoldOptions = {}) {
    super();
    checkOptions('Unfold', options, foldOptions);
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return im2col(x, this.kernelSize, this.options);
  }
}
/**
 * `fold` as a module: windows added up to images.
 * @example
 * new nn.Fold([4, 4], 2, { stride: 2 }).forward(randn(1, 12, 4)).shape; // [1, 3, 4, 4]
 */
export class Fold extends Module {
  readonly outputSize: Size;
  readonly kernelSize: Size;
  readonly options: Readonly<FoldOptions>;

  constructor(outputSize: Size, kernelSize: Size, options: FoldOptions = {}) {
    super();
    checkOptions('Fold', options, foldOptions);
    this.outputSize = outputSize;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return fold(x, this.outputSize, this.kernelSize, this.options);
  }
}
