import { KernelError } from './errors.ts';
import type { Kernel, LaunchPart, ParamTypes, ParamValues, SplitAxis } from './kernel.ts';
import type { Traits } from './traits.ts';

/**
 * A launch that needs more of a buffer than one binding holds runs as several launches, each on
 * windows of its buffers. Kernels declare the axes along which they can be split; this file decides
 * where.
 */

/** Largest window in elements, and the alignment of its start. */
interface BindingLimits {
  maxElements: number;
  alignment: number;
}

/** Windows start at multiples of this many elements. */
export const windowAlignment = ({ bindingAlignment }: Traits): number =>
  Math.max(4, bindingAlignment / 4);

/**
 * The launches that together do the work of one: the launch itself if all its buffers fit.
 * @throws KernelError if a buffer is too large and the kernel cannot be split so that it fits.
 */
export function splitLaunch<T extends ParamTypes>(
  kernel: Kernel<T>,
  p: ParamValues<T>,
  traits: Traits,
): LaunchPart<ParamValues<T>>[] {
  const whole = { params: p, starts: {} };
  // Whole vec4s are bound.
  const limits = {
    maxElements: Math.floor(traits.maxBinding / 16) * 4,
    alignment: windowAlignment(traits),
  };
  for (const name in kernel.buffers) {
    if (kernel.buffers[name].size(p) > limits.maxElements)
      return [...splitRecursively(kernel, whole, limits)];
  }
  return [whole];
}

function* splitRecursively<T extends ParamTypes>(
  kernel: Kernel<T>,
  whole: LaunchPart<ParamValues<T>>,
  limits: BindingLimits,
): Generator<LaunchPart<ParamValues<T>>> {
  const p = whole.params;
  const names = Object.keys(kernel.buffers);
  const size = (name: string, part: LaunchPart<ParamValues<T>>) =>
    kernel.buffers[name].size(part.params);
  const oversized = names.filter((name) => size(name, whole) > limits.maxElements);
  if (oversized.length === 0) {
    yield whole;
    return;
  }
  for (const axis of kernel.splitAxes?.(p, limits.alignment) ?? []) {
    const count = largestPart(axis, limits, oversized, size, whole);
    if (!count) continue;
    for (let first = 0; first < axis.length; first += count) {
      const part = axis.slice(first, Math.min(count, axis.length - first));
      yield* splitRecursively(
        kernel,
        { params: part.params, starts: addStarts(whole.starts, part.starts) },
        limits,
      );
    }
    return;
  }
  const name = oversized[0];
  throw new KernelError(
    kernel.name,
    `\`${name}\`: expected at most ${limits.maxElements * 4} bytes, all that this adapter binds, ` +
      `got ${size(name, whole) * 4}, and the kernel cannot be split further: ` +
      'use smaller tensors (a smaller batch, shorter texts)',
  );
}

/**
 * Largest part along this axis in which every buffer that the axis shrinks fits one binding. If it
 * can fit none alone, its smallest part, provided that halves one of them; otherwise 0.
 */
function largestPart<P>(
  { length, granularity, slice }: SplitAxis<P>,
  { maxElements }: BindingLimits,
  oversized: readonly string[],
  size: (name: string, part: LaunchPart<P>) => number,
  whole: LaunchPart<P>,
): number {
  const smallest = slice(0, Math.min(granularity, length));
  const shrinkable = oversized.filter((name) => size(name, smallest) <= maxElements);
  if (shrinkable.length === 0)
    return oversized.some((name) => size(name, smallest) <= size(name, whole) / 2)
      ? granularity
      : 0;
  const fits = (count: number) => {
    const part = slice(0, Math.min(count, length));
    return shrinkable.every((name) => size(name, part) <= maxElements);
  };
  // The largest multiple of `granularity` that fits, by bisection: `low` fits, `high` does not.
  let [low, high] = [1, Math.ceil(length / granularity) + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle * granularity)) low = middle;
    else high = middle;
  }
  return low * granularity;
}

function addStarts(
  a: LaunchPart<unknown>['starts'],
  b: LaunchPart<unknown>['starts'],
): LaunchPart<unknown>['starts'] {
  const sum = { ...a };
  for (const name in b) sum[name] = (sum[name] ?? 0) + b[name];
  return sum;
}
