import { KernelError } from './errors.ts';
import type { Kernel, LaunchPart, ParamTypes, ParamValues, SplitAxis } from './kernel.ts';
import type { Traits } from './traits.ts';

/**
 * Where a launch needs more of a buffer than can be bound at once, it runs as several, each on windows of its buffers.
 * Kernels say along which axes they can be cut; here it is decided where.
 */

/** Elements that a window may have, and of which number's multiples it may start at. */
interface BindingLimits {
  maxElements: number;
  alignment: number;
}

/** Where a window may start: at multiples of so many elements. */
export const windowAlignment = ({ bindingAlignment }: Traits): number =>
  Math.max(4, bindingAlignment / 4);

/**
 * The launches that do what one launch is asked to: itself where all its buffers can be bound.
 * @throws KernelError when a buffer is too large and the kernel cannot be cut so that it fits.
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
    `${name} needs ${size(name, whole) * 4} bytes at once; this adapter binds ${limits.maxElements * 4} at most, ` +
      'and this cannot be done in smaller parts: use smaller tensors (a smaller batch, shorter texts)',
  );
}

/**
 * The most places a part along this axis may have so that all those buffers fit that the axis can make fit; where it can
 * make none fit by itself, its least part if that brings one to half its size or less; else 0.
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
  // The longest multiple of `least` that fits, by bisection: `low` fits, `high` does not.
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
