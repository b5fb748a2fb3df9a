import { KernelError } from './errors.ts';
import type { Axis, Kernel, ParamTypes, ParamValues, Part } from './kernel.ts';
import type { Traits } from './traits.ts';

/**
 * Where a launch needs more of a buffer than can be bound at once, it runs as several, each on windows of its buffers.
 * Kernels say along which axes they can be cut; here it is decided where.
 */

/** Elements that a window may have, and of which number's multiples it may start at. */
interface Limits {
  most: number;
  step: number;
}

/** Where a window may start: at multiples of so many elements. */
export const windowStep = ({ bindingAlignment }: Traits): number =>
  Math.max(4, bindingAlignment / 4);

/**
 * The launches that do what one launch is asked to: itself where all its buffers can be bound.
 * @throws KernelError when a buffer is too large and the kernel cannot be cut so that it fits.
 */
export function partsOf<T extends ParamTypes>(
  kernel: Kernel<T>,
  p: ParamValues<T>,
  traits: Traits,
): Part<ParamValues<T>>[] {
  const whole = { params: p, starts: {} };
  // Whole vec4s are bound.
  const limits = { most: Math.floor(traits.maxBinding / 16) * 4, step: windowStep(traits) };
  for (const name in kernel.buffers) {
    if (kernel.buffers[name].size(p) > limits.most) return [...divide(kernel, whole, limits)];
  }
  return [whole];
}

function* divide<T extends ParamTypes>(
  kernel: Kernel<T>,
  whole: Part<ParamValues<T>>,
  limits: Limits,
): Generator<Part<ParamValues<T>>> {
  const p = whole.params;
  const names = Object.keys(kernel.buffers);
  const size = (name: string, part: Part<ParamValues<T>>) => kernel.buffers[name].size(part.params);
  const large = names.filter((name) => size(name, whole) > limits.most);
  if (large.length === 0) {
    yield whole;
    return;
  }
  for (const axis of kernel.axes?.(p, limits.step) ?? []) {
    const count = longest(axis, limits, large, size, whole);
    if (!count) continue;
    for (let first = 0; first < axis.length; first += count) {
      const part = axis.cut(first, Math.min(count, axis.length - first));
      yield* divide(
        kernel,
        { params: part.params, starts: plus(whole.starts, part.starts) },
        limits,
      );
    }
    return;
  }
  const name = large[0];
  throw new KernelError(
    kernel.name,
    `${name} needs ${size(name, whole) * 4} bytes at once; this adapter binds ${limits.most * 4} at most, ` +
      'and this cannot be done in smaller parts: use smaller tensors (a smaller batch, shorter texts)',
  );
}

/**
 * The most places a part along this axis may have so that all those buffers fit that the axis can make fit; where it can
 * make none fit by itself, its least part if that brings one to half its size or less; else 0.
 */
function longest<P>(
  { length, least, cut }: Axis<P>,
  { most }: Limits,
  large: readonly string[],
  size: (name: string, part: Part<P>) => number,
  whole: Part<P>,
): number {
  const smallest = cut(0, Math.min(least, length));
  const curable = large.filter((name) => size(name, smallest) <= most);
  if (curable.length === 0)
    return large.some((name) => size(name, smallest) <= size(name, whole) / 2) ? least : 0;
  const fits = (count: number) => {
    const part = cut(0, Math.min(count, length));
    return curable.every((name) => size(name, part) <= most);
  };
  // The longest multiple of `least` that fits, by bisection: `low` fits, `high` does not.
  let [low, high] = [1, Math.ceil(length / least) + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle * least)) low = middle;
    else high = middle;
  }
  return low * least;
}

function plus(a: Part<unknown>['starts'], b: Part<unknown>['starts']): Part<unknown>['starts'] {
  const sum = { ...a };
  for (const name in b) sum[name] = (sum[name] ?? 0) + b[name];
  return sum;
}
