import * as k from '../../kernels/elementwise/arithmetic.ts';
import * as integers from '../../kernels/elementwise/integers.ts';
import type { MapKernel } from '../../kernels/kit/mapSpec.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { emptyGrad, record } from '../autograd.ts';
import { asDtype } from '../dtypes.ts';
import { halfToFloat } from '../half.ts';
import { launchMap } from '../launch.ts';
import { operation, requireOperand, viewOperation } from '../operation.ts';
import { isHalf, type Tensor } from '../tensor.ts';
import { sumToSize } from './broadcasting.ts';
import {
  affineFloats,
  divFloats,
  divideFloats,
  floatScalar,
  type Gradient,
  indicator,
  mulFloats,
  onceOrAgain,
  onFloats,
  reluGradient,
  tanhGradient,
} from './floats.ts';
import { asTensor, isMask, isWhole, type Operand } from './operands.ts';

export type { Operand };

type Binary = (a: Tensor, b: Operand) => Tensor;

/** `onFloats`, where integers give floats. */
const unary = (kernel: MapKernel, gradient: Gradient) => {
  const ofFloat = onFloats(kernel, gradient);
  return operation(kernel.spec.name, 1, (x: Tensor): Tensor => ofFloat(toFloat(x)));
};

/** The same, where integers stay integers. */
const keeping = (kernel: MapKernel, gradient: Gradient, ofIntegers: (x: Tensor) => Tensor) => {
  const ofFloat = onFloats(kernel, gradient);
  return operation(
    kernel.spec.name,
    1,
    (x: Tensor): Tensor => (x.dtype === 'float32' ? ofFloat(x) : ofIntegers(x)),
  );
};

/** e to the power of each element. @example exp(tensor([0, 1])); // [1, 2.718] */
export const exp = unary(k.exp, (dy, _, y) => mulFloats(dy, y));
/** The natural logarithm of each element. @example log(tensor([1, 10])); // [0, 2.303] */
export const log = unary(k.log, (dy, x) => divFloats(dy, x));
/** The square root of each element. @example sqrt(tensor([4, 9])); // [2, 3] */
export const sqrt = unary(k.sqrt, (dy, _, y) => affineFloats(divFloats(dy, y), 0.5));
/** 1 / sqrt(x) of each element. @example rsqrt(tensor([4, 16])); // [0.5, 0.25] */
export const rsqrt = unary(k.rsqrt, (dy, _, y) =>
  affineFloats(mulFloats(dy, mulFloats(y, mulFloats(y, y))), -0.5),
);
/** 1 / x of each element. @example reciprocal(tensor([2, 4])); // [0.5, 0.25] */
export const reciprocal = unary(k.reciprocal, (dy, _, y) =>
  affineFloats(mulFloats(dy, mulFloats(y, y)), -1),
);
/** The absolute value of each element. @example abs(tensor([-1.5, 0.5])); // [1.5, 0.5] */
export const abs = keeping(
  k.abs,
  onceOrAgain(
    (dy, x) => mulFloats(dy, launchMap(k.sign, [x])),
    (dy, x) => mulFloats(dy, sub(toFloat(gt(x, 0)), toFloat(lt(x, 0)))),
  ),
  (x) => maximum(x, neg(x)),
);
/** The sine of each element. @example sin(tensor([0, 1])); // [0, 0.8415] */
export const sin = unary(k.sin, (dy, x) => mulFloats(dy, cos(x)));
/** The cosine of each element. @example cos(tensor([0, 1])); // [1, 0.5403] */
export const cos = unary(k.cos, (dy, x) => affineFloats(mulFloats(dy, sin(x)), -1));
/** The hyperbolic tangent of each element. @example tanh(tensor([0, 1])); // [0, 0.7616] */
export const tanh = unary(k.tanh, (dy, _, y) => tanhGradient(dy, y));
/** 1 / (1 + e^-x) of each element. @example sigmoid(tensor([0, 1])); // [0.5, 0.7311] */
export const sigmoid = unary(
  k.sigmoid,
  onceOrAgain(
    (dy, _, y) => launchMap(k.sigmoidBackward, [dy, y]),
    (dy, _, y) => mulFloats(dy, mulFloats(y, affineFloats(y, -1, 1))),
  ),
);
/** The positive part of each element: max(x, 0). @example relu(tensor([-1.5, 0.5])); // [0, 0.5] */
export const relu = keeping(
  k.relu,
  (dy, x) => reluGradient(dy, x),
  (x) => maximum(x, 0),
);
/** The error function of each element. @example erf(tensor([0, 1])); // [0, 0.8427] */
export const erf = unary(
  k.erf,
  onceOrAgain(
    (dy, x) => launchMap(k.erfBackward, [dy, x]),
    (dy, x) => mulFloats(dy, affine(exp(neg(square(x))), 2 / Math.sqrt(Math.PI), 0)),
  ),
);
/** log(1 + e^x) of each element. @example softplus(tensor([0, 1])); // [0.6931, 1.313] */
export const softplus = onFloats(k.softplus, (dy, x) => mulFloats(dy, sigmoid(x)));
/** x scale + shift, with constants. @example affine(tensor([1, 2]), 10, 0.5); // [10.5, 20.5] */
export const affine = operation('affine', 1, (x: Tensor, scale: number, shift: number): Tensor => {
  return affineFloats(x, scale, shift);
});
/** -x of each element. @example neg(tensor([1, -2])); // [-1, 2] */
export const neg = operation('neg', 1, (x: Tensor): Tensor => mul(x, -1));
/** x² of each element. @example square(tensor([3, -4])); // [9, 16] */
export const square = operation('square', 1, (x: Tensor): Tensor => mul(x, x));
/**
 * x sigmoid(x) of each element, also called swish.
 * @example silu(tensor([0, 1])); // [0, 0.7311]
 */
