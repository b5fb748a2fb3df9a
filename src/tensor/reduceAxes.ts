import { copy } from '../kernels/elementwise/arithmetic.ts';
import { reductionChunks } from '../kernels/heuristics.ts';
import type { sum } from '../kernels/reduction/reduce.ts';
import { LONG_SUM, sum as sumKernel } from '../kernels/reduction/reduce.ts';
import type { sumIntegers } from '../kernels/reduction/reduceIntegers.ts';
import { asDtype } from './dtypes.ts';
import { isDenseAtOrigin, launch, launchMap } from './launch.ts';
import { contiguousStrides, product, type Shape } from './shape.ts';
import { empty, type Tensor } from './tensor.ts';

/** A reduction of float32, or of int32 and bool as int32. */
type ReductionKernel = typeof sum | typeof sumIntegers;

/**
 * Reduces sorted dimensions, one run of adjacent ones at a time, last first. Not recorded. The
 * reduced dimensions have size 1 in the result, which is written into `out` if given.
 */
export function reduceAxes(
  kernel: ReductionKernel,
  x: Tensor,
  axes: readonly number[],
  out?: Tensor,
): Tensor {
  let shape = [...x.shape];
  let current = isDenseAtOrigin(x) ? x : launchMap(copy, [x]);
  for (let end = axes.length; end > 0; ) {
    let start = end - 1;
    while (start > 0 && axes[start - 1] === axes[start] - 1) start--;
    const [first, stop] = [axes[start], axes[end - 1] + 1];
    const outer = product(shape.slice(0, first));
    const n = product(shape.slice(first, stop));
    const inner = product(shape.slice(stop));
    const before = current;
    current = reduceMiddleAxis(kernel, current, outer, n, inner, start === 0 ? out : undefined);
    if (before !== x) before.dispose();
    shape = shape.map((size, d) => (d >= first && d < stop ? 1 : size));
    end = start;
  }
  return unsafeView(current, shape);
}

/** `reduceAxes` of int32, or of bool as int32. */
export function reduceIntegers(
  kernel: typeof sumIntegers,
  x: Tensor,
  axes: readonly number[],
): Tensor {
  const integers = asDtype(x.detach(), 'int32');
  return axes.length > 0 ? reduceAxes(kernel, integers, axes) : integers;
}

/** Reduces the middle of [outer, n, inner]; long reductions take two passes. */
function reduceMiddleAxis(
  kernel: ReductionKernel,
  x: Tensor,
  outer: number,
  n: number,
  inner: number,
  out?: Tensor,
  long = Number(n > LONG_SUM),
): Tensor {
  const dtype = kernel.buffers.y.type === 'i32' ? 'int32' : 'float32';
  const y = out ?? empty([outer, inner], dtype, x.device);
  const run = kernel as typeof sum;
  const { size, chunks } = reductionChunks(x.device.traits, outer, n, inner);
  if (chunks === 1) {
    launch(run, { x, y }, { outer, n, inner, size, chunks, at: 0, long });
    return y;
  }
  const partial = empty([outer, chunks, inner], dtype, x.device);
  launch(run, { x, y: partial }, { outer, n, inner, size, chunks, at: 0, long });
  reduceMiddleAxis(kernel, partial, outer, chunks, inner, y, long);
  partial.dispose();
  return y;
}

/** A contiguous tensor under another shape of the same size; not recorded. */
export const unsafeView = (x: Tensor, shape: Shape): Tensor =>
  x.asStrided(shape, contiguousStrides(shape), x.offset);

/**
 * Sums over broadcast dimensions, so that a gradient gets its input's shape; not recorded.
 * `allocate` gives the result's memory, if there is a sum.
 */
export function reduceToSize(x: Tensor, shape: Shape, allocate?: () => Tensor): Tensor {
  const leadingDims = x.ndim - shape.length;
  const axes = x.shape
    .map((_, d) => d)
    .filter((d) => d < leadingDims || (shape[d - leadingDims] === 1 && x.shape[d] !== 1));
  return axes.length === 0 ? x : unsafeView(reduceAxes(sumKernel, x, axes, allocate?.()), shape);
}
