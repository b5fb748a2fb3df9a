import type { Device } from '../../device/device.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { cpuDevice, tensor } from '../create.ts';
import { asDtype } from '../dtypes.ts';
import { floatToHalf } from '../half.ts';
import { viewOperation } from '../operation.ts';
import type { DType, Tensor } from '../tensor.ts';
import { ne, toFloat, toInt } from './elementwise.ts';

/** How each dtype is reached from any other. */
const conversions: Record<DType, (x: Tensor) => Tensor> = {
  float32: toFloat,
  float16: (x) => floatToHalf(toFloat(x), 'float16'),
  bfloat16: (x) => floatToHalf(toFloat(x), 'bfloat16'),
  int32: (x) => asDtype(toInt(x), 'int32'),
  bool: (x) => asDtype(ne(x, 0), 'bool'),
};

/**
 * x with another dtype: as it is if it has that already. Halves are rounded to nearest; integers
 * lose the fraction, booleans are whether the element is not 0. Between floats gradients flow. To
 * another device values travel asynchronously: `toDevice`.
 * @throws ArgumentError if there is no such dtype.
 * @example
 * const stored = weights.to('float16'); // half the memory
 */
export const to = viewOperation('to', 1, (x: Tensor, dtype: DType): Tensor => {
  if (!Object.hasOwn(conversions, dtype))
    throw new ArgumentError(
      `to: expected ${Object.keys(conversions).join(', ')}, got ${shown(dtype)}` +
        (isDevice(dtype) ? ': to another device is `await x.toDevice(device)`' : ''),
    );
  return x.dtype === dtype ? x : conversions[dtype](x);
});

/** Whether a value that should be a dtype names a device, or is one. */
const isDevice = (value: unknown): boolean =>
  ['cpu', 'wasm', 'webgpu', 'cuda', 'gpu'].includes(String(value)) || hasKind(value);
const hasKind = (value: unknown): value is Device =>
  typeof value === 'object' && value !== null && 'kind' in value && 'alloc' in value;
const shown = (value: unknown): string =>
  hasKind(value) ? `the ${value.kind} device` : formatValue(value);

/**
 * The values of x on another device, as PyTorch's `x.to(device)`; x itself if it is there already.
 * Await it: values travel asynchronously. Gradients do not flow through it. For a module, see
 * `Module.toDevice`.
 * @throws ArgumentError unless it is a device, from `openDevice` or `useDevice`.
 * @example
 * const onGpu = await x.toDevice(await openDevice('webgpu'));
 */
export const toDevice = viewOperation(
  'toDevice',
  1,
  async (x: Tensor, device: Device): Promise<Tensor> => {
    if (!hasKind(device))
      throw new ArgumentError(
        `toDevice: expected a device, from openDevice or useDevice, got ${formatValue(device)}`,
      );
    if (x.device === device) return x;
    return tensor(await x.data(), { shape: x.shape, dtype: x.dtype, device });
  },
);

/**
 * The values of x on the cpu device, where `x.toString()` shows them; x itself if it is there.
 * Await it; see `toDevice`.
 * @example
 * console.log(`${await x.cpu()}`);
 */
export const cpu = viewOperation(
  'cpu',
  1,
  (x: Tensor): Promise<Tensor> => toDevice(x, x.device.kind === 'cpu' ? x.device : cpuDevice()),
);

/** x as float32; see `to`. */
export const float = viewOperation('float', 1, (x: Tensor): Tensor => to(x, 'float32'));
/** x as float16; see `to`. */
export const half = viewOperation('half', 1, (x: Tensor): Tensor => to(x, 'float16'));
/** x as bfloat16; see `to`. */
export const bfloat16 = viewOperation('bfloat16', 1, (x: Tensor): Tensor => to(x, 'bfloat16'));
/** x as int32; see `to`. */
export const int = viewOperation('int', 1, (x: Tensor): Tensor => to(x, 'int32'));
/** x as bool; see `to`. */
export const bool = viewOperation('bool', 1, (x: Tensor): Tensor => to(x, 'bool'));
