import * as k from '../../kernels/elementwise/arithmetic.ts';
import type { MapKernel } from '../../kernels/kit/mapSpec.ts';
import { isGradEnabled, record } from '../autograd.ts';
import { tensor } from '../create.ts';
import { launchMap } from '../launch.ts';
import { operation } from '../operation.ts';
import type { Tensor } from '../tensor.ts';
import { sumToSize } from './broadcasting.ts';

/**
 * Arithmetic of float32 tensors, of which gradients are made; `elementwise.ts` has the operations
 * for all dtypes and numbers.
 */

/** The gradient of an argument x from that of the result y. */
export type Gradient = (dy: Tensor, x: Tensor, y: Tensor) => Tensor;

/**
 * A gradient by one kernel, and the same of recorded operations, for second derivatives; it is
 * recorded only then.
 */
export const onceOrAgain =
  (once: Gradient, again: Gradient): Gradient =>
  (dy, x, y) =>
    isGradEnabled() ? again(dy, x, y) : once(dy, x, y);

/**
 * An operation of one argument; `gradient` takes the result's gradient, the argument and the
 * result.
 */
export const onFloats = (kernel: MapKernel, gradient: Gradient) =>
  operation(kernel.spec.name, 1, (x: Tensor): Tensor => {
    const y = launchMap(kernel, [x]);
    return record(kernel.spec.name, y, [x], (dy) => [gradient(dy, x, y)]);
  });

/** a b. */
export const mulFloats = (a: Tensor, b: Tensor): Tensor =>
  record('mul', launchMap(k.mul, [a, b]), [a, b], (dy) => [
    a.requiresGrad ? sumToSize(mulFloats(dy, b), a.shape) : null,
    b.requiresGrad ? sumToSize(mulFloats(dy, a), b.shape) : null,
  ]);
/** a / b. */
export const divFloats = (a: Tensor, b: Tensor): Tensor =>
  record('div', launchMap(k.div, [a, b]), [a, b], (dy) => [
    a.requiresGrad ? sumToSize(divFloats(dy, b), a.shape) : null,
    b.requiresGrad ? sumToSize(divisorGradient(dy, a, b), b.shape) : null,
  ]);
const divisorGradient = onceOrAgain(
  (dy, a, b) => launchMap(k.divBackward, [dy, a, b]),
  (dy, a, b) => affineFloats(divFloats(mulFloats(dy, divFloats(a, b)), b), -1),
);
/** x scale + shift. */
export const affineFloats = (x: Tensor, scale: number, shift = 0): Tensor =>
  record('affine', launchMap(k.affine, [x], { scale, shift }), [x], (dy) => [
    affineFloats(dy, scale),
  ]);

/** x / divisor. */
export const divideFloats = (x: Tensor, divisor: number): Tensor =>
  record('div', launchMap(k.divideBy, [x], { divisor }), [x], (dy) => [divideFloats(dy, divisor)]);

/** A number as a tensor on the device of `like`. */
export const floatScalar = (value: number, { device }: Tensor): Tensor =>
  tensor(Float32Array.of(value), { shape: [], device });
/** 1 where a comparison holds, else 0; a constant. */
export const indicator = (kernel: MapKernel, x: Tensor, y: Tensor): Tensor =>
  launchMap(k.toFloat, [launchMap(kernel, [x, y])]);

/** The gradient of tanh from its result. */
export const tanhGradient = (dy: Tensor, y: Tensor): Tensor =>
  isGradEnabled()
    ? mulFloats(dy, affineFloats(mulFloats(y, y), -1, 1))
    : launchMap(k.tanhBackward, [dy, y]);
/** The gradient of relu from its argument or result. */
export const reluGradient = (dy: Tensor, x: Tensor): Tensor =>
  isGradEnabled()
    ? mulFloats(dy, indicator(k.gt, x, floatScalar(0, x)))
    : launchMap(k.reluBackward, [dy, x]);
