import { operation, viewOperation } from '../operation.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { abs, affine, eq, le, lt, sub, toFloat, where } from './elementwise.ts';
import { all, isnan, logicalAnd, logicalOr } from './logical.ts';

/** Tests of equality. */

/** How far from equal counts as equal: |a - b| ≤ atol + rtol |b|. */
export interface CloseOptions {
  /** Default: 1e-5. */
  rtol?: number;
  /** Default: 1e-8. */
  atol?: number;
  /** Whether NaN equals NaN. Default: false. */
  equalNan?: boolean;
}

/** |a - b| in float32; of integers, exact where it is small. */
function distance(a: Tensor, b: Tensor): Tensor {
  const far = abs(sub(toFloat(a), toFloat(b)));
  if (a.dtype === 'float32' || b.dtype === 'float32') return far;
  // The difference of integers far from each other may wrap around.
  return where(lt(far, 2 ** 30), toFloat(abs(sub(a, b))), far);
}

/**
 * Whether elements are nearly equal (bool): |a - b| ≤ atol + rtol |b|. Infinities equal themselves.
 * @throws ArgumentError if shapes do not broadcast.
 * @example
 * isclose(tensor([1, 2]), tensor([1, 2.1])); // [1, 0]
 */
export const isclose = operation(
  'isclose',
  2,
  (a: Tensor, b: Tensor, options: CloseOptions = {}): Tensor => {
    const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
    const [x, y] = [a.detach(), b.detach()];
    const size = abs(toFloat(y));
    const isBounded = lt(size, Number.POSITIVE_INFINITY);
    const isNear = logicalAnd(le(distance(x, y), affine(size, rtol, atol)), isBounded);
    const near = logicalOr(isNear, eq(x, y));
    return equalNan ? logicalOr(near, logicalAnd(isnan(x), isnan(y))) : near;
  },
  ['rtol', 'atol', 'equalNan'],
);
/**
 * Whether all elements are nearly equal; see `isclose`. It reads the result back: await it.
 * @example
 * await allclose(tensor([1, 2]), tensor([1, 2.000001])); // true
 */
export const allclose = operation(
  'allclose',
  2,
  async (a: Tensor, b: Tensor, options: CloseOptions = {}): Promise<boolean> =>
    (await all(isclose(a, b, options)).item()) !== 0,
  ['rtol', 'atol', 'equalNan'],
);
/**
 * Whether two tensors have one shape and equal elements. It reads the result back: await it.
 * @example
 * await equal(tensor([1, 2]), tensor([1, 2])); // true
 */
export const equal = viewOperation(
  'equal',
  2,
  async (a: Tensor, b: Tensor): Promise<boolean> =>
    formatShape(a.shape) === formatShape(b.shape) && (await all(eq(a, b)).item()) !== 0,
);
