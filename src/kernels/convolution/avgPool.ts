import { defineKernel, wgsl } from '../../device/kernel.ts';
import { perElementConstants, perElementMain, perElementWorkgroups } from '../kit/perElement.ts';
import { splitAlong } from '../kit/splitAxis.ts';
import {
  type Axis,
  axisX,
  axisY,
  forEachOutput,
  inputExtent,
  inputSize,
  outputSize,
  type PoolParams,
  planeStart,
  poolCases,
  poolParams,
  windowOf,
  windowsWgsl,
} from './windows.ts';

/**
 * WGSL: places that a mean along an axis counts: those of the input, or with padding those up to
 * its end.
 */
const countWgsl = `
fn countOf(a: Axis, o: u32) -> f32 {
  let start = startOf(a, o);
  if (p.countPadding == 1u) { return f32(min(endOf(a, o), i32(a.size + a.pad)) - start); }
  return f32(min(endOf(a, o), i32(a.size)) - max(start, 0));
}
`;

function countOf(p: PoolParams, axis: Axis, o: number): number {
  const [start, end] = windowOf(p, axis, o);
  return p.countPadding
    ? Math.min(end, axis.size + axis.pad) - start
    : Math.min(end, axis.size) - Math.max(start, 0);
}

/** The mean of each window. y: [batch, channels, outHeight, outWidth]. */
export const avgPool = defineKernel({
  name: 'avgPool',
  params: poolParams,
  buffers: {
    x: { type: 'f32', access: 'read', size: inputExtent },
    y: { type: 'f32', access: 'write', size: outputSize },
  },
  specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(outputSize(p), c),
  splitAxes: (p, alignment) => {
    const y = outputSize({ ...p, batch: 1 });
    return [splitAlong(p, 'batch', { x: p.xBatch, y }, alignment)];
  },
  wgsl: (c) => wgsl`${windowsWgsl}${countWgsl}
${perElementMain(
  c,
  'p.batch * p.channels * p.outHeight * p.outWidth',
  wgsl`    let plane = i / (p.outHeight * p.outWidth);
    let ay = axisY();
    let ax = axisX();
    let oy = i / p.outWidth % p.outHeight;
    let ox = i % p.outWidth;
    let base = p.xOffset + plane / p.channels * p.xBatch + plane % p.channels * p.xChannel;
    var total = 0.0;
    // Long sums in blocks, which lose fewer digits.
    var part = 0.0;
    var left = 64u;
    for (var iy = max(startOf(ay, oy), 0); iy < min(endOf(ay, oy), i32(p.height)); iy++) {
      for (var ix = max(startOf(ax, ox), 0); ix < min(endOf(ax, ox), i32(p.width)); ix++) {
        part += x[base + u32(iy) * p.xRow + u32(ix) * p.xColumn];
        left--;
        if (left == 0u) { total += part; part = 0.0; left = 64u; }
      }
    }
    y[i] = (total + part) / (countOf(ay, oy) * countOf(ax, ox));`,
)}`,
  reference({ x, y }, p) {
    forEachOutput(p, (i, plane, oy, ox) => {
      const base = planeStart(p, plane);
      const [top, bottom] = windowOf(p, axisY(p), oy);
      const [left, right] = windowOf(p, axisX(p), ox);
      let total = 0;
      for (let iy = Math.max(top, 0); iy < Math.min(bottom, p.height); iy++)
        for (let ix = Math.max(left, 0); ix < Math.min(right, p.width); ix++)
          total += x[base + iy * p.xRow + ix * p.xColumn];
      y[i] = total / (countOf(p, axisY(p), oy) * countOf(p, axisX(p), ox));
    });
  },
  cases: poolCases,
});

/** Each element of a window gets an equal share. dx: [batch, channels, height, width]. */
export const avgPoolBackward = defineKernel({
  name: 'avgPoolBackward',
  params: poolParams,
  buffers: {
    dy: { type: 'f32', access: 'read', size: outputSize },
    dx: { type: 'f32', access: 'write', size: inputSize },
  },
  specialize: (_, traits) => ({ width: 1, ...perElementConstants(traits) }),
  launch: (p, c) => perElementWorkgroups(inputSize(p), c),
  splitAxes: (p, alignment) => {
    const one = { ...p, batch: 1 };
    const elements = { dy: outputSize(one), dx: inputSize(one) };
    return [splitAlong(p, 'batch', elements, alignment)];
  },
  wgsl: (c) => wgsl`${windowsWgsl}${countWgsl}
${perElementMain(
  c,
  'p.batch * p.channels * p.height * p.width',
  wgsl`    let plane = i / (p.height * p.width);
    let ay = axisY();
    let ax = axisX();
    let ys = placesOf(ay, i / p.width % p.height);
    let xs = placesOf(ax, i % p.width);
    var total = 0.0;
    for (var oy = ys.x; oy < ys.y; oy++) {
      for (var ox = xs.x; ox < xs.y; ox++) {
        total += dy[(plane * p.outHeight + oy) * p.outWidth + ox]
          / (countOf(ay, oy) * countOf(ax, ox));
      }
    }
    dx[i] = total;`,
)}`,
  reference({ dy, dx }, p) {
    const totals = new Float64Array(inputSize(p));
    forEachOutput(p, (i, plane, oy, ox) => {
      const [top, bottom] = windowOf(p, axisY(p), oy);
      const [left, right] = windowOf(p, axisX(p), ox);
      const share = dy[i] / (countOf(p, axisY(p), oy) * countOf(p, axisX(p), ox));
      for (let iy = Math.max(top, 0); iy < Math.min(bottom, p.height); iy++)
        for (let ix = Math.max(left, 0); ix < Math.min(right, p.width); ix++)
          totals[(plane * p.height + iy) * p.width + ix] += share;
    });
    dx.set(totals);
  },
  cases: poolCases,
});
