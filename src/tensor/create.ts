import { CpuDevice } from '../device/cpu.ts';
import type { Device } from '../device/device.ts';
import { type DeviceKind, type DeviceOptions, openDevice } from '../device/open.ts';
import { float32Below } from '../kernels/kit/float32.ts';
import { toHalfBits } from '../kernels/kit/half.ts';
import { fill } from '../kernels/memory.ts';
import { openBestDevice } from '../measure/bestDevice.ts';
import { ArgumentError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { hostDraw } from './drawOnce.ts';
import { toInt32 } from './elements.ts';
import { underName } from './errorName.ts';
import { hostWrite } from './hostWrite.ts';
import { launch } from './launch.ts';
import type { Philox } from './random.ts';
import { formatShape, product, type Shape } from './shape.ts';
import { type DType, empty, isHalf, Tensor, type TensorData } from './tensor.ts';

const firstDevice = new CpuDevice();
let currentDevice: Device = firstDevice;

/**
 * Device of new tensors unless an option says otherwise: the CPU until `setDevice` or `useDevice`.
 * @example
 * defaultDevice().kind; // 'webgpu', 'wasm' or 'cpu'
 */
export const defaultDevice = (): Device => currentDevice;

/** The default device if it is a cpu device, else one that is always there. */
export const cpuDevice = (): Device => (currentDevice.kind === 'cpu' ? currentDevice : firstDevice);

/**
 * Makes new tensors on this device from now on; existing ones stay where they are.
 * @example
 * setDevice(await openDevice('cpu'));
 */
export function setDevice(device: Device): void {
  currentDevice = device;
}

/**
 * Opens a device and makes new tensors there from now on. `auto` is WebGPU on a GPU. Of a software
 * adapter and WebAssembly it is the faster one, which the first call on a machine measures; the
 * environment variable `WIGBERT_DEVICE` names another.
 * @example
 * const device = await useDevice('auto');
 * console.log(device.kind, device.description);
 */
export async function useDevice(
  kind: DeviceKind | 'auto' = 'auto',
  options: DeviceOptions = {},
): Promise<Device> {
  currentDevice = kind === 'auto' ? await openBestDevice(options) : await openDevice(kind, options);
  return currentDevice;
}

/** Where and how a tensor is made. */
export interface TensorOptions {
  dtype?: DType;
  device?: Device;
  requiresGrad?: boolean;
}
/** Numbers or booleans, alone, in nested lists or in a typed array. */
export type NestedArray =
  | number
  | boolean
  | readonly NestedArray[]
  | TensorData
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Uint32Array;
/** What `tensor` takes. */
export type TensorValues = NestedArray | BigInt64Array | BigUint64Array;

/**
 * A tensor of the given values: a number, nested arrays, or a typed array, with another `shape` if
 * that is given.
 * Typed arrays of integers give int32, booleans bool, everything else float32, unless `dtype` is
 * given: ids of 64 bits (BigInt64Array) become int32 too.
 * @throws ArgumentError if nested arrays are ragged, the shape does not fit, or an integer does not
 *   fit into int32.
 * @example
 * tensor([[1, 2], [3, 4]]).shape; // [2, 2]
 */
export function tensor(
  values: TensorValues,
  options: TensorOptions & { shape?: Shape } = {},
): Tensor {
  return underName('tensor', () => {
    if (isTypedArray(values)) return fromTypedArray(values, options);
    const flat: number[] = [];
    const shape = nestedShape(values);
    flatten(values, shape, 0, flat);
    const dtype = typeof firstElement(values) === 'boolean' ? 'bool' : 'float32';
    return fromFlat(flat, options.shape ?? shape, dtype, options);
  });
}

type TypedValues = Exclude<TensorValues, number | boolean | readonly NestedArray[]>;
const isTypedArray = (values: TensorValues): values is TypedValues => ArrayBuffer.isView(values);

/** Integers of all widths become int32. */
function fromTypedArray(values: TypedValues, options: TensorOptions & { shape?: Shape }): Tensor {
  const isFloat = values instanceof Float32Array || values instanceof Float64Array;
  const numbers =
    values instanceof BigInt64Array || values instanceof BigUint64Array
      ? Int32Array.from(values, (value) => toInt32(Number(value)))
      : values;
  const shape = options.shape ?? [values.length];
  return fromFlat(numbers, shape, isFloat ? 'float32' : 'int32', options);
}

function fromFlat(
  flat: ArrayLike<number>,
  shape: Shape,
  dtype: DType,
  options: TensorOptions,
): Tensor {
  if (product(shape) !== flat.length)
    throw new ArgumentError(
      `tensor: expected ${product(shape)} values for shape ${formatShape(shape)}, ` +
        `got ${flat.length}`,
    );
  const result = empty(shape, options.dtype ?? dtype, options.device ?? currentDevice).upload(flat);
  return options.requiresGrad ? result.requiresGrad_() : result;
}

const firstElement = (values: NestedArray): NestedArray =>
  Array.isArray(values) ? firstElement(values[0] ?? 0) : values;

function nestedShape(values: NestedArray): number[] {
  if (typeof values !== 'object') return [];
  return [values.length, ...(values.length > 0 ? nestedShape(values[0]) : [])];
}

function flatten(values: NestedArray, shape: Shape, depth: number, into: number[]): void {
  if (typeof values !== 'object') {
    if (depth !== shape.length && shape.length > 0)
      throw new ArgumentError('tensor: expected nested arrays of equal depth');
    into.push(Number(values));
    return;
  }
  if (values.length !== shape[depth]) {
    throw new ArgumentError(
      `tensor: ragged nested arrays: expected ${shape[depth]} values, got ${values.length}`,
    );
  }
  for (const value of values) flatten(value, shape, depth + 1, into);
}

const scalarBits = new DataView(new ArrayBuffer(4));

/**
 * Fills the memory of a tensor that shares it with no other, without noting a write.
 * @throws ArgumentError for what is neither a number nor a boolean.
 */
export function fillMemory(target: Tensor, value: number): Tensor {
  if (typeof value !== 'number' && typeof value !== 'boolean')
    throw new ArgumentError(`expected a number to fill with, got ${formatValue(value)}`);
  const { dtype, storage, size } = target;
  if (dtype === 'float32') scalarBits.setFloat32(0, value);
  else if (isHalf(dtype)) scalarBits.setUint32(0, toHalfBits(value, dtype) * 0x10001);
  else scalarBits.setInt32(0, dtype === 'bool' ? Number(value !== 0) : toInt32(value));
  const y = isHalf(dtype) ? new Tensor(storage, [Math.ceil(size / 2)], 'int32') : target;
  launch(fill, { y }, { count: y.size, bits: scalarBits.getUint32(0) });
  return target;
}

/**
 * A tensor with all elements equal to `value`.
 * @example
 * full([3], 7); // [7, 7, 7]
 */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  const result = fillMemory(
    empty(shape, options.dtype ?? 'float32', options.device ?? currentDevice),
    value,
  );
  return options.requiresGrad ? result.requiresGrad_() : result;
}

