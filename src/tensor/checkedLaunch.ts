import type { BufferTypes, Constants, Kernel, ParamTypes, ParamValues } from '../device/kernel.ts';
import { copy } from '../kernels/elementwise/arithmetic.ts';
import type { MapKernel } from '../kernels/kit/mapSpec.ts';
import { ArgumentError, StateError } from '../platform/errors.ts';
import { needsGrad } from './autograd.ts';
import { noteWrite } from './captureGuard.ts';
import { noteIndexRange } from './indexRange.ts';
import {
  isDenseAtOrigin,
  launchMap as launchMapUnchecked,
  launch as launchUnchecked,
} from './launch.ts';
import { describe } from './print.ts';
import { formatShape } from './shape.ts';
import type { Tensor } from './tensor.ts';

/**
 * Runs a kernel on tensors of one device. The names of `tensors` and `params` are those of its
 * declaration. The kernel sees elements in row-major order: views are copied before it reads them.
 * It is not recorded for `backward`: call it in the `forward` and `backward` of a `Function`.
 * @throws ArgumentError if a tensor has fewer elements or another dtype than the kernel's buffer,
 *   or a view is to be written; StateError if a tensor is disposed, on another device, or requires
 *   a gradient outside of `noGrad`.
 * @example
 * const y = empty(x.shape, { device: x.device });
 * launch(swish, { x, y }, { count: x.size });
 */
export function launch<T extends ParamTypes, C extends Constants, B extends BufferTypes>(
  kernel: Kernel<T, C, B>,
  tensors: { [K in keyof B]: Tensor },
  params: ParamValues<T>,
): void {
  refuseRecorded(kernel.name, Object.values<Tensor>(tensors));
  const given = { ...tensors };
  for (const name in kernel.buffers) {
    checkBuffer(kernel as unknown as Kernel, name, tensors[name], params);
    if (kernel.buffers[name].access === 'read' && !isDenseAtOrigin(tensors[name]))
      given[name] = launchMapUnchecked(copy, [tensors[name]]);
  }
  launchUnchecked(kernel, given, params);
  for (const name in kernel.buffers) {
    if (kernel.buffers[name].access === 'read') continue;
    noteWrite(tensors[name], kernel.name);
    if (tensors[name].dtype !== 'float32') noteIndexRange(tensors[name].storage, undefined);
  }
}

/**
 * Runs an element-wise kernel of `defineMap` over inputs broadcast together, views included, and
 * returns the result. It is not recorded, as with `launch`.
 * @param scalars the kernel's constants
 * @throws as `launch`; ArgumentError if the shapes do not broadcast.
 * @example
 * const reference = (a: number) => a ** 3;
 * const cubes = defineMap({ name: 'cubes', inputs: ['a'], wgsl: 'a * a * a', reference });
 * launchMap(cubes, [tensor([1.5, 2])]);
 */
export function launchMap(
  kernel: MapKernel,
  inputs: readonly Tensor[],
  scalars: Record<string, number> = {},
): Tensor {
  refuseRecorded(kernel.name, inputs);
  return launchMapUnchecked(kernel, inputs, scalars);
}

function refuseRecorded(name: string, tensors: readonly Tensor[]): void {
  if (!needsGrad(tensors)) return;
  throw new StateError(
    `${name}: ${tensors.find((tensor) => tensor.requiresGrad)} requires a gradient, which a ` +
      'launch would lose: call it in the `forward` of a `Function`, or in `noGrad(() => …)`',
  );
}

function checkBuffer(
  kernel: Kernel,
  name: string,
  tensor: Tensor | undefined,
  params: ParamValues<ParamTypes>,
): void {
  const { type, access, size } = kernel.buffers[name];
  const what = `${kernel.name}: \`${name}\`: expected`;
  if (!tensor) throw new ArgumentError(`${what} a tensor, got undefined`);
  const isFloat = type === 'f32' || type === 'V';
  if (isFloat !== (tensor.dtype === 'float32'))
    throw new ArgumentError(
      `${what} ${isFloat ? 'float32' : 'int32 or bool'}, got ` + `${describe(tensor)}`,
    );
  const least = size(params);
  if (!(tensor.size >= least))
    throw new ArgumentError(
      `${what} at least ${least} elements, got shape ${formatShape(tensor.shape)}`,
    );
  if (access !== 'read' && !isDenseAtOrigin(tensor))
    throw new ArgumentError(
      `${what} a tensor to write that is no view of a part, got ` + `${describe(tensor)}`,
    );
}
