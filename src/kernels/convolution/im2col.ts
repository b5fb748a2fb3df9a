import { defineKernel, wgsl } from '../../device/kernel.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from '../kit/perElement.ts';
import { splitAlong } from '../kit/splitAxis.ts';
import { inputExtent, inputSize, windowParams } from './windows.ts';

/**
 * Convolution as a product of matrices: `im2col` lays the window of each output place out as a row,
 * and `col2im` is its gradient. Rows are in the order [groups, batch, outHeight, outWidth], columns
 * in the order [kernelHeight, kernelWidth, channels of the group]: images with their channels last,
 * such as embeddings, are read in order. Places outside the image are 0.
 */

const params = { ...windowParams, groups: 'u32' } as const;
export type ConvolutionParams = { [K in keyof typeof params]: number };
type P = ConvolutionParams;

const columns = (p: P): number =>
  p.batch * p.outHeight * p.outWidth * p.kernelHeight * p.kernelWidth * p.channels;

const one: P = {
  ...{ batch: 2, channels: 3, groups: 1, height: 1, width: 9 },
  ...{ outHeight: 1, outWidth: 9, kernelHeight: 1, kernelWidth: 3 },
  ...{ strideY: 1, strideX: 1, top: 0, left: 1, dilationY: 1, dilationX: 1 },
  ...{ xBatch: 27, xChannel: 9, xRow: 9, xColumn: 1, xOffset: 0 },
};
const cases: P[] = [
  one,
  {
    ...{ batch: 2, channels: 4, groups: 2, height: 7, width: 6 },
    ...{ outHeight: 3, outWidth: 4, kernelHeight: 3, kernelWidth: 2 },
    ...{ strideY: 2, strideX: 2, top: 1, left: 1, dilationY: 1, dilationX: 2 },
    ...{ xBatch: 168, xChannel: 1, xRow: 24, xColumn: 4, xOffset: 5 },
  },
  {
    ...one,
    ...{ batch: 8, channels: 128, width: 64, outWidth: 62, left: 0 },
    ...{ xBatch: 8192, xChannel: 1, xRow: 8192, xColumn: 128 },
  },
];

/** Splits between images; with several groups an image's columns lie apart. */
const splitAxes = (images: (p: P) => Record<string, number>) => (p: P, alignment: number) =>
  p.groups > 1
    ? []
    : [splitAlong(p, 'batch', { cols: columns(p) / p.batch, ...images(p) }, alignment)];

/** cols: [groups, batch, outHeight, outWidth, kernelHeight, kernelWidth, channels / groups]. */
export const im2col = defineKernel({
  name: 'im2col',
  params,
  buffers: {
    x: { type: 'f32', access: 'read', size: inputExtent },
    cols: { type: 'f32', access: 'write', size: columns },
  },
  specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(columns(p), c),
  splitAxes: splitAxes((p) => ({ x: p.xBatch })),
  wgsl: (c) =>
    perElementMain(
      c,
      'p.batch * p.outHeight * p.outWidth * p.kernelHeight * p.kernelWidth * p.channels',
      wgsl`    let size = p.channels / p.groups;
    var rest = i / size;
    let channel = i % size;
    let kx = rest % p.kernelWidth;
    rest /= p.kernelWidth;
    let ky = rest % p.kernelHeight;
    rest /= p.kernelHeight;
    let ox = rest % p.outWidth;
    rest /= p.outWidth;
    let oy = rest % p.outHeight;
    rest /= p.outHeight;
    // Before the image, the difference wraps to a number beyond it.
    let y = oy * p.strideY + ky * p.dilationY - p.top;
    let x_ = ox * p.strideX + kx * p.dilationX - p.left;
    var value = 0.0;
    if (y < p.height && x_ < p.width) {
      value = x[p.xOffset + (rest % p.batch) * p.xBatch
        + (rest / p.batch * size + channel) * p.xChannel + y * p.xRow + x_ * p.xColumn];
    }
    cols[i] = value;`,
    ),
  reference({ x, cols }, p) {
    const size = p.channels / p.groups;
    forEachColumn(p, (i, group, b, y, x_) => {
      const isInside = y >= 0 && y < p.height && x_ >= 0 && x_ < p.width;
      const at = p.xOffset + b * p.xBatch + y * p.xRow + x_ * p.xColumn;
      for (let channel = 0; channel < size; channel++)
        cols[i + channel] = isInside ? x[at + (group * size + channel) * p.xChannel] : 0;
    });
  },
  cases,
});

/** Sums the columns' gradients at each pixel. dx: [batch, height, width, channels]. */
export const col2im = defineKernel({
  name: 'col2im',
  params,
  buffers: {
    cols: { type: 'f32', access: 'read', size: columns },
    dx: { type: 'f32', access: 'write', size: inputSize },
  },
  specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(inputSize(p), c),
  splitAxes: splitAxes((p) => ({ dx: inputSize(p) / p.batch })),
  wgsl: (c) =>
    perElementMain(
      c,
      'p.batch * p.height * p.width * p.channels',
      wgsl`    let size = p.channels / p.groups;
    let channel = i % p.channels;
    var rest = i / p.channels;
    let right = rest % p.width + p.left;
    rest /= p.width;
    let low = rest % p.height + p.top;
    let image = channel / size * p.batch + rest / p.height;
    var total = 0.0;
    for (var ky = 0u; ky < p.kernelHeight; ky++) {
      // Above the window, the difference wraps to a number beyond the output.
      let y = low - ky * p.dilationY;
      let oy = y / p.strideY;
      if (oy >= p.outHeight || y % p.strideY != 0u) { continue; }
      for (var kx = 0u; kx < p.kernelWidth; kx++) {
        let x = right - kx * p.dilationX;
        let ox = x / p.strideX;
        if (ox >= p.outWidth || x % p.strideX != 0u) { continue; }
        let row = (image * p.outHeight + oy) * p.outWidth + ox;
        total += cols[((row * p.kernelHeight + ky) * p.kernelWidth + kx) * size + channel % size];
      }
    }
    dx[i] = total;`,
    ),
  reference({ cols, dx }, p) {
    const size = p.channels / p.groups;
    const totals = new Float64Array(inputSize(p));
    forEachColumn(p, (i, group, b, y, x) => {
      if (y < 0 || y >= p.height || x < 0 || x >= p.width) return;
      const at = ((b * p.height + y) * p.width + x) * p.channels + group * size;
      for (let channel = 0; channel < size; channel++) totals[at + channel] += cols[i + channel];
    });
    dx.set(totals);
  },
  cases,
});

/** Calls `visit` for each run of channels in the columns, with its place in the image. */
function forEachColumn(
  p: P,
  visit: (i: number, group: number, batch: number, y: number, x: number) => void,
): void {
  const size = p.channels / p.groups;
  let i = 0;
  for (let group = 0; group < p.groups; group++)
    for (let b = 0; b < p.batch; b++)
      for (let oy = 0; oy < p.outHeight; oy++)
        for (let ox = 0; ox < p.outWidth; ox++)
          for (let k = 0; k < p.kernelHeight * p.kernelWidth; k++, i += size) {
            const y = oy * p.strideY + Math.floor(k / p.kernelWidth) * p.dilationY - p.top;
            visit(i, group, b, y, ox * p.strideX + (k % p.kernelWidth) * p.dilationX - p.left);
          }
}