export const silu = operation('silu', 1, (x: Tensor): Tensor => mul(x, sigmoid(x)));

/**
 * An operation of two arguments: int32 if both are integers, else float32 (PyTorch's promotion of
 * types).
 */
const promoting = (name: string, kernel: MapKernel, ofFloats: Binary): Binary =>
  operation(name, 1, (a, b) => {
    requireOperand(b);
    return a.dtype !== 'float32' && isWhole(b)
      ? launchMap(kernel, [a, asTensor(b, a)])
      : ofFloats(toFloat(a), typeof b === 'number' ? b : toFloat(b));
  });

/** a + b, element by element; shapes broadcast. @example add(tensor([1, 2]), 10); // [11, 12] */
export const add = promoting('add', integers.addInt, (a, b) => {
  if (typeof b === 'number') return affine(a, 1, b);
  const allocate = (t: Tensor) => () => emptyGrad(t);
  return record('add', launchMap(k.add, [a, b]), [a, b], (dy) => [
    sumToSize(dy, a.shape, allocate(a)),
    sumToSize(dy, b.shape, allocate(b)),
  ]);
});

/** a - b, element by element. @example sub(tensor([3, 4]), tensor([1, 1])); // [2, 3] */
export const sub = promoting('sub', integers.subInt, (a, b) => {
  if (typeof b === 'number') return affine(a, 1, -b);
  return record('sub', launchMap(k.sub, [a, b]), [a, b], (dy) => [
    sumToSize(dy, a.shape),
    affineFloats(sumToSize(dy, b.shape), -1),
  ]);
});

/**
 * a b, element by element; shapes broadcast.
 * @example mul(tensor([1, 2]), tensor([3, 4])); // [3, 8]
 */
export const mul = promoting('mul', integers.mulInt, (a, b) => {
  // -0 leaves each product as it is, a zero's sign too.
  if (typeof b === 'number') return affine(a, b, -0);
  return mulFloats(a, b);
});

/** a / b, float32 for integers too. @example div(tensor([1, 2]), 4); // [0.25, 0.5] */
export const div = operation('div', 1, (a: Tensor, b: Operand): Tensor => {
  requireOperand(b);
  if (typeof b === 'number') return divideFloats(toFloat(a), b);
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return div(toFloat(a), toFloat(b));
  return divFloats(a, b);
});

/** The larger or smaller of two; equal values share the gradient. Of two masks, it is a mask. */
const minMax = (
  kernel: MapKernel,
  integerKernel: MapKernel,
  isStrictlyBetter: MapKernel,
): Binary => {
  const ofNumbers = promoting(kernel.spec.name, integerKernel, (a, b) => {
    const other = asTensor(b, a);
    return record(kernel.spec.name, launchMap(kernel, [a, other]), [a, other], (dy) => {
      // 1 if one side wins, 1/2 if they are equal.
      const share = (x: Tensor, y: Tensor) =>
        affineFloats(
          launchMap(k.add, [
            indicator(isStrictlyBetter, x, y),
            indicator(isStrictlyBetter === k.gt ? k.ge : k.le, x, y),
          ]),
          0.5,
        );
      return [
        sumToSize(mulFloats(dy, share(a, other)), a.shape),
        sumToSize(mulFloats(dy, share(other, a)), other.shape),
      ];
    });
  });
  return (a, b) => (isMask(a) && isMask(b) ? asDtype(ofNumbers(a, b), 'bool') : ofNumbers(a, b));
};
/**
 * The larger of two, element by element; equal values share the gradient.
 * @example maximum(tensor([1, 4]), tensor([3, 2])); // [3, 4]
 */
export const maximum = minMax(k.maximum, integers.maximumInt, k.gt);
/**
 * The smaller of two, element by element; equal values share the gradient.
 * @example minimum(tensor([1, 4]), tensor([3, 2])); // [1, 2]
 */
export const minimum = minMax(k.minimum, integers.minimumInt, k.lt);

/**
 * x limited to [min, max]; `max` wins where they cross, as in PyTorch.
 * @throws ArgumentError if a bound is NaN.
 * @example clamp(tensor([-1.5, 0.5, 2.5]), 0, 1); // [0, 0.5, 1]
 */
