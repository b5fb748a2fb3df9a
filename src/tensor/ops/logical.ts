import * as r from '../../kernels/elementwise/rounding.ts';
import type { MapKernel } from '../../kernels/kit/mapSpec.ts';
import { full } from '../create.ts';
import { asDtype } from '../dtypes.ts';
import { launchMap } from '../launch.ts';
import { operation, requireOperand } from '../operation.ts';
import type { Tensor } from '../tensor.ts';
import { eq, ne, type Operand, toFloat } from './elementwise.ts';
import { type Dims, sum } from './reduce.ts';

/** Tests and logic give bool tensors, of 1 and 0. All but 0 counts as true, NaN too. */
const test = (kernel: MapKernel) =>
  operation(
    kernel.spec.name,
    1,
    (x: Tensor): Tensor => asDtype(launchMap(kernel, [toFloat(x)]), 'bool'),
  );

/**
 * Whether each element is NaN (bool).
 * @example
 * isnan(tensor([1, NaN])); // [0, 1]
 */
export const isnan = test(r.isnan);
/**
 * Whether each element is infinite (bool).
 * @example
 * isinf(tensor([1, Infinity])); // [0, 1]
 */
export const isinf = test(r.isinf);
/**
 * Whether each element is neither NaN nor infinite (bool).
 * @example
 * isfinite(tensor([1, Infinity])); // [1, 0]
 */
export const isfinite = test(r.isfinite);

const logic = (kernel: MapKernel) =>
  operation(kernel.spec.name, 1, (a: Tensor, b: Operand): Tensor => {
    requireOperand(b);
    const other = typeof b === 'number' ? full([], b, { device: a.device }) : toFloat(b);
    return asDtype(launchMap(kernel, [toFloat(a), other]), 'bool');
  });

/**
 * Whether both are true (bool).
 * @throws ArgumentError if shapes do not broadcast.
 * @example
 * logicalAnd(tensor([1, 1]), tensor([1, 0])); // [1, 0]
 */
export const logicalAnd = logic(r.logicalAnd);
/**
 * Whether one or both are true (bool); see `logicalAnd`.
 * @example
 * logicalOr(tensor([1, 0]), tensor([0, 0])); // [1, 0]
 */
export const logicalOr = logic(r.logicalOr);
/**
 * Whether exactly one is true (bool); see `logicalAnd`.
 * @example
 * logicalXor(tensor([1, 1]), tensor([1, 0])); // [0, 1]
 */
export const logicalXor = logic(r.logicalXor);
/**
 * Whether each element is 0 (bool).
 * @example
 * logicalNot(tensor([1, 0])); // [0, 1]
 */
export const logicalNot = operation(
  'logicalNot',
  1,
  (x: Tensor): Tensor => asDtype(eq(x, 0), 'bool'),
);

/**
 * Whether any element over some dimensions is true (bool); over all if `dim` is not given. Of no
 * elements, none is.
 * @throws ArgumentError if a dimension is out of range.
 * @example
 * any(tensor([1, 0])); // 1
 */
export const any = operation(
  'any',
  1,
  (x: Tensor, dim?: Dims, keepdim = false): Tensor =>
    asDtype(ne(sum(toFloat(ne(x.detach(), 0)), dim, keepdim), 0), 'bool'),
);

/**
 * Whether all elements over some dimensions are true (bool), as they are if there is none.
 * @example
 * all(tensor([1, 0])); // 0
 */
export const all = operation(
  'all',
  1,
  (x: Tensor, dim?: Dims, keepdim = false): Tensor =>
    asDtype(eq(sum(toFloat(eq(x.detach(), 0)), dim, keepdim), 0), 'bool'),
);
