import type { Binding, Device } from '../device/device.ts';
import type {
  BufferTypes,
  Constants,
  ElementType,
  Kernel,
  ParamTypes,
  ParamValues,
} from '../device/kernel.ts';
import { isDense, mapParams } from '../kernels/kit/map.ts';
import type { MapKernel } from '../kernels/kit/mapSpec.ts';
import { MAX_RANK } from '../kernels/kit/shape.ts';
import { ArgumentError, StateError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { constantWatch } from './constantWatch.ts';
import { describe } from './print.ts';
import { checkSaved } from './savedTensors.ts';
import { broadcastShapes, coalesceDims, formatShape, type Shape, sameShape } from './shape.ts';
import { type DType, empty, isHalf, Tensor } from './tensor.ts';

/**
 * Launches a kernel on tensors of one device.
 * @throws StateError if a tensor is disposed, or the tensors are on different devices.
 * @throws ArgumentError if an int32 tensor is given for a float32 buffer: its bits would be read as
 * floats; or for a parameter that is no number: it would be NaN.
 */
export function launch<T extends ParamTypes, C extends Constants, B extends BufferTypes>(
  kernel: Kernel<T, C, B>,
  tensors: { [K in keyof B]: Tensor },
  params: ParamValues<T>,
): void {
  let device: Device | undefined;
  const bindings: Record<string, Binding> = {};
  for (const name in tensors) {
    const tensor = tensors[name];
    device ??= tensor.device;
    if (tensor.isDisposed)
      throw new StateError(
        `${kernel.name}: ${describe(tensor)} was disposed: keep it (\`keep\`) or return it ` +
          `from its scope`,
      );
    if (tensor.device !== device) {
      throw new StateError(
        `${kernel.name}: expected tensors on one device, ` +
          `got ${device.kind} and ${tensor.device.kind}`,
      );
    }
    const { type, access } = kernel.buffers[name];
    if (isHalf(tensor.dtype) ? name !== 'packed' : needsFloat(tensor, type)) {
      throw new ArgumentError(
        `${kernel.name}: expected float32, got ${tensor.dtype}: convert it with toFloat()`,
      );
    }
    if (access !== 'write') checkSaved(tensor);
    bindings[name] = tensor.storage.binding;
  }
  for (const name in kernel.params)
    if (kernel.params[name] === 'f32' && typeof params[name] !== 'number')
      throw new ArgumentError(
        `${kernel.name}: \`${name}\`: expected a number, got ${formatValue(params[name])}`,
      );
  device!.run(kernel, bindings as { [K in keyof B]: Binding }, params);
  const watch = constantWatch();
  if (!watch) return;
  const names = Object.keys(tensors);
  watch.onLaunch(
    names.filter((name) => kernel.buffers[name].access !== 'write').map((name) => tensors[name]),
    names.filter((name) => kernel.buffers[name].access !== 'read').map((name) => tensors[name]),
  );
}

const needsFloat = ({ dtype }: Tensor, type: ElementType) =>
  dtype !== 'float32' && (type === 'f32' || type === 'V');

/**
 * Runs an element-wise kernel over inputs broadcast together; `scalars` are its constants, `into` a
 * contiguous tensor for the result.
 */
export function launchMap(
  kernel: MapKernel,
  inputs: readonly Tensor[],
  scalars: Record<string, number> = {},
  into?: Tensor,
): Tensor {
  const { spec } = kernel;
  let { shape } = inputs[0];
  for (const { shape: other } of inputs) shape = broadcastShapes(shape, other, spec.name);
  const coalesced = coalesceDims(
    shape,
    inputs.map((t) => broadcastStrides(t, shape)),
  );
  if (coalesced.shape.length > MAX_RANK)
    throw new ArgumentError(
      `${spec.name}: more than ${MAX_RANK} dimensions: ${formatShape(shape)}`,
    );
  const dtype: DType = spec.keepsBits
    ? inputs[0].dtype
    : spec.types?.out === 'I'
      ? 'int32'
      : 'float32';
  const out = into ?? empty(shape, dtype, inputs[0].device);
  const operands: Record<string, { strides: readonly number[]; offset: number }> = {};
  const buffers: Record<string, Tensor> = { out };
  for (const [i, name] of spec.inputs.entries()) {
    operands[name] = { strides: coalesced.strides[i], offset: inputs[i].offset };
    buffers[`in_${name}`] = inputs[i];
  }
  launch(kernel, buffers, mapParams(coalesced.shape, operands, scalars));
  return out;
}

/** Strides of a tensor along a shape it broadcasts to: 0 in repeated dimensions. */
export function broadcastStrides({ shape, strides }: Tensor, to: Shape): readonly number[] {
  if (sameShape(shape, to)) return strides;
  const leadingDims = to.length - shape.length;
  return to.map((n, d) =>
    d < leadingDims || (shape[d - leadingDims] === 1 && n !== 1) ? 0 : strides[d - leadingDims],
  );
}

/** Whether a kernel that reads elements in order can take the tensor as it is. */
export const isDenseAtOrigin = (t: Tensor): boolean =>
  t.offset === 0 && isDense(t.ndim, t.shape, t.strides);

/** A tensor over existing memory: the optimiser's flat buffers, gradient buffers. */
export const tensorOver = (storage: Tensor['storage'], shape: Shape): Tensor =>
  new Tensor(storage, shape);