/** Sizes as a list or one by one, then options: `(shape, options)` or `(2, 3, options)`. */
export type Sizes<O> =
  | readonly [shape: Shape, options?: O]
  | readonly [...sizes: number[]]
  | readonly [...sizes: number[], options: O];

/** The shape and the options of `Sizes`. */
export function splitSizes<O extends object>(args: Sizes<O>): [Shape, O | undefined] {
  const last = args.at(-1);
  const options = typeof last === 'object' && !Array.isArray(last) ? (last as O) : undefined;
  const sizes = options ? args.slice(0, -1) : args.filter((one) => one !== undefined);
  return [(Array.isArray(sizes[0]) ? sizes[0] : sizes) as Shape, options];
}

/**
 * Zeros of a shape: `zeros([2, 3])` or `zeros(2, 3)`.
 * @example
 * zeros(2, 2); // [[0, 0], [0, 0]]
 */
export function zeros(...args: Sizes<TensorOptions>): Tensor {
  const [shape, options] = splitSizes(args);
  return full(shape, 0, options);
}
/**
 * Ones of a shape: `ones([2, 3])` or `ones(2, 3)`.
 * @example
 * ones(2, 2); // [[1, 1], [1, 1]]
 */
export function ones(...args: Sizes<TensorOptions>): Tensor {
  const [shape, options] = splitSizes(args);
  return full(shape, 1, options);
}

/**
 * The numbers from 0 to below `end`, or from `start` to below `end` by `step`: int32 if all are
 * whole, else float32.
 * @throws ArgumentError if one is not finite, or not whole where `dtype` is int32, or `step` is 0.
 * @example
 * arange(3); // [0, 1, 2]
 * arange(0.5, 3); // [0.5, 1.5, 2.5]
 * arange(6, 0, -2); // [6, 4, 2]
 */
export function arange(
  start: number,
  end?: number,
  stepOrOptions: number | TensorOptions = 1,
  more: TensorOptions = {},
): Tensor {
  const [step, options] =
    typeof stepOrOptions === 'number' ? [stepOrOptions, more] : [1, stepOrOptions];
  const [first, stop] = end === undefined ? [0, start] : [start, end];
  const numbers = [first, stop, step];
  const { dtype = numbers.every(Number.isInteger) ? 'int32' : 'float32' } = options;
  const isFloat = dtype === 'float32' || isHalf(dtype);
  const isValid = isFloat ? Number.isFinite : Number.isSafeInteger;
  if (!numbers.every(isValid) || step === 0) {
    const expected = isFloat ? 'finite numbers' : 'whole numbers';
    const got = step === 1 ? `${first} and ${stop}` : `${first}, ${stop} and a step of ${step}`;
    throw new ArgumentError(`arange: expected ${expected}, got ${got}`);
  }
  const length = Math.max(0, Math.ceil((stop - first) / step));
  const values = Array.from({ length }, (_, i) => first + i * step);
  return tensor(values, { ...options, dtype });
}

const BELOW_ONE = float32Below(1);

/** Random numbers are float32. */
type RandomOptions = Omit<TensorOptions, 'dtype'>;

/**
 * Normal random numbers of mean 0 and variance 1: `randn([2, 3])` or `randn(2, 3)`.
 * @example
 * randn(2, 3, { requiresGrad: true }).shape; // [2, 3]
 */
export const randn = (...args: Sizes<RandomOptions>): Tensor =>
  randomTensor(args, (random) => random.normal());
/**
 * Uniform random numbers in [0, 1): `rand([2, 3])` or `rand(2, 3)`.
 * @example
 * rand(2, 3).shape; // [2, 3]
 */
export const rand = (...args: Sizes<RandomOptions>): Tensor =>
  // Rounded to float32, the numbers nearest to 1 would be 1.
  randomTensor(args, (random) => Math.min(random.uniform(), BELOW_ONE));

function randomTensor(args: Sizes<RandomOptions>, sample: (random: Philox) => number): Tensor {
  const [shape, { device = currentDevice, requiresGrad = false } = {}] = splitSizes(args);
  const result = empty(shape, 'float32', device);
  const { binding } = result.storage;
  const values = hostDraw(device, (random) =>
    Float32Array.from({ length: product(shape) }, () => sample(random)),
  );
  device.onReplay(() => hostWrite(device, binding, values()));
  return result.requiresGrad_(requiresGrad);
}
