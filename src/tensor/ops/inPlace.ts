import { copy } from '../../kernels/elementwise/arithmetic.ts';
import type { HalfKind } from '../../kernels/kit/half.ts';
import { ArgumentError, StateError } from '../../platform/errors.ts';
import { needsGrad, record } from '../autograd.ts';
import { noteWrite } from '../captureGuard.ts';
import { full } from '../create.ts';
import { floatToHalf, isWholeHalf } from '../half.ts';
import { noteIndexRange } from '../indexRange.ts';
import { launchMap } from '../launch.ts';
import { operation, viewOperation } from '../operation.ts';
import { describe } from '../print.ts';
import { isExpanded } from '../shape.ts';
import { storeInto } from '../storeStrided.ts';
import { type DType, isHalf, Tensor, type TensorData } from '../tensor.ts';
import { to } from './convert.ts';
import { add, clamp, div, mul, type Operand, sub, toFloat } from './elementwise.ts';
import { addcdiv, addcmul, lerp } from './pointwise.ts';
import { expand } from './views.ts';

/**
 * Operations that write over a tensor and return it, as PyTorch's with a name that ends in `_`.
 * They are not recorded for `backward`, and refuse tensors that require a gradient outside of
 * `noGrad`.
 */

/**
 * Writes over x: values of the host in row-major order, or a tensor that broadcasts to x.
 * @throws ArgumentError if the values do not fit; StateError, outside of `noGrad`, if x requires a
 *   gradient and the values are a tensor, or x is a result of operations.
 * @example
 * x.copy_([1, 2, 3]);
 * noGrad(() => average.copy_(weight));
 */
export const copy_ = viewOperation(
  'copy_',
  1,
  (x: Tensor, values: Tensor | TensorData | readonly number[]): Tensor =>
    values instanceof Tensor ? overwrite('copy_', x, values) : fillFromHost(x, values),
);

function fillFromHost(x: Tensor, values: TensorData | readonly number[]): Tensor {
  // A parameter takes new values; a result of operations would no longer be what was recorded.
  if (x.gradFn && needsGrad([x])) throw lostGradient('copy_', x);
  return x.upload(values);
}

const lostGradient = (name: string, x: Tensor): StateError =>
  new StateError(
    `${name}: ${describe(x)} or what is written to it requires a gradient, which a write would ` +
      'lose: use an operation that makes a new tensor, or `noGrad(() => …)`',
  );

const inPlace = (name: string, compute: (a: Tensor, b: Operand) => Tensor) =>
  viewOperation(
    name,
    1,
    (x: Tensor, value: Operand): Tensor =>
      overwrite(name, x, compute(x.detach(), value), typeof value === 'number' ? [] : [value]),
  );

/** x + value in x's memory. @throws as `copy_`. */
export const add_ = inPlace('add_', add);
/** x - value in x's memory. @throws as `copy_`. */
export const sub_ = inPlace('sub_', sub);
/** x value in x's memory. @throws as `copy_`. */
export const mul_ = inPlace('mul_', mul);
/** x / value in x's memory. @throws as `copy_`. */
export const div_ = inPlace('div_', div);

/**
 * x limited to [min, max] in x's memory. @throws as `copy_`.
 * @example
 * noGrad(() => weight.clamp_(-1, 1));
 */
export const clamp_ = viewOperation(
  'clamp_',
  1,
  (x: Tensor, min?: number, max?: number): Tensor =>
    overwrite('clamp_', x, clamp(x.detach(), min, max)),
);
/**
 * x + weight (end - x) in x's memory, such as a moving average. @throws as `copy_`.
 * @example
 * noGrad(() => average.lerp_(weight, 0.01));
 */
export const lerp_ = viewOperation(
  'lerp_',
  2,
  (x: Tensor, end: Tensor, weight: Operand): Tensor => {
    const operands = typeof weight === 'number' ? [end] : [end, weight];
    return overwrite('lerp_', x, lerp(x.detach(), end, weight), operands);
  },
);
/** x + value a b in x's memory. @throws as `copy_`. */
export const addcmul_ = viewOperation(
  'addcmul_',
  3,
  (x: Tensor, a: Tensor, b: Tensor, value = 1): Tensor =>
    overwrite('addcmul_', x, addcmul(x.detach(), a, b, value), [a, b]),
);
/** x + value a / b in x's memory. @throws as `copy_`. */
export const addcdiv_ = viewOperation(
  'addcdiv_',
  3,
  (x: Tensor, a: Tensor, b: Tensor, value = 1): Tensor =>
    overwrite('addcdiv_', x, addcdiv(x.detach(), a, b, value), [a, b]),
);

/** Writes one number over all elements. @throws StateError as `copy_`. */
export const fill_ = viewOperation(
  'fill_',
  1,
  (x: Tensor, value: number): Tensor => overwrite('fill_', x, scalar(x, value)),
);
/** Writes 0 over all elements. @throws StateError as `copy_`. */
export const zero_ = viewOperation(
  'zero_',
  1,
  (x: Tensor): Tensor => overwrite('zero_', x, scalar(x, 0)),
);

const scalar = ({ dtype, device }: Tensor, value: number): Tensor =>
  full([], value, { dtype, device });

/** A copy in memory of its own; gradients flow through it. */
export const clone = operation(
  'clone',
  1,
  (x: Tensor): Tensor => record('clone', launchMap(copy, [x]), [x], (dy) => [dy]),
);

function overwrite(
  name: string,
  x: Tensor,
  source: Tensor,
  others: readonly Tensor[] = [],
): Tensor {
  if (needsGrad([x, source, ...others])) throw lostGradient(name, x);
  // PyTorch's copy_ converts, and its other operations refuse, as here.
  const isFloat = (dtype: DType) => dtype === 'float32' || isHalf(dtype);
  if (name !== 'copy_' && isFloat(source.dtype) && !isFloat(x.dtype))
    throw new ArgumentError(
      `${name}: the result is ${source.dtype}, which ${describe(x)} cannot hold: convert it ` +
        'first (`toFloat`)',
    );
  if (isExpanded(x))
    throw new ArgumentError(
      `${name}: ${describe(x)} is expanded, so several of its elements are one: write to a ` +
        `copy (\`clone\`)`,
    );
  if (isHalf(x.dtype)) return overwriteHalf(name, x, expand(toFloat(source), x.shape));
  const values = to(source, x.dtype);
  noteWrite(x, name);
  // Copied first where both share memory: a launch may not write a buffer that it reads.
  const isShared = values.storage.binding.buffer === x.storage.binding.buffer;
  storeInto(x, expand(isShared ? clone(values.detach()) : values, x.shape));
  if (x.dtype !== 'float32') noteIndexRange(x.storage, undefined);
  return x;
}

function overwriteHalf(name: string, x: Tensor, values: Tensor): Tensor {
  const dtype = x.dtype as HalfKind;
  if (!isWholeHalf(x))
    throw new ArgumentError(
      `${name}: expected a whole ${dtype} tensor, got a part of one: write to a copy (\`clone\`)`,
    );
  noteWrite(x, name);
  return floatToHalf(values, dtype, x);
}
