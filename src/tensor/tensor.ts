import type { Device } from '../device/device.ts';
import { isDense } from '../kernels/kit/map.ts';
import { ArgumentError, StateError } from '../platform/errors.ts';
import { guardGradient, guardUse } from './captureGuard.ts';
import { hostWrite } from './hostWrite.ts';
import { track } from './scope.ts';
import { contiguousStrides, forEachStrided, formatShape, product, type Shape } from './shape.ts';
import { Storage } from './storage.ts';

/** Elements are 32 bits wide; booleans are integers 0 and 1. */
export type DType = 'float32' | 'int32' | 'bool';
export type TensorData = Float32Array | Int32Array;

/** A gradient that is zero but for a few rows, which add themselves to where all the others have come together. */
export interface SparseRowGradient {
  /** What must live until then. */
  readonly keepAlive: readonly Tensor[];
  /** `touchedRows` is told which rows they are, if it is given. */
  accumulateInto(gradient: Tensor, touchedRows?: Tensor): void;
}

/** How a tensor came about: what backward needs to send a gradient on to the inputs. */
export interface Node {
  readonly id: number;
  readonly name: string;
  readonly inputs: readonly Tensor[];
  /** From the gradient of the result to those of the inputs (null: none). Undefined once used up. */
  backward: ((gradient: Tensor) => (Tensor | SparseRowGradient | null)[]) | undefined;
}

/**
 * An n-dimensional array on a device, as PyTorch's. Views (reshape, transpose, slices, expand) share memory.
 * Operations are methods, declared beside them in `ops/`; this file holds what a tensor is.
 */
export class Tensor {
  #storage: Storage;
  readonly shape: Shape;
  readonly strides: readonly number[];
  /** Where the first element lies, in elements from the start of the storage. */
  readonly offset: number;
  readonly dtype: DType;
  /** Whether operations on it are recorded for `backward`. */
  requiresGrad = false;
  gradFn: Node | undefined;
  /** Where an optimiser wants the gradient, so that all of them lie together. */
  gradBuffer: Storage | undefined;
  /** Whether gradients are expected to be of few rows: optimisers then keep track of which those are. */
  sparseGrad = false;
  #grad: Tensor | null = null;
  #disposed = false;

  constructor(
    storage: Storage,
    shape: Shape,
    dtype: DType = 'float32',
    strides: Shape = contiguousStrides(shape),
    offset = 0,
  ) {
    this.#storage = storage;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
    this.dtype = dtype;
    storage.retain();
    track(this);
  }

  /**
   * What `backward` has added up so far; null before. An optimiser's parameters have it in memory that the next backward after
   * `zeroGrad` overwrites: `clone` it to keep it.
   */
  get grad(): Tensor | null {
    return this.#grad;
  }

  set grad(gradient: Tensor | null) {
    guardGradient(this, false);
    this.#grad = gradient;
  }

  get storage(): Storage {
    return this.#storage;
  }

  get device(): Device {
    return this.#storage.device;
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return product(this.shape);
  }

  /** Whether elements lie in row-major order without gaps. */
  get isContiguous(): boolean {
    return isDense(this.ndim, this.shape, this.strides);
  }

  /** Turns recording on or off for a tensor that no operation made. Returns it. */
  requiresGrad_(value = true): this {
    if (value && this.dtype !== 'float32')
      throw new ArgumentError(`only float32 tensors have gradients, not ${this.dtype}`);
    this.requiresGrad = value;
    return this;
  }

  /** The same elements, unknown to `backward`. */
  detach(): Tensor {
    return this.asStrided(this.shape, this.strides, this.offset);
  }

  /** Another view of this memory, without a gradient. */
  asStrided(shape: Shape, strides: Shape, offset: number): Tensor {
    guardUse(this);
    return new Tensor(this.storage, shape, this.dtype, strides, offset);
  }