export const clamp = operation(
  'clamp',
  1,
  (x: Tensor, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Tensor => {
    if (Number.isNaN(min) || Number.isNaN(max))
      throw new ArgumentError(`clamp: expected numbers as bounds, got ${min} and ${max}`);
    if (x.dtype !== 'float32') {
      const raised = min === Number.NEGATIVE_INFINITY ? x : maximum(x, min);
      return max === Number.POSITIVE_INFINITY ? raised : minimum(raised, max);
    }
    const bounds = { low: min, high: max };
    const gradient = onceOrAgain(
      (dy) => launchMap(k.clampBackward, [dy, x], bounds),
      (dy) => mul(dy, mul(toFloat(ge(x, min)), toFloat(le(x, max)))),
    );
    return record('clamp', launchMap(k.clamp, [x], bounds), [x], (dy) => [gradient(dy, x, x)]);
  },
);

/** Comparisons: masks (bool), as in PyTorch. */
const comparison = (kernel: MapKernel, ofIntegers: MapKernel): Binary => {
  const ofFloats: Binary = (a, b) => launchMap(kernel, [a, asTensor(b, a)]);
  const compare = promoting(kernel.spec.name, ofIntegers, ofFloats);
  return (a, b) => asDtype(compare(a, b), 'bool');
};
/** Whether a = b (bool). @example eq(tensor([1, 2]), tensor([1, 3])); // [1, 0] */
export const eq = comparison(k.eq, integers.eqInt);
/** Whether a ≠ b (bool). @example ne(tensor([1, 2]), tensor([1, 3])); // [0, 1] */
export const ne = comparison(k.ne, integers.neInt);
/** Whether a < b (bool). @example lt(tensor([1, 2, 3]), 2); // [1, 0, 0] */
export const lt = comparison(k.lt, integers.ltInt);
/** Whether a ≤ b (bool). @example le(tensor([1, 2, 3]), 2); // [1, 1, 0] */
export const le = comparison(k.le, integers.leInt);
/** Whether a > b (bool). @example gt(tensor([1, 2, 3]), 2); // [0, 0, 1] */
export const gt = comparison(k.gt, integers.gtInt);
/** Whether a ≥ b (bool). @example ge(tensor([1, 2, 3]), 2); // [0, 1, 1] */
export const ge = comparison(k.ge, integers.geInt);

/** As float32. @example toFloat(tensor([1, 2])).dtype; // 'float32' */
export const toFloat = viewOperation('toFloat', 1, (x: Tensor): Tensor => {
  if (x.dtype === 'float32') return x;
  return isHalf(x.dtype) ? halfToFloat(x) : launchMap(k.toFloat, [x]);
});
/** As int32, towards zero. @example toInt(tensor([1.5, -1.5])); // [1, -1] */
export const toInt = operation(
  'toInt',
  1,
  (x: Tensor): Tensor => (x.dtype === 'float32' ? launchMap(k.toInt, [x]) : asDtype(x, 'int32')),
);

/**
 * a if the mask is not 0, else b, element by element; int32 if both are integers, bool if both are
 * masks, or one is and the other is 0 or 1.
 * @example where(tensor([1, 0]), tensor([1, 2]), 9); // [1, 9]
 */
export const where = operation('where', 1, (mask: Tensor, a: Operand, b: Operand): Tensor => {
  requireOperand(a);
  requireOperand(b);
  const condition = mask.dtype === 'float32' ? ne(mask, 0) : mask;
  const hasTensor = typeof a !== 'number' || typeof b !== 'number';
  if (hasTensor && isWhole(a) && isWhole(b)) {
    const like = typeof a === 'number' ? (b as Tensor) : a;
    const chosen = [asTensor(a, like), asTensor(b, like)];
    const isBit = (value: Operand) => isMask(value) || value === 0 || value === 1;
    const dtype = isBit(a) && isBit(b) ? 'bool' : 'int32';
    return asDtype(launchMap(integers.whereInt, [condition, ...chosen]), dtype);
  }
  const [x, y] = [a, b].map((value) =>
    typeof value === 'number' ? floatScalar(value, mask) : toFloat(value),
  );
  return record('where', launchMap(k.where, [condition, x, y]), [x, y], (dy) => {
    const zero = floatScalar(0, dy);
    return [
      x.requiresGrad ? sumToSize(where(condition, dy, zero), x.shape) : null,
      y.requiresGrad ? sumToSize(where(condition, zero, dy), y.shape) : null,
    ];
  });
});

/**
 * x with `value` where the mask is not 0, in x's dtype.
 * @throws ArgumentError if x is int32 and the value is no int32.
 * @example maskedFill(tensor([1, 2]), tensor([0, 1]), 9); // [1, 9]
 */
export const maskedFill = operation(
  'maskedFill',
  2,
  (x: Tensor, mask: Tensor, value: number): Tensor => {
    if (x.dtype === 'int32' && !isWhole(value))
      throw new ArgumentError(
        `maskedFill: expected an integer of 32 bits for an int32 tensor, got ${value}: ` +
          'convert the tensor first (`toFloat`)',
      );
    return where(mask, x.dtype === 'bool' ? Number(value !== 0) : value, x);
  },
);
