import { ArgumentError } from '../../platform/errors.ts';
import { operation, requireTensorIfGiven } from '../operation.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { type ConvOptions, foldWindows } from './convolution.ts';
import { add } from './elementwise.ts';
import { matmul } from './matmul.ts';
import { permute, reshape, view } from './views.ts';
import { batched, checkAtLeast, checkBias, type Pair, pairOf, rankError } from './windowOptions.ts';

/** Options of a transposed convolution: those of the convolution whose gradient it is. */
export interface ConvTransposeOptions<N extends number | Pair = number | Pair>
  extends Omit<ConvOptions<N>, 'padding'> {
  /** Places that are left out on both sides of the output. Default: 0. */
  padding?: N;
  /** Places added at one side of the output, fewer than the stride or the dilation. Default: 0. */
  outputPadding?: N;
}

/**
 * The gradient of `conv1d` with respect to its input as an operation, PyTorch's
 * `conv_transpose1d`. x: [batch, inChannels, length] or [inChannels, length], weight: [inChannels,
 * outChannels / groups, kernelSize], bias: [outChannels] → [batch, outChannels, outLength], with
 * outLength = (length - 1) stride - 2 padding + dilation (kernelSize - 1) + outputPadding + 1.
 * @throws ArgumentError if shapes do not fit, or an option is out of range.
 * @example
 * convTranspose1d(randn(2, 3, 5), randn(3, 4, 2), null, { stride: 2 }).shape; // [2, 4, 10]
 */
export const convTranspose1d = operation(
  'convTranspose1d',
  2,
  (
    x: Tensor,
    weight: Tensor,
    bias?: Tensor | null,
    options: ConvTransposeOptions<number> = {},
  ): Tensor => {
    requireTensorIfGiven(bias);
    if (weight.ndim !== 3) throw rankError('convTranspose1d', 'a weight', 3, weight);
    const { stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups } = options;
    return batched('convTranspose1d', x, 2, (images) => {
      const y = convolveBack(
        'convTranspose1d',
        view(images, [...images.shape.slice(0, 2), 1, images.shape[2]]),
        view(weight, [...weight.shape.slice(0, 2), 1, weight.shape[2]]),
        bias,
        {
          ...{ stride: [1, stride], padding: [0, padding], dilation: [1, dilation], groups },
          outputPadding: [0, outputPadding],
        },
      );
      return view(y, [y.shape[0], y.shape[1], y.shape[3]]);
    });
  },
  ['stride', 'padding', 'dilation', 'groups', 'outputPadding'],
);

/**
 * The gradient of `conv2d` with respect to its input as an operation, PyTorch's
 * `conv_transpose2d`; see `convTranspose1d`. x: [batch, inChannels, height, width] or [inChannels,
 * height, width], weight: [inChannels, outChannels / groups, kernelHeight, kernelWidth].
 * @throws ArgumentError if shapes do not fit, or an option is out of range.
 * @example
 * const options = { stride: 2, padding: 1 };
 * convTranspose2d(randn(1, 8, 7, 7), randn(8, 4, 4, 4), null, options).shape; // [1, 4, 14, 14]
 */
export const convTranspose2d = operation(
  'convTranspose2d',
  2,
  (x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvTransposeOptions = {}): Tensor => {
    requireTensorIfGiven(bias);
    if (weight.ndim !== 4) throw rankError('convTranspose2d', 'a weight', 4, weight);
    return batched('convTranspose2d', x, 3, (images) =>
      convolveBack('convTranspose2d', images, weight, bias, options),
    );
  },
  ['stride', 'padding', 'dilation', 'groups', 'outputPadding'],
);

/** x: [batch, channels, height, width], weight: [channels, outChannels / groups, …kernel]. */
function convolveBack(
  operation: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  options: ConvTransposeOptions,
): Tensor {
  const { groups = 1 } = options;
  const [batch, channels, height, width] = x.shape;
  const [weightChannels, perGroup, kernelHeight, kernelWidth] = weight.shape;
  checkAtLeast(operation, 1, { groups });
  if (channels !== weightChannels || channels % groups !== 0)
    throw new ArgumentError(
      `${operation}: expected a weight [${channels}, outChannels / groups, …] for the ` +
        `${channels} channels of the input, a multiple of \`groups\`, ${groups}, ` +
        `got ${formatShape(weight.shape)}`,
    );
  const outChannels = perGroup * groups;
  checkBias(operation, bias, outChannels);
  const y = outputAxis(operation, height, kernelHeight, options, 0);
  const x_ = outputAxis(operation, width, kernelWidth, options, 1);
  const rows = reshape(permute(x, [1, 0, 2, 3]), [
    groups,
    channels / groups,
    batch * height * width,
  ]);
  const size = kernelHeight * kernelWidth * perGroup;
  const kernels = reshape(permute(weight, [0, 2, 3, 1]), [groups, channels / groups, size]);
  const cols = matmul(permute(rows, [0, 2, 1]), kernels);
  const image = foldWindows(cols, {
    ...{ batch, channels: outChannels, groups, height: y.out, width: x_.out },
    ...{ kernelHeight, kernelWidth, outHeight: height, outWidth: width },
    ...{ strideY: y.stride, top: y.padding, dilationY: y.dilation },
    ...{ strideX: x_.stride, left: x_.padding, dilationX: x_.dilation },
  });
  return permute(bias ? add(image, bias) : image, [0, 3, 1, 2]);
}

/** Size of the output along an axis, and the options there. */
function outputAxis(
  operation: string,
  size: number,
  kernel: number,
  options: ConvTransposeOptions,
  axis: 0 | 1,
) {
  const at = (value: number | Pair = 0) => pairOf(value)[axis];
  const [stride, dilation] = [at(options.stride ?? 1), at(options.dilation ?? 1)];
  const [padding, outputPadding] = [at(options.padding), at(options.outputPadding)];
  checkAtLeast(operation, 1, { stride, dilation });
  checkAtLeast(operation, 0, { padding, outputPadding });
  if (outputPadding >= Math.max(stride, dilation))
    throw new ArgumentError(
      `${operation}: \`outputPadding\`: expected fewer than the stride or the dilation, ` +
        `${Math.max(stride, dilation)}, got ${outputPadding}`,
    );
  const out = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + outputPadding + 1;
  if (size < 1 || kernel < 1 || out < 1)
    throw new ArgumentError(
      `${operation}: expected an output of 1 place or more, got an input of ${size}, a kernel of ` +
        `${kernel} and a padding of ${padding}`,
    );
  return { out, stride, padding, dilation };
}
