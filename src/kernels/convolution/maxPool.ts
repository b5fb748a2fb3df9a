import { defineKernel, wgsl } from '../../device/kernel.ts';
import { isNanWgsl } from '../kit/mathFunctions.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from '../kit/perElement.ts';
import { splitAlong } from '../kit/splitAxis.ts';
import {
  axisX,
  axisY,
  forEachOutput,
  inputExtent,
  inputSize,
  outputSize,
  planeStart,
  poolCases,
  poolParams,
  windowOf,
  windowsWgsl,
} from './windows.ts';

const cases = [
  ...poolCases,
  // Windows with gaps.
  { ...poolCases[0], dilationY: 2, dilationX: 3, outHeight: 2, outWidth: 3 },
];

/**
 * The largest element of each window, or NaN if it holds one, and its place in the plane. y, index:
 * [batch, channels, outHeight, outWidth].
 */
export const maxPool = defineKernel({
  name: 'maxPool',
  params: poolParams,
  buffers: {
    x: { type: 'f32', access: 'read', size: inputExtent },
    y: { type: 'f32', access: 'write', size: outputSize },
    index: { type: 'i32', access: 'write', size: outputSize },
  },
  specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(outputSize(p), c),
  splitAxes: (p, alignment) => {
    const y = outputSize({ ...p, batch: 1 });
    return [splitAlong(p, 'batch', { x: p.xBatch, y, index: y }, alignment)];
  },
  wgsl: (c) => wgsl`${isNanWgsl}${windowsWgsl}
${perElementMain(
  c,
  'p.batch * p.channels * p.outHeight * p.outWidth',
  wgsl`    let plane = i / (p.outHeight * p.outWidth);
    let ay = axisY();
    let ax = axisX();
    let oy = i / p.outWidth % p.outHeight;
    let ox = i % p.outWidth;
    let base = p.xOffset + plane / p.channels * p.xBatch + plane % p.channels * p.xChannel;
    var best = 0.0;
    var at = -1;
    for (var iy = startOf(ay, oy); iy < min(endOf(ay, oy), i32(p.height)); iy += i32(p.dilationY)) {
      if (iy < 0) { continue; }
      for (var ix = startOf(ax, ox); ix < min(endOf(ax, ox), i32(p.width));
           ix += i32(p.dilationX)) {
        if (ix < 0) { continue; }
        let value = x[base + u32(iy) * p.xRow + u32(ix) * p.xColumn];
        if (at < 0 || value > best || isNan(value)) {
          best = value;
          at = iy * i32(p.width) + ix;
        }
      }
    }
    y[i] = best;
    index[i] = at;`,
)}`,
  reference({ x, y, index }, p) {
    forEachOutput(p, (i, plane, oy, ox) => {
      const base = planeStart(p, plane);
      const [top, bottom] = windowOf(p, axisY(p), oy);
      const [left, right] = windowOf(p, axisX(p), ox);
      index[i] = -1;
      for (let iy = top; iy < Math.min(bottom, p.height); iy += p.dilationY)
        for (let ix = left; ix < Math.min(right, p.width); ix += p.dilationX) {
          if (iy < 0 || ix < 0) continue;
          const value = x[base + iy * p.xRow + ix * p.xColumn];
          if (index[i] >= 0 && !(value > y[i]) && !Number.isNaN(value)) continue;
          y[i] = value;
          index[i] = iy * p.width + ix;
        }
    });
  },
  cases,
});

/** The gradient goes to the largest element. dx: [batch, channels, height, width]. */
export const maxPoolBackward = defineKernel({
  name: 'maxPoolBackward',
  params: poolParams,
  buffers: {
    dy: { type: 'f32', access: 'read', size: outputSize },
    index: {
      type: 'i32',
      access: 'read',
      size: outputSize,
      fill: { below: (p) => p.height * p.width },
    },
    dx: { type: 'f32', access: 'write', size: inputSize },
  },
  specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(inputSize(p), c),
  splitAxes: (p, alignment) => {
    const one = { ...p, batch: 1 };
    const elements = { dy: outputSize(one), index: outputSize(one), dx: inputSize(one) };
    return [splitAlong(p, 'batch', elements, alignment)];
  },
  wgsl: (c) => wgsl`${windowsWgsl}
${perElementMain(
  c,
  'p.batch * p.channels * p.height * p.width',
  wgsl`    let plane = i / (p.height * p.width);
    let place = i % (p.height * p.width);
    let ys = placesOf(axisY(), place / p.width);
    let xs = placesOf(axisX(), place % p.width);
    var total = 0.0;
    for (var oy = ys.x; oy < ys.y; oy++) {
      for (var ox = xs.x; ox < xs.y; ox++) {
        let at = (plane * p.outHeight + oy) * p.outWidth + ox;
        if (index[at] == i32(place)) { total += dy[at]; }
      }
    }
    dx[i] = total;`,
)}`,
  reference({ dy, index, dx }, p) {
    dx.fill(0);
    forEachOutput(p, (i, plane, oy, ox) => {
      // In tests an index may lie outside the window, where it is never looked for.
      const [y, x] = [Math.floor(index[i] / p.width), index[i] % p.width];
      const [top, bottom] = windowOf(p, axisY(p), oy);
      const [left, right] = windowOf(p, axisX(p), ox);
      if (y >= top && y < bottom && x >= left && x < right)
        dx[plane * p.height * p.width + index[i]] += dy[i];
    });
  },
  cases,
});
