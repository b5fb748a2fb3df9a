/**
 * Windows of pooling, along each axis: output place o covers the input places from `start` to `end`
 * (exclusive). An adaptive window divides the axis into parts that are as equal as possible.
 */

/** An image, and windows over it: what pools and convolutions share. */
export const windowParams = {
  batch: 'u32',
  channels: 'u32',
  height: 'u32',
  width: 'u32',
  outHeight: 'u32',
  outWidth: 'u32',
  kernelHeight: 'u32',
  kernelWidth: 'u32',
  strideY: 'u32',
  strideX: 'u32',
  top: 'u32',
  left: 'u32',
  dilationY: 'u32',
  dilationX: 'u32',
  // Strides and offset of the image in memory.
  xBatch: 'u32',
  xChannel: 'u32',
  xRow: 'u32',
  xColumn: 'u32',
  xOffset: 'u32',
} as const;
type WindowParams = { [K in keyof typeof windowParams]: number };

export const poolParams = { ...windowParams, adaptive: 'u32', countPadding: 'u32' } as const;
export type PoolParams = { [K in keyof typeof poolParams]: number };
type P = PoolParams;

export const inputSize = (p: WindowParams): number => p.batch * p.channels * p.height * p.width;
export const outputSize = (p: P): number => p.batch * p.channels * p.outHeight * p.outWidth;
export const inputExtent = (p: WindowParams): number =>
  inputSize(p) === 0
    ? 0
    : p.xOffset +
      1 +
      (p.batch - 1) * p.xBatch +
      (p.channels - 1) * p.xChannel +
      (p.height - 1) * p.xRow +
      (p.width - 1) * p.xColumn;

/** WGSL: the windows, by `axisY` and `axisX`; `placesOf` gives the outputs that cover an input. */
export const windowsWgsl = `
struct Axis { size: u32, out: u32, kernel: u32, stride: u32, pad: u32, dilation: u32 }
fn axisY() -> Axis {
  return Axis(p.height, p.outHeight, p.kernelHeight, p.strideY, p.top, p.dilationY);
}
fn axisX() -> Axis {
  return Axis(p.width, p.outWidth, p.kernelWidth, p.strideX, p.left, p.dilationX);
}
fn startOf(a: Axis, o: u32) -> i32 {
  if (p.adaptive == 1u) { return i32(o * a.size / a.out); }
  return i32(o * a.stride) - i32(a.pad);
}
fn endOf(a: Axis, o: u32) -> i32 {
  if (p.adaptive == 1u) { return i32(((o + 1u) * a.size + a.out - 1u) / a.out); }
  return startOf(a, o) + i32((a.kernel - 1u) * a.dilation) + 1;
}
// The first output whose window covers an input, and the one after the last.
fn placesOf(a: Axis, i: u32) -> vec2<u32> {
  if (p.adaptive == 1u) {
    return vec2<u32>(i * a.out / a.size, ((i + 1u) * a.out - 1u) / a.size + 1u);
  }
  let reach = (a.kernel - 1u) * a.dilation;
  let first = select(0u, (i + a.pad - reach + a.stride - 1u) / a.stride, i + a.pad > reach);
  return vec2<u32>(first, min(a.out, (i + a.pad) / a.stride + 1u));
}
`;

export interface Axis {
  size: number;
  out: number;
  kernel: number;
  stride: number;
  pad: number;
  dilation: number;
}
export const axisY = (p: P): Axis => ({
  ...{ size: p.height, out: p.outHeight, kernel: p.kernelHeight },
  ...{ stride: p.strideY, pad: p.top, dilation: p.dilationY },
});
export const axisX = (p: P): Axis => ({
  ...{ size: p.width, out: p.outWidth, kernel: p.kernelWidth },
  ...{ stride: p.strideX, pad: p.left, dilation: p.dilationX },
});

/** Start and end of the window of output place o, which may lie outside the input. */
export function windowOf(p: P, axis: Axis, o: number): [start: number, end: number] {
  const { size, out, kernel, stride, pad, dilation } = axis;
  if (p.adaptive) return [Math.floor((o * size) / out), Math.ceil(((o + 1) * size) / out)];
  const start = o * stride - pad;
  return [start, start + (kernel - 1) * dilation + 1];
}

/** Calls `visit` for each output place, with its place in the output and the plane it is in. */
export function forEachOutput(
  p: P,
  visit: (at: number, plane: number, oy: number, ox: number) => void,
): void {
  let at = 0;
  for (let plane = 0; plane < p.batch * p.channels; plane++)
    for (let oy = 0; oy < p.outHeight; oy++)
      for (let ox = 0; ox < p.outWidth; ox++) visit(at++, plane, oy, ox);
}

/** Start of a plane of the input in memory. */
export const planeStart = (p: P, plane: number): number =>
  p.xOffset + Math.floor(plane / p.channels) * p.xBatch + (plane % p.channels) * p.xChannel;

const dense: P = {
  ...{ batch: 2, channels: 3, height: 7, width: 9, outHeight: 3, outWidth: 4 },
  ...{ kernelHeight: 3, kernelWidth: 2, strideY: 2, strideX: 2, top: 0, left: 0 },
  ...{ dilationY: 1, dilationX: 1, adaptive: 0, countPadding: 1 },
  ...{ xBatch: 189, xChannel: 63, xRow: 9, xColumn: 1, xOffset: 0 },
};
/** Cases of pools: dense, padded, with gaps and channels last, adaptive, over time. */
export const poolCases: P[] = [
  dense,
  {
    ...dense,
    ...{ outHeight: 4, outWidth: 10, kernelHeight: 3, top: 1, left: 1, strideX: 1 },
    countPadding: 0,
  },
  {
    ...dense,
    ...{ xBatch: 189, xChannel: 1, xRow: 27, xColumn: 3, outHeight: 5, outWidth: 3, strideY: 1 },
    ...{ strideX: 3 },
  },
  { ...dense, adaptive: 1, outHeight: 3, outWidth: 5, strideY: 0, strideX: 0 },
  {
    ...dense,
    ...{ batch: 8, channels: 64, height: 1, width: 100, outHeight: 1, outWidth: 1 },
    ...{ adaptive: 1, xBatch: 6400, xChannel: 1, xRow: 6400, xColumn: 64 },
  },
];
