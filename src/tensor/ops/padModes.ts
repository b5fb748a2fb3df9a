import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { tensor } from '../create.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { indexSelect } from './embedding.ts';

/** What stands in the padding; see `pad`. */
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';
type InsideMode = Exclude<PadMode, 'constant'>;

/** For each mode, the place that stands at a place outside 0 to n - 1. */
const placeOf: Record<InsideMode, (at: number, n: number) => number> = {
  reflect: (at, n) => (at < 0 ? -at : 2 * (n - 1) - at),
  replicate: (at, n) => (at < 0 ? 0 : n - 1),
  circular: (at, n) => (at + n) % n,
};
/** For each mode, the widest padding of a dimension. */
const widest: Record<InsideMode, (n: number) => number> = {
  reflect: (n) => n - 1,
  replicate: (n) => (n > 0 ? Number.POSITIVE_INFINITY : 0),
  circular: (n) => n,
};

/**
 * Pads with elements of x itself: pairs (before, after) for each dimension.
 * @throws ArgumentError for another mode, or a dimension that is too short for it.
 */
export function padFromInside(
  x: Tensor,
  pairs: readonly (readonly [number, number])[],
  mode: InsideMode,
): Tensor {
  if (!(mode in placeOf))
    throw new ArgumentError(
      `pad: expected a value, or constant, reflect, replicate or circular, ` +
        `got ${formatValue(mode)}`,
    );
  return pairs.reduce((padded, [before, after], d) => {
    if (before === 0 && after === 0) return padded;
    const n = x.shape[d];
    if (Math.max(before, after) > widest[mode](n))
      throw new ArgumentError(
        `pad: expected widths of at most ${widest[mode](n)} for '${mode}' along dimension ${d} ` +
          `of ${formatShape(x.shape)}, got ${before} and ${after}`,
      );
    const places = Int32Array.from({ length: before + n + after }, (_, i) => {
      const at = i - before;
      return at >= 0 && at < n ? at : placeOf[mode](at, n);
    });
    return indexSelect(padded, d, tensor(places, { device: x.device }));
  }, x);
}