  /** The elements in row-major order, once the device has computed them. */
  async data(): Promise<TensorData> {
    this.#assertNotDisposed();
    const { binding, device } = this.storage;
    const { shape, strides, offset, size, dtype } = this;
    const last = shape.reduce((at, n, d) => at + (n - 1) * strides[d], offset);
    if (size === 0) return dtype === 'float32' ? new Float32Array(0) : new Int32Array(0);
    const bytes = await device.read({
      buffer: binding.buffer,
      offset: binding.offset + offset * 4,
      size: (last + 1 - offset) * 4,
    });
    const values = dtype === 'float32' ? new Float32Array(bytes) : new Int32Array(bytes);
    if (this.isContiguous) return values;
    const dense = dtype === 'float32' ? new Float32Array(size) : new Int32Array(size);
    forEachStrided(this.ndim, shape, [strides], [0], (i, [at]) => {
      dense[i] = values[at];
    });
    return dense;
  }

  /** The value of a tensor of one element. Throws ArgumentError for any other. */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ArgumentError(
        `item: a tensor of one element was expected, not one of shape ${formatShape(this.shape)}`,
      );
    return (await this.data())[0];
  }

  /** The elements as nested arrays. */
  async tolist(): Promise<unknown> {
    const values = await this.data();
    let at = 0;
    const nest = (d: number): unknown =>
      d === this.ndim ? values[at++] : Array.from({ length: this.shape[d] }, () => nest(d + 1));
    return nest(0);
  }

  /** Overwrites the elements with values from the host, in place. Throws ArgumentError when their number differs. */
  copy_(values: TensorData | readonly number[]): this {
    this.#assertNotDisposed();
    const array = toTypedArray(values, this.dtype);
    if (array.length !== this.size || (this.size > 0 && !this.isContiguous)) {
      throw new ArgumentError(
        `copy_: ${array.length} values for a tensor of shape ${formatShape(this.shape)}`,
      );
    }
    const { binding, device } = this.storage;
    if (array.length > 0)
      hostWrite(device, { ...binding, offset: binding.offset + this.offset * 4 }, array);
    const { bytes, touchedRows } = this.storage;
    if (this.dtype !== 'float32')
      this.storage.hostIndexRange =
        bytes === 4 * this.size ? indexRangeOf(array as Int32Array) : undefined;
    touchedRows?.copy_(new Int32Array(touchedRows.size).fill(1));
    return this;
  }

  /** Moves to other memory, which holds the same elements from its start; views taken before stay where they are. */
  setStorage(storage: Storage): void {
    storage.retain();
    this.#storage.release();
    this.#storage = storage;
  }

  /** Gives the memory back at once, unless views of it are alive. Using the tensor later throws. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.gradFn = undefined;
    this.storage.release();
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return `Tensor(shape=${formatShape(this.shape)}, dtype=${this.dtype}, device=${this.device.kind})`;
  }

  #assertNotDisposed(): void {
    if (this.#disposed)
      throw new StateError(`${this} was disposed: keep it (\`keep\`) or return it from its scope`);
  }
}

/** Values as elements of a type; as booleans, all but 0 are 1. */
function toTypedArray(values: TensorData | readonly number[], dtype: DType): TensorData {
  if (dtype === 'bool') return Int32Array.from(values, (value) => Number(value !== 0));
  const ArrayType = dtype === 'float32' ? Float32Array : Int32Array;
  return values instanceof ArrayType ? values : ArrayType.from(values);
}

function indexRangeOf(values: Int32Array): Storage['hostIndexRange'] {
  let [least, nextLeast] = [0x7fffffff, 0x7fffffff];
  let [greatest, nextGreatest] = [-0x80000000, -0x80000000];
  for (const value of values) {
    if (value < least) {
      nextLeast = least;
      least = value;
    } else if (value > least && value < nextLeast) nextLeast = value;
    if (value > greatest) {
      nextGreatest = greatest;
      greatest = value;
    } else if (value < greatest && value > nextGreatest) nextGreatest = value;
  }
  const extremes =
    least < greatest
      ? [least, nextLeast, nextGreatest, greatest]
      : values.length > 0
        ? [least]
        : [];
  return { extremes, count: values.length };
}

/** A tensor with undefined contents. Throws ArgumentError for sizes that are no whole numbers of 0 or more. */
export function empty(shape: Shape, dtype: DType, device: Device): Tensor {
  if (!shape.every((n) => Number.isInteger(n) && n >= 0))
    throw new ArgumentError(`${formatShape(shape)} is no shape of a tensor`);
  return new Tensor(new Storage(device, product(shape) * 4), shape, dtype);
}
